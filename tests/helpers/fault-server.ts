import { once } from "node:events";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";

/** How the end of a response's body is marked. */
export type Framing = "chunked" | "length" | "until-close";

/** One request to a {@link FaultServer}, with methods to break its response in every way. */
export class FaultExchange {
  readonly socket: Socket;
  readonly method: string;
  /** Path and query, as sent. */
  readonly path: string;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  readonly #received: Promise<Buffer>;
  /** Whether the response is complete. */
  isAnswered = false;

  constructor(socket: Socket, head: string, received: Promise<Buffer>) {
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
    this.#received = received;
  }

  /** The complete request body; rejects if the connection closes before. */
  get body(): Promise<string> {
    const cut = this.closed.then(() => {
      throw new Error("The connection ended inside the request.");
    });
    return Promise.race([this.#received, cut]).then(String);
  }

  /** Writes raw bytes. Does nothing if the connection is closed. */
  write(bytes: string | Uint8Array): this {
    if (this.socket.writable) this.socket.write(bytes);
    return this;
  }

  head(status: number, headers: Readonly<Record<string, string>> = {}): this {
    return this.write(headOf(status, headers));
  }

  /** Writes the head of a chunked response. */
  chunkedHead(status = 200, headers: Readonly<Record<string, string>> = {}): this {
    return this.head(status, { "transfer-encoding": "chunked", ...headers });
  }

  chunk(bytes: string | Uint8Array): this {
    return this.write(chunkOf(bytes));
  }

  /** Writes a chunk, unless it is empty, which would mean the end. */
  chunkIfAny(bytes: Uint8Array): this {
    return bytes.byteLength === 0 ? this : this.chunk(bytes);
  }

  /** Ends a chunked response. The connection can be reused. */
  lastChunk(): this {
    this.isAnswered = true;
    return this.write("0\r\n\r\n");
  }

  /** Writes a complete response at once. */
  answer(
    status: number,
    body: string | Uint8Array = "",
    headers: Readonly<Record<string, string>> = {},
    framing: Framing = "length",
  ): void {
    this.isAnswered = true;
    this.write(frame(status, Buffer.from(body), headers, framing));
    if (framing === "until-close") this.close();
  }

  json(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): void {
    this.answer(status, JSON.stringify(value), { "content-type": "application/json", ...headers });
  }

  /** Closes the connection with FIN, even if the response is incomplete. */
  close(): void {
    this.isAnswered = true;
    this.socket.end();
  }

  /** Closes the connection with RST. */
  reset(): void {
    this.isAnswered = true;
    this.socket.resetAndDestroy();
  }

  /** Resolves when either side has closed the connection. */
  get closed(): Promise<void> {
    return this.socket.closed
      ? Promise.resolve()
      : new Promise((resolve) => this.socket.once("close", () => resolve()));
  }
}

/** Encodes a complete response. */
export function frame(
  status: number,
  body: Uint8Array,
  headers: Readonly<Record<string, string>> = {},
  framing: Framing = "length",
): Buffer {
  const framed =
    framing === "chunked"
      ? { "transfer-encoding": "chunked" }
      : framing === "length"
        ? { "content-length": String(body.byteLength) }
        : { connection: "close" };
  const chunked = body.byteLength === 0 ? [] : [chunkOf(body)];
  const parts = framing === "chunked" ? [...chunked, Buffer.from("0\r\n\r\n")] : [body];
  return Buffer.concat([Buffer.from(headOf(status, { ...framed, ...headers })), ...parts]);
}

function headOf(status: number, headers: Readonly<Record<string, string>>): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} Some Reason\r\n${lines.join("")}\r\n`;
}

export function chunkOf(bytes: string | Uint8Array): Buffer {
  const data = Buffer.from(bytes);
  return Buffer.concat([Buffer.from(`${data.byteLength.toString(16)}\r\n`), data, Buffer.from("\r\n")]);
}

export interface FaultServerOptions {
  /** Whether {@link FaultServer.bytes} is recorded. */
  readonly keepsBytes?: boolean;
  /** Whether {@link FaultServer.exchanges} is recorded. */
  readonly keepsExchanges?: boolean;
}

/**
 * A server on a raw socket, which can break any rule. Connections are kept alive: only then can `fetch` of Node.js tell
 * a cut response from a complete one.
 */
export class FaultServer implements AsyncDisposable {
  readonly origin: string;
  /** All requests so far. */
  readonly exchanges: FaultExchange[] = [];
  /** All bytes received, to search them for bytes that must not be sent; recorded only on request. */
  readonly bytes: Buffer[] | undefined;
  readonly #server: Server;
  readonly #sockets: Set<Socket>;

  private constructor(server: Server, sockets: Set<Socket>, bytes: Buffer[] | undefined) {
    const { port } = server.address() as AddressInfo;
    this.origin = `http://127.0.0.1:${port}`;
    this.#server = server;
    this.#sockets = sockets;
    this.bytes = bytes;
  }

  /** Starts a server. `onRequest` is called when the head of a request has arrived, with its number, starting at 1. */
  static async start(
    onRequest: (exchange: FaultExchange, count: number) => void,
    { keepsBytes = false, keepsExchanges = true }: FaultServerOptions = {},
  ): Promise<FaultServer> {
    const sockets = new Set<Socket>();
    const bytes = keepsBytes ? [] : undefined;
    let count = 0;
    const server = createServer({ noDelay: true }, (socket) => {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
      // Tests cause resets.
      socket.on("error", () => undefined);
      readRequests(socket, bytes, (exchange) => {
        if (keepsExchanges) self.exchanges.push(exchange);
        onRequest(exchange, ++count);
      });
    });
    server.listen(0, "127.0.0.1", 4_096);
    await once(server, "listening");
    const self = new FaultServer(server, sockets, bytes);
    return self;
  }

  /** Returns the request with this number, starting at 1. */
  exchange(count: number): FaultExchange {
    const exchange = this.exchanges[count - 1];
    if (exchange === undefined) throw new Error(`Only ${this.exchanges.length} requests were sent.`);
    return exchange;
  }

  /** Returns the requests with a method and a path prefix. */
  requests(method: string, path = ""): FaultExchange[] {
    return this.exchanges.filter((exchange) => exchange.method === method && exchange.path.startsWith(path));
  }

  get openConnections(): number {
    return this.#sockets.size;
  }

  /** The number of connections on which a client waits for a response or the rest of one. */
  get busyConnections(): number {
    const busy = this.exchanges.filter(({ isAnswered, socket }) => !isAnswered && this.#sockets.has(socket));
    return new Set(busy.map(({ socket }) => socket)).size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    const closed = once(this.#server, "close");
    this.#server.close();
    await closed;
  }
}

function readRequests(
  socket: Socket,
  record: Buffer[] | undefined,
  onRequest: (exchange: FaultExchange) => void,
): void {
  let buffered: Buffer = Buffer.alloc(0);
  let body: BodyReader | undefined;
  socket.on("data", (bytes: Buffer) => {
    record?.push(bytes);
    let rest: Buffer | undefined = bytes;
    while (rest !== undefined && rest.byteLength > 0) {
      if (body === undefined) {
        buffered = Buffer.concat([buffered, rest]);
        const end = buffered.indexOf("\r\n\r\n");
        if (end === -1) return;
        const head = buffered.subarray(0, end).toString("latin1");
        rest = buffered.subarray(end + 4);
        buffered = Buffer.alloc(0);
        body = new BodyReader(head);
        onRequest(new FaultExchange(socket, head, body.whole));
        if (socket.destroyed) return;
      }
      rest = body.take(rest);
      if (rest !== undefined) body = undefined;
    }
    // A request without a body ends after its head.
    if (body?.isEmpty === true) {
      body.take(Buffer.alloc(0));
      body = undefined;
    }
  });
}

class BodyReader {
  readonly whole: Promise<Buffer>;
  readonly #isChunked: boolean;
  readonly #chunks: Buffer[] = [];
  #left: number;
  #resolve!: (body: Buffer) => void;
  // The state of a chunked body: the current line so far, and whether the last chunk has begun.
  #line = "";
  #phase: "size" | "data" | "after-data" | "trailer" = "size";

  constructor(head: string) {
    this.#isChunked = /^transfer-encoding: *chunked$/im.test(head);
    this.#left = this.#isChunked ? 0 : Number(/^content-length: *(\d+)$/im.exec(head)?.[1] ?? 0);
    this.whole = new Promise((resolve) => (this.#resolve = resolve));
  }

  get isEmpty(): boolean {
    return !this.#isChunked && this.#left === 0;
  }

  /** Consumes bytes. Returns those after the end of this body, once it has ended. */
  take(bytes: Buffer): Buffer | undefined {
    if (!this.#isChunked) {
      const mine = bytes.subarray(0, this.#left);
      this.#chunks.push(mine);
      this.#left -= mine.byteLength;
      return this.#left > 0 ? undefined : this.#end(bytes.subarray(mine.byteLength));
    }
    for (let at = 0; at < bytes.byteLength;) {
      if (this.#phase === "data") {
        const mine = bytes.subarray(at, at + this.#left);
        this.#chunks.push(mine);
        at += mine.byteLength;
        this.#left -= mine.byteLength;
        if (this.#left === 0) this.#phase = "after-data";
        continue;
      }
      const newline = bytes.indexOf("\n", at);
      this.#line += bytes.subarray(at, newline === -1 ? bytes.byteLength : newline).toString("latin1");
      if (newline === -1) return undefined;
      at = newline + 1;
      const line = this.#line.trim();
      this.#line = "";
      if (this.#phase === "after-data") this.#phase = "size";
      else if (this.#phase === "size") {
        this.#left = Number.parseInt(line, 16);
        this.#phase = this.#left === 0 ? "trailer" : "data";
      } else if (line === "") return this.#end(bytes.subarray(at));
    }
    return undefined;
  }

  #end(rest: Buffer): Buffer {
    this.#resolve(Buffer.concat(this.#chunks));
    return rest;
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
