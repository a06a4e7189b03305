import { createServer, type AddressInfo, type Socket } from "node:net";
import { once } from "node:events";

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

  constructor(socket: Socket, head: string, body: Promise<string>) {
    const [requestLine = "", ...lines] = head.split("\r\n");
    const [method = "", path = ""] = requestLine.split(" ");
    this.socket = socket;
    this.method = method;
    this.path = path;
    this.headers = Object.fromEntries(
      lines.map((line) => {
        const colon = line.indexOf(":");
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
      }),
    );
    this.body = body;
    body.catch(() => undefined);
    this.closed = socket.closed
      ? Promise.resolve()
      : // Not `once` of node:events, which rejects on a reset.
        new Promise((resolve) => socket.once("close", () => resolve()));
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

/** An HTTP server for protocol violations: passes each request to the test unprocessed. */
export class RawServer {
  readonly origin: string;
  /** All requests so far. */
  readonly exchanges: RawExchange[] = [];
  readonly #close: () => Promise<void>;

  private constructor(origin: string, close: () => Promise<void>) {
    this.origin = origin;
    this.#close = close;
  }

  /** Starts a server. `onRequest` is called when the head of a request has arrived, with its number, starting at 1. */
  static async start(onRequest: (exchange: RawExchange, count: number) => void): Promise<RawServer> {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
      // Tests cause resets.
      socket.on("error", () => undefined);
      readRequest(socket, (exchange) => {
        raw.exchanges.push(exchange);
        onRequest(exchange, raw.exchanges.length);
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const raw = new RawServer(`http://127.0.0.1:${port}`, async () => {
      for (const socket of sockets) socket.destroy();
      const closed = once(server, "close");
      server.close();
      await closed;
    });
    return raw;
  }

  /** Returns the request with this number, starting at 1. */
  exchange(count: number): RawExchange {
    const exchange = this.exchanges[count - 1];
    if (exchange === undefined) throw new Error(`Only ${this.exchanges.length} requests were sent.`);
    return exchange;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
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

function readRequest(socket: Socket, onHead: (exchange: RawExchange) => void): void {
  // Kept in pieces: tests upload many megabytes.
  let pieces: Buffer[] = [];
  let body: { readonly resolve: (text: string) => void; readonly read: BodyReader } | undefined;
  let reject: (error: Error) => void = () => undefined;
  socket.on("data", (bytes) => {
    pieces.push(bytes);
    if (body === undefined) {
      const received = Buffer.concat(pieces);
      const end = received.indexOf("\r\n\r\n");
      if (end === -1) return;
      const head = received.subarray(0, end).toString("latin1");
      pieces = [received.subarray(end + 4)];
      let resolve: (text: string) => void = () => undefined;
      const promise = new Promise<string>((onBody, onEnd) => {
        resolve = onBody;
        reject = onEnd;
      });
      body = { resolve, read: bodyReader(head) };
      onHead(new RawExchange(socket, head, promise));
    }
    const text = body.read(pieces);
    if (text !== undefined) body.resolve(text);
  });
  socket.on("close", () => {
    reject(new Error("The connection ended inside the request."));
  });
}

/** Returns the body once it is complete. */
type BodyReader = (pieces: readonly Buffer[]) => string | undefined;

function bodyReader(head: string): BodyReader {
  if (/^transfer-encoding: *chunked$/im.test(head)) return (pieces) => unchunk(Buffer.concat(pieces));
  const length = Number(/^content-length: *(\d+)$/im.exec(head)?.[1] ?? 0);
  return (pieces) => {
    const received = pieces.reduce((sum, { byteLength }) => sum + byteLength, 0);
    return received < length ? undefined : Buffer.concat(pieces).subarray(0, length).toString();
  };
}

function unchunk(bytes: Buffer): string | undefined {
  const parts: Buffer[] = [];
  for (let at = 0; ;) {
    const end = bytes.indexOf("\r\n", at);
    if (end === -1) return undefined;
    const length = Number.parseInt(bytes.subarray(at, end).toString(), 16);
    if (bytes.byteLength < end + 2 + length + 2) return undefined;
    if (length === 0) return Buffer.concat(parts).toString();
    parts.push(bytes.subarray(end + 2, end + 2 + length));
    at = end + 2 + length + 2;
  }
}
