import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import type { Duplex } from "node:stream";
import { SandboxException } from "../../errors.js";
import { errorCode } from "../wire/problem.js";
import { discard, readableBody } from "./streams.js";
import { OwnHosts } from "./own-hosts.js";
import { joinUpgrade, type UpgradeHandler } from "./upgrades.js";

/** Handles a request. The request's signal is aborted when the client disconnects. */
export type FetchHandler = (request: Request) => Promise<Response>;

const HEADERS_TIMEOUT_MS = 20_000;
const LARGEST_HEADERS = 32 * 1024;
/** The maximum time between two chunks of a request body. */
const BODY_IDLE_MS = 60_000;
/** The maximum time to read the rest of a request body after the response was sent. */
const REST_MS = 10_000;

/** Options of a {@link Listener}. */
export interface ListenerOptions {
  /** Where to listen, and the names that clients may use. @default the loopback interface */
  readonly hosts?: OwnHosts;
  /** Milliseconds to receive all headers of a request. */
  readonly headersTimeoutMs?: number;
  /** Milliseconds without a byte of an incomplete request body. */
  readonly bodyIdleMs?: number;
}

/** Listens on a port and passes requests to a fetch handler. */
export class Listener {
  readonly #server: Server;
  readonly #hosts: OwnHosts;
  readonly port: number;
  /** The server counts these as its connections, but does not close them. */
  readonly #upgraded = new Set<Duplex>();

  /** @throws {SandboxException} `PORT_UNAVAILABLE` */
  static async open(port: number, handler: FetchHandler, options: ListenerOptions = {}): Promise<Listener> {
    const { headersTimeoutMs = HEADERS_TIMEOUT_MS, bodyIdleMs = BODY_IDLE_MS } = options;
    const { hosts = new OwnHosts({ host: "127.0.0.1", allowedHosts: [] }) } = options;
    const settings = {
      maxHeaderSize: LARGEST_HEADERS,
      headersTimeout: headersTimeoutMs,
      // No limit for the whole request: an upload may take any time. Only its pauses are limited.
      requestTimeout: 0,
      connectionsCheckingInterval: Math.min(headersTimeoutMs, 5000),
    };
    const server = createServer(settings, (incoming, outgoing) => {
      dropWhenIdle(incoming, bodyIdleMs);
      void respond(incoming, outgoing, handler, hosts);
    });
    server.listen(port, hosts.address);
    try {
      await once(server, "listening");
    } catch (error) {
      throw unavailable(hosts.address, port, error);
    }
    return new Listener(server, hosts);
  }

  private constructor(server: Server, hosts: OwnHosts) {
    this.#server = server;
    this.#hosts = hosts;
    // Never a string for a server that listens on TCP.
    this.port = (server.address() as AddressInfo).port;
  }

  /** Accepts requests to switch protocols, such as WebSocket handshakes. */
  acceptUpgrades(handler: UpgradeHandler): void {
    this.#server.on("upgrade", (incoming, client, head) => {
      // RFC 9113 removed the upgrade to HTTP/2. Clients that ask for it accept a response over HTTP/1.1.
      if (isForHttp2(incoming)) return this.#handleWithoutUpgrade(incoming, client, head);
      this.#upgraded.add(client);
      client.once("close", () => this.#upgraded.delete(client));
      if (isForUs(incoming, this.#hosts)) void joinUpgrade(incoming, client, head, handler);
      else client.destroy();
    });
  }

  /** Returns a request to the server without its upgrade headers. */
  #handleWithoutUpgrade(incoming: IncomingMessage, client: Duplex, head: Buffer): void {
    const { method = "GET", url = "/", httpVersion, rawHeaders } = incoming;
    const lines = [`${method} ${url} HTTP/${httpVersion}`];
    for (let index = 0; index < rawHeaders.length; index += 2) {
      const name = rawHeaders[index] ?? "";
      const value = rawHeaders[index + 1] ?? "";
      if (/^(upgrade|http2-settings)$/i.test(name)) continue;
      const kept = value.split(",").filter((item) => !/^\s*(upgrade|http2-settings)\s*$/i.test(item));
      if (/^connection$/i.test(name) && kept.length === 0) continue;
      lines.push(`${name}: ${/^connection$/i.test(name) ? kept.join(",") : value}`);
    }
    client.unshift(Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), head]));
    this.#server.emit("connection", client);
  }

  /** The address for a client on this machine, as `host:port`. */
  get host(): string {
    return this.#hosts.reach(this.port);
  }

  async close(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    for (const client of this.#upgraded) client.destroy();
    await closed;
  }
}

