import {
  connect,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
  type OutgoingHttpHeaders,
} from "node:http2";
import type { Duplex } from "node:stream";
import { readableBody } from "../http/streams.js";
import { ByteStream } from "../wire/byte-stream.js";
import { OUTSIDE, reset } from "../wire/relay.js";

const CONTROL_TIMEOUT_MS = 20_000;
/** The maximum size of the unread part of one response in this process, in bytes. */
const STREAM_WINDOW = 256 * 1024;

/**
 * Response headers of the supervisor that reach clients. All others are dropped, as code in the box could forge them.
 */
const RELAYED_HEADERS = [
  "accept-ranges",
  "allow",
  "cache-control",
  "content-disposition",
  "content-length",
  "content-range",
  "content-type",
  "execd-commands-tail-cursor",
  "last-modified",
  "location",
  "x-accel-buffering",
  "x-content-type-options",
] as const;

/** A request to the supervisor of a box. */
export interface BoxRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Whether one of the user's own servers responds; all of its headers are passed on. */
  readonly isForeign?: boolean | undefined;
  readonly body: ReadableStream<Uint8Array> | null;
  readonly signal: AbortSignal;
}

/** The connection to the supervisor of a box. Only a pending request keeps this process alive. */
export class SupervisorSession {
  readonly #session: ClientHttp2Session;
  #activeRequests = 0;

  constructor(channel: Duplex) {
    this.#session = connect("http://box", {
      createConnection: () => channel,
      // Many responses can wait for slow readers at once. The default limit would refuse new streams.
      maxSessionMemory: 1000,
      settings: { enablePush: false, initialWindowSize: STREAM_WINDOW, maxHeaderListSize: 16 * 1024 },
    });
    this.#session.on("error", () => undefined); // each request reports its own error
    channel.on("error", () => undefined);
    this.#session.unref();
  }

  /**
   * Sends a request and resolves to the response with an unread body.
   *
   * @throws the signal's reason, or an error that says why the supervisor did not respond
   */
  async request(request: BoxRequest): Promise<Response> {
    const { signal } = request;
    try {
      signal.throwIfAborted();
      return await this.#send(request);
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    }
  }

  /**
   * Connects to a port in the box.
   *
   * @throws {Error} if nothing listens on the port
   */
  connect(port: number): Promise<Duplex> {
    const stream = this.#open({ ":method": "CONNECT", ":authority": `box:${port}` }, false);
    return onResponse<Duplex>(stream, (headers) => {
      if (headers[":status"] === 200) return new ByteStream(stream);
      stream.close();
      return Promise.reject(new Error("connection refused"));
    });
  }

  /**
   * Waits for the next connection that leaves the box. It does not keep this process alive meanwhile.
   *
   * @throws {Error} if the box ends
   */
  async accept(): Promise<Duplex> {
    const stream = this.#session.request(
      { ":method": "CONNECT", ":authority": OUTSIDE },
      { endStream: false },
    );
    await onResponse(stream, () => undefined);
    this.#holdWhileOpen(stream);
    return new ByteStream(stream);
  }

  #send({ method, path: target, headers, isForeign = false, body, signal }: BoxRequest): Promise<Response> {
    const stream = this.#open({ ...headers, ":method": method, ":path": target }, body === null);
    const cancel = () => reset(stream);
    signal.addEventListener("abort", cancel, { once: true });
    stream.once("close", () => signal.removeEventListener("abort", cancel));
    body?.pipeTo(writableBody(stream)).catch(cancel);
    return onResponse(stream, (received) => {
      try {
        return toResponse(received, readableBody(stream, signal), isForeign);
      } catch (error) {
        cancel();
        throw error;
      }
    });
  }

  #open(headers: OutgoingHttpHeaders, endStream: boolean): ClientHttp2Stream {
    const stream = this.#session.request(headers, { endStream });
    this.#holdWhileOpen(stream);
    return stream;
  }

  #holdWhileOpen(stream: ClientHttp2Stream): void {
    this.#hold(true);
    stream.once("close", () => this.#hold(false));
  }

  /** Sends an instruction for the supervisor itself, which no client can send. */
  async control(method: string, value?: unknown): Promise<void> {
    const body = value === undefined ? null : new Blob([JSON.stringify(value)]).stream();
    // Code in the box may keep its supervisor from responding.
    const signal = AbortSignal.timeout(CONTROL_TIMEOUT_MS);
    const response = await this.request({ method, path: "/", body, signal });
    await response.body?.cancel();
  }

  /** Ends all requests with an error. */
  destroy(error: Error): void {
    this.#session.destroy(error);
  }

  #hold(held: boolean): void {
    this.#activeRequests += held ? 1 : -1;
    if (this.#session.destroyed) return;
    if (this.#activeRequests > 0) this.#session.ref();
    else this.#session.unref();
  }
}

/** Resolves to what `accept` returns for the headers of a response, before its body is read. */
function onResponse<Result>(
  stream: ClientHttp2Stream,
  accept: (headers: IncomingHttpHeaders & IncomingHttpStatusHeader) => Result | Promise<Result>,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    stream.on("error", reject);
    stream.once("close", () => reject(new Error("the sandbox closed the connection")));
    stream.once("response", (headers) => {
      try {
        resolve(accept(headers));
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    });
  });
}

function toResponse(
  headers: IncomingHttpHeaders,
  body: ReadableStream<Uint8Array>,
  isForeign: boolean,
): Response {
  const status = Number(headers[":status"]);
  const relayed = new Headers();
  for (const name of isForeign ? Object.keys(headers) : RELAYED_HEADERS) {
    if (name.startsWith(":")) continue;
    for (const value of [headers[name] ?? []].flat()) relayed.append(name, value);
  }
  const bodiless = [204, 205, 304].includes(status) || headers["content-length"] === "0";
  if (bodiless) void body.cancel();
  return new Response(bodiless ? null : body, { status, headers: relayed });
}

function writableBody(stream: Duplex): WritableStream<Uint8Array> {
  return new WritableStream({
    write: (chunk) =>
      new Promise((resolve, reject) => {
        stream.write(chunk, (error) => (error ? reject(error) : resolve()));
      }),
    close: () => void stream.end(),
    abort: () => void stream.destroy(),
  });
}
