import { once } from "node:events";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";

/** How an answer's body is told apart from what follows it. */
export type Framing = "chunked" | "length" | "until-close";

/** One request of a {@link FaultServer}, and everything that a server should not do to it. */
export class FaultExchange {
  readonly socket: Socket;
  readonly method: string;
  /** Path and query, as sent. */
  readonly path: string;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  /** Settles when all of the request's body has come, or never. */
  readonly received: Promise<Buffer>;
  /** What the server said it would do with the connection. */
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
    this.received = received;
  }

  /** Bytes as they are. Once the connection is gone, nothing. */
  write(bytes: string | Uint8Array): this {
    if (this.socket.writable) this.socket.write(bytes);
    return this;
  }

  head(status: number, headers: Readonly<Record<string, string>> = {}): this {
    return this.write(headOf(status, headers));
  }

  chunk(bytes: string | Uint8Array): this {
    return this.write(chunkOf(bytes));
  }

  /** An empty chunk would be the end. */
  chunkIfAny(bytes: Uint8Array): this {
    return bytes.byteLength === 0 ? this : this.chunk(bytes);
  }

  /** The end of a chunked answer; the connection can be used again. */
  lastChunk(): this {
    this.isAnswered = true;
    return this.write("0\r\n\r\n");
  }

  /** A whole answer, in one write. */
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

  /** Ends the connection in order, whatever is missing. */
  close(): void {
    this.isAnswered = true;
    this.socket.end();
  }

  /** Ends the connection with RST. */
  reset(): void {
    this.isAnswered = true;
    this.socket.resetAndDestroy();
  }

  /** Settles when the connection is closed, by either side. */
  get closed(): Promise<void> {
    return this.socket.closed
      ? Promise.resolve()
      : new Promise((resolve) => this.socket.once("close", () => resolve()));
  }
}

/** A whole answer as bytes. */
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

/**
 * A server on a raw socket, so that it can break any rule, with connections that are kept alive: only there does Node's
 * `fetch` tell an answer that was cut from one that has ended.
 */
export class FaultServer implements AsyncDisposable {
  readonly origin: string;
  /** Every request so far. */
  readonly exchanges: FaultExchange[] = [];
  /** Every byte that came, for tests that look for what should not have come; kept only where it is asked for. */
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

  /** Starts one. `onRequest` is called when a request's head is there. */
  static async start(
    onRequest: (exchange: FaultExchange) => void,
    {
      keepsBytes = false,
      keepsExchanges = true,
    }: { readonly keepsBytes?: boolean; readonly keepsExchanges?: boolean } = {},
  ): Promise<FaultServer> {
    const sockets = new Set<Socket>();
    const bytes = keepsBytes ? [] : undefined;
    const server = createServer({ noDelay: true }, (socket) => {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
      // Resets are what this is for.
      socket.on("error", () => undefined);
      readRequests(socket, bytes, (exchange) => {
        if (keepsExchanges) self.exchanges.push(exchange);
        onRequest(exchange);
      });
    });
    server.listen(0, "127.0.0.1", 4_096);
    await once(server, "listening");
    const self = new FaultServer(server, sockets, bytes);
    return self;
  }

  /** Requests of a method, on a path that begins so. */
  requests(method: string, path = ""): FaultExchange[] {
    return this.exchanges.filter((exchange) => exchange.method === method && exchange.path.startsWith(path));
  }

  get openConnections(): number {
    return this.#sockets.size;
  }

  /** Connections on which a client still waits for an answer, or for the rest of one. */
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
    // A request without a body ends with its head.
    if (body?.isEmpty === true) {
      body.take(Buffer.alloc(0));
      body = undefined;
    }
  });
}

/** How much of a body is kept; what is beyond is only counted. */
const KEPT_BYTES = 1024 * 1024;

class BodyReader {
  readonly whole: Promise<Buffer>;
  readonly #isChunked: boolean;
  #left: number;
  #kept: Buffer[] = [];
  #keptBytes = 0;
  #resolve!: (body: Buffer) => void;
  // Of a chunked body: what has come of a line, and whether the last chunk has begun.
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

  /** Takes bytes; gives those that are no longer of this body, once it has ended. */
  take(bytes: Buffer): Buffer | undefined {
    if (!this.#isChunked) {
      const mine = bytes.subarray(0, this.#left);
      this.#keep(mine);
      this.#left -= mine.byteLength;
      return this.#left > 0 ? undefined : this.#end(bytes.subarray(mine.byteLength));
    }
    for (let at = 0; at < bytes.byteLength;) {
      if (this.#phase === "data") {
        const mine = bytes.subarray(at, at + this.#left);
        this.#keep(mine);
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

  #keep(bytes: Buffer): void {
    if (this.#keptBytes >= KEPT_BYTES) return;
    this.#kept.push(bytes);
    this.#keptBytes += bytes.byteLength;
  }

  #end(rest: Buffer): Buffer {
    this.#resolve(Buffer.concat(this.#kept));
    return rest;
  }
}
