import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type Server,
  type ServerResponse,
} from "node:http";
import { pipeline, type Duplex } from "node:stream";
import { bodyHeaders, endToEndHeaders } from "../wire/headers.js";
import { messageOf } from "../wire/problem.js";
import { relay, reset } from "../wire/relay.js";
import { Connector, Refusal, type Resolver } from "./connector.js";
import type { Rules } from "./rules.js";
import { serveSocks, SOCKS_VERSION, take } from "./socks.js";

/** How many connections a sandbox may have open. More wait until one is closed. */
const MOST_CONNECTIONS = 256;

const DENIED = "Denied by the network policy";
const STATUS = {
  denied: [403, DENIED],
  invalid: [400, "Bad Request"],
  unreachable: [502, "Bad Gateway"],
} as const satisfies Record<Refusal["kind"], readonly [status: number, reason: string]>;

/**
 * The proxy of one sandbox, for HTTP, CONNECT and SOCKS 5 on the same connections. It runs in this process: code in the
 * box reaches it through the supervisor, and can only send it bytes.
 */
export class EgressProxy {
  readonly #connector: Connector;
  readonly #http: Server;
  /** By connection: aborts what is done for it when it closes. */
  readonly #open = new Map<Duplex, AbortController>();
  #onSlot: () => void = () => undefined;

  constructor(rules: Rules, resolve?: Resolver) {
    this.#connector = new Connector(rules, resolve);
    // Never listens: connections come from the box. The Host header of a request through a proxy has no meaning.
    this.#http = createServer({ requireHostHeader: false }, (request, response) => {
      this.#forward(request, response).catch((error: unknown) => sendError(response, error));
    });
    this.#http.on("connect", (request, client, head) => void this.#tunnel(request, client, head));
    this.#http.on("clientError", (error, client) => {
      if (client.writable) client.end(errorMessage(new Refusal("invalid", `${messageOf(error)}.`)));
      else client.destroy();
    });
  }

  get rules(): Rules {
    return this.#connector.rules;
  }

  /** See {@link Connector.rules}. */
  set rules(rules: Rules) {
    this.#connector.rules = rules;
  }

  /** Serves the connections of a box until it ends. @param accept - resolves to the next one */
  async serve(accept: () => Promise<Duplex>): Promise<void> {
    for (;;) {
      while (this.#open.size >= MOST_CONNECTIONS) {
        await new Promise<void>((resolve) => (this.#onSlot = resolve));
      }
      let client: Duplex;
      try {
        client = await accept();
      } catch {
        return; // the box ended
      }
      this.#accept(client);
    }
  }

  #accept(client: Duplex): void {
    const controller = new AbortController();
    this.#open.set(client, controller);
    client.on("error", () => undefined);
    client.once("close", () => {
      controller.abort();
      this.#open.delete(client);
      this.#onSlot();
    });
    this.#start(client, controller.signal).catch(() => reset(client));
  }

  /** Looks at the first byte, leaves it in the stream, and serves the protocol that it belongs to. */
  async #start(client: Duplex, signal: AbortSignal): Promise<void> {
    const first = await take(client, 1);
    client.unshift(first);
    if (first[0] === SOCKS_VERSION) await serveSocks(client, this.#connector, signal);
    else this.#http.emit("connection", client);
  }

  async #tunnel(request: IncomingMessage, client: Duplex, head: Buffer): Promise<void> {
    try {
      const { host, port } = parseAuthority(request.url ?? "");
      const target = await this.#connector.connect(host, port, this.#signalOf(client));
      client.write("HTTP/1.1 200 Connection established\r\n\r\n");
      if (head.length > 0) client.unshift(head);
      relay(client, target);
    } catch (error) {
      client.end(errorMessage(error));
      client.resume();
    }
  }

  /** Forwards a request for a plain HTTP server. Each request is decided about, also on the same connection. */
  async #forward(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { host, port, authority, target } = parseTarget(request.url ?? "");
    const socket = await this.#connector.connect(host, port, this.#signalOf(request.socket));
    response.once("close", () => socket.destroy());
    const { method = "GET", headers } = request;
    const outgoing = httpRequest({
      createConnection: () => socket,
      method,
      path: target,
      headers: forwardedHeaders(request, authority),
    });
    await new Promise<void>((resolve, reject) => {
      const fail = (error?: Error) => {
        const why = error === undefined ? "it was closed" : messageOf(error);
        reject(new Refusal("unreachable", `The connection to ${authority} failed: ${why}.`));
      };
      outgoing.on("error", fail).once("close", () => fail());
      outgoing.once("response", (incoming) => {
        relayResponse(incoming, response);
        resolve();
      });
      const hasBody = headers["content-length"] !== undefined || headers["transfer-encoding"] !== undefined;
      if (hasBody) request.pipe(outgoing);
      else outgoing.end();
    });
  }

  #signalOf(client: Duplex): AbortSignal {
    return this.#open.get(client)?.signal ?? AbortSignal.abort();
  }
}