function isForHttp2({ headers: { upgrade = "" } }: IncomingMessage): boolean {
  return upgrade.split(",").some((protocol) => protocol.trim().toLowerCase() === "h2c");
}

function unavailable(address: string, port: number, cause: unknown): SandboxException {
  const code = errorCode(cause);
  const reason =
    code === "EADDRINUSE"
      ? "another program uses it"
      : code === "EACCES"
        ? "ports below 1024 need privileges"
        : code === "EADDRNOTAVAIL"
          ? `${address} is not an address of this machine`
          : String(cause);
  return new SandboxException({
    code: "PORT_UNAVAILABLE",
    message: `The local server cannot listen on port ${port}: ${reason}. Use another port, or port 0 for any free one.`,
    cause,
  });
}

async function respond(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  handler: FetchHandler,
  hosts: OwnHosts,
): Promise<void> {
  const controller = new AbortController();
  outgoing.once("close", () => {
    if (!outgoing.writableFinished) controller.abort(new Error("the client closed the connection"));
  });
  try {
    if (!isForUs(incoming, hosts)) {
      refuseHost(incoming, outgoing);
      return;
    }
    const response = await handler(toRequest(incoming, controller.signal));
    await send(response, outgoing, incoming.method === "HEAD");
    readTheRest(incoming);
  } catch {
    // The handler responds to all its own errors. Only a lost client or a broken body gets here.
    outgoing.destroy();
  }
}

/**
 * Reads the part of the request body that the handler left unread. Closing the connection instead could discard the
 * response while the client still sends; leaving it would block the next request.
 */
function readTheRest(incoming: IncomingMessage): void {
  if (incoming.complete) return;
  discard(incoming);
  const timer = setTimeout(() => incoming.destroy(), REST_MS);
  timer.unref();
  incoming.once("close", () => clearTimeout(timer));
}

/** Closes a connection whose client stops sending in the middle of a body. A paused read does not count as idle. */
function dropWhenIdle(incoming: IncomingMessage, idleMs: number): void {
  if (incoming.complete) return;
  let received = -1;
  const check = setInterval(() => {
    const { bytesRead } = incoming.socket;
    const isWaiting = !incoming.complete && !incoming.isPaused();
    if (isWaiting && bytesRead === received) incoming.destroy();
    received = bytesRead;
  }, idleMs);
  check.unref();
  incoming.once("close", () => clearInterval(check));
}

function isForUs({ headers, socket }: IncomingMessage, hosts: OwnHosts): boolean {
  const { localAddress: address = "", localPort: port = 0 } = socket;
  return hosts.includes(headers.host, { address, port });
}

function refuseHost({ headers, socket }: IncomingMessage, outgoing: ServerResponse): void {
  const given = JSON.stringify(headers.host ?? "");
  const message = `This server responds to 127.0.0.1:${socket.localPort ?? 0} and localhost:${socket.localPort ?? 0}, and to the names in allowedHosts (serve --allowed-host); the request has the Host ${given}.`;
  outgoing.writeHead(403, { "content-type": "application/json" });
  outgoing.end(JSON.stringify({ code: "HOST_NOT_ALLOWED", message }));
}

function toRequest(incoming: IncomingMessage, signal: AbortSignal): Request {
  const { method = "GET", url = "/", headers } = incoming;
  const given = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) given.set(name, Array.isArray(value) ? value.join(", ") : value);
  }
  const hasBody = method !== "GET" && method !== "HEAD" && (headers["content-length"] ?? "0") !== "0";
  const body =
    hasBody || headers["transfer-encoding"] !== undefined ? readableBody(incoming, signal, discard) : null;
  const target = url.startsWith("/") ? url : "/";
  return new Request(`http://${headers.host ?? "127.0.0.1"}${target}`, {
    method,
    headers: given,
    signal,
    body,
    ...(body && { duplex: "half" as const }),
  });
}

async function send(response: Response, outgoing: ServerResponse, isHead: boolean): Promise<void> {
  const cookies = response.headers.getSetCookie();
  outgoing.writeHead(response.status, {
    ...Object.fromEntries(response.headers),
    ...(cookies.length > 0 && { "set-cookie": cookies }),
  });
  const { body } = response;
  if (body === null || isHead || outgoing.destroyed) {
    await body?.cancel();
    outgoing.end();
    return;
  }
  // Send headers immediately: the first event of a stream may take long.
  outgoing.flushHeaders();
  const reader: ReadableStreamDefaultReader<Uint8Array> = body.getReader();
  const gone = once(outgoing, "close").then(() => reader.cancel());
  gone.catch(() => undefined);
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    if (!outgoing.write(value)) await Promise.race([once(outgoing, "drain"), gone]);
  }
  outgoing.end();
}
