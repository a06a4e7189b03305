import { createServer, type AddressInfo, type Socket } from "node:net";
import { once } from "node:events";
import { FaultServer, type FaultExchange } from "./faults/fault-server.js";

/** One request on a raw socket, with methods to respond to it. */
export class RawExchange {
  readonly socket: Socket;
  readonly method: string;
  /** Path and query as sent. */
  readonly path: string;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  /** Resolves when either side has closed the socket. */
  readonly closed: Promise<void>;
  /** The complete body; rejects if the connection ends before. */
  readonly body: Promise<string>;

  constructor({ socket, method, path, headers, received, closed }: FaultExchange) {
    this.socket = socket;
    this.method = method;
    this.path = path;
    this.headers = headers;
    this.closed = closed;
    const cut = closed.then(() => {
      throw new Error("The connection ended inside the request.");
    });
    this.body = Promise.race([received.then(String), cut]);
    this.body.catch(() => undefined);
  }

  write(text: string | Uint8Array): void {
    this.socket.write(text);
  }

  /** Writes a complete response and closes the connection. */
  answer(
    status: number,
    body: string | Uint8Array = "",
    headers: Readonly<Record<string, string>> = {},
  ): void {
    const bytes = Buffer.from(body);
    this.head(status, { "content-length": String(bytes.byteLength), ...headers });
    this.socket.end(bytes);
  }

  json(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): void {
    this.answer(status, JSON.stringify(value), { "content-type": "application/json", ...headers });
  }

  /** Writes only the status line and headers. */
  head(status: number, headers: Readonly<Record<string, string>> = {}): void {
    const lines = Object.entries({ connection: "close", ...headers }).map(
      ([name, value]) => `${name}: ${value}\r\n`,
    );
    this.socket.write(`HTTP/1.1 ${status} Some Reason\r\n${lines.join("")}\r\n`);
  }

  /** Writes the head of a chunked response. */
  chunkedHead(status = 200, headers: Readonly<Record<string, string>> = {}): void {
    this.head(status, { "transfer-encoding": "chunked", ...headers });
  }

  chunk(text: string): void {
    this.socket.write(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`);
  }

  lastChunk(): void {
    this.socket.end("0\r\n\r\n");
  }

  /** Closes the connection with RST. */
  reset(): void {
    this.socket.resetAndDestroy();
  }
}

/** A {@link FaultServer} that closes the connection after each response and keeps whole request bodies. */
export class RawServer implements AsyncDisposable {
  /** All requests so far. */
  readonly exchanges: RawExchange[] = [];
  #server!: FaultServer;

  /** Starts a server. `onRequest` is called when the head of a request has arrived, with its number, starting at 1. */
  static async start(onRequest: (exchange: RawExchange, count: number) => void): Promise<RawServer> {
    const raw = new RawServer();
    raw.#server = await FaultServer.start(
      (received) => {
        const exchange = new RawExchange(received);
        onRequest(exchange, raw.exchanges.push(exchange));
      },
      { keepsExchanges: false, keptBodyBytes: Infinity },
    );
    return raw;
  }

  get origin(): string {
    return this.#server.origin;
  }

  /** Returns the request with this number, starting at 1. */
  exchange(count: number): RawExchange {
    const exchange = this.exchanges[count - 1];
    if (exchange === undefined) throw new Error(`Only ${this.exchanges.length} requests were sent.`);
    return exchange;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#server[Symbol.asyncDispose]();
  }
}

/** Returns an origin on which nothing listens, so that connections are refused. */
export async function unusedOrigin(): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return `http://127.0.0.1:${port}`;
}