interface Authority {
  readonly host: string;
  readonly port: number;
}

/** Parses `host:port`. @throws {Refusal} */
function parseAuthority(text: string, defaultPort?: number): Authority {
  const [, host = "", port] = /^(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/.exec(text) ?? [];
  if (host === "" || (port === undefined && defaultPort === undefined)) {
    throw new Refusal("invalid", `${JSON.stringify(text)} is not a host and a port.`);
  }
  return { host, port: port === undefined ? (defaultPort ?? 0) : Number(port) };
}

/** Parses the target of a request to a proxy. @throws {Refusal} */
function parseTarget(url: string): Authority & { readonly authority: string; readonly target: string } {
  const [, scheme = "", authority = "", target = ""] = /^(\w+):\/\/([^/?#]*)([^#]*)/.exec(url) ?? [];
  if (scheme.toLowerCase() !== "http") {
    const advice = "This is an HTTP proxy. It needs an absolute http:// URL, or CONNECT for all else.";
    throw new Refusal("invalid", advice);
  }
  return {
    ...parseAuthority(authority, 80),
    authority,
    target: target.startsWith("/") ? target : `/${target}`,
  };
}

function forwardedHeaders(request: IncomingMessage, authority: string): OutgoingHttpHeaders {
  const kept = endToEndHeaders(Object.entries(request.headersDistinct), request.headers.connection);
  return {
    ...Object.fromEntries(kept.filter(([name]) => name !== "expect")),
    // Not the client's, which may name a host that the rules do not allow.
    host: authority,
    // Node.js would otherwise send the body of a GET without framing, as if it were a second request.
    ...(request.headers["transfer-encoding"] !== undefined && { "transfer-encoding": "chunked" }),
  };
}

function relayResponse(incoming: IncomingMessage, response: ServerResponse): void {
  const kept = endToEndHeaders(Object.entries(incoming.headersDistinct), incoming.headers.connection);
  response.sendDate = false;
  try {
    response.writeHead(incoming.statusCode ?? 502, incoming.statusMessage, Object.fromEntries(kept));
  } catch (error) {
    incoming.destroy();
    sendError(response, new Refusal("unreachable", `The response is invalid: ${messageOf(error)}.`));
    return;
  }
  pipeline(incoming, response, (error) => error && response.destroy());
}

function describe(error: unknown): {
  status: number;
  reason: string;
  text: string;
  headers: Record<string, string>;
} {
  const kind = error instanceof Refusal ? error.kind : "unreachable";
  const [status, reason] = STATUS[kind];
  const text = `${messageOf(error)}\n`;
  return {
    status,
    reason,
    text,
    headers: { ...bodyHeaders("text/plain; charset=utf-8", text), connection: "close" },
  };
}

function sendError(response: ServerResponse, error: unknown): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const { status, reason, text, headers } = describe(error);
  response.writeHead(status, reason, headers).end(text);
}

/** Encodes an error as a whole response. */
function errorMessage(error: unknown): string {
  const { status, reason, text, headers } = describe(error);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${reason}\r\n${lines.join("")}\r\n${text}`;
}
