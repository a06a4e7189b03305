import type { RawData, WebSocket } from "ws";
import { parseJson } from "../../../json.js";

const PING_INTERVAL_MS = 30_000;
/** How long a client may send nothing, not even the response to a ping. */
const SILENCE_MS = 60_000;
/** How much a client may leave unread before its program waits, in bytes. */
const MOST_UNREAD = 256 * 1024;

/** A message of a client. */
export type ClientFrame =
  | { readonly type: "stdin"; readonly data: Buffer }
  | { readonly type: "resize"; readonly rows: number; readonly columns: number }
  | { readonly type: "signal"; readonly signal: string }
  | { readonly type: "ping" }
  | { readonly type: "unknown"; readonly name: string };

/** What a {@link Connection} reports. */
export interface ConnectionListener {
  onFrame(frame: ClientFrame): void;
  /** Called with `false` when the client falls behind, and with `true` when it has caught up or is gone. */
  onFlow(isFlowing: boolean): void;
  onClose(): void;
}

/** The WebSocket of one client of a terminal. */
export class Connection {
  readonly #socket: WebSocket;
  readonly #listener: ConnectionListener;
  #unread = 0;
  #isSaturated = false;

  constructor(socket: WebSocket, listener: ConnectionListener) {
    this.#socket = socket;
    this.#listener = listener;
    let lastSeen = performance.now();
    const pinging = setInterval(() => {
      if (performance.now() - lastSeen > SILENCE_MS) socket.terminate();
      else socket.ping();
    }, PING_INTERVAL_MS);
    socket.on("pong", () => (lastSeen = performance.now()));
    socket.on("message", (data, isBinary) => {
      lastSeen = performance.now();
      const frame = isBinary ? parseBinary(toBuffer(data)) : parseText(toBuffer(data).toString());
      if (frame !== undefined) listener.onFrame(frame);
    });
    socket.on("error", () => socket.terminate());
    socket.once("close", () => {
      clearInterval(pinging);
      this.#isSaturated = false;
      listener.onFlow(true);
      listener.onClose();
    });
  }

  /** Whether the client has fallen behind. */
  get isSaturated(): boolean {
    return this.#isSaturated;
  }

  sendOutput(channel: "stdout" | "stderr", data: Buffer): void {
    this.#sendBinary(Buffer.concat([Buffer.of(channel === "stdout" ? 1 : 2), data]));
  }

  sendReplay(offset: number, data: Buffer): void {
    const head = Buffer.alloc(9, 3);
    head.writeBigUInt64BE(BigInt(offset), 1);
    this.#sendBinary(Buffer.concat([head, data]));
  }

  sendJson(frame: object): void {
    if (this.#isOpen) this.#socket.send(`${JSON.stringify(frame)}\n`);
  }

  sendError(code: string, error: string): void {
    this.sendJson({ type: "error", error, code });
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
  }

  terminate(): void {
    this.#socket.terminate();
  }

  /** Stops reading what the client sends, until {@link resume}. */
  pause(): void {
    if (this.#isOpen) this.#socket.pause();
  }

  resume(): void {
    if (this.#isOpen) this.#socket.resume();
  }

  get #isOpen(): boolean {
    return this.#socket.readyState === this.#socket.OPEN;
  }

  #sendBinary(message: Buffer): void {
    if (!this.#isOpen) return;
    this.#unread += message.length;
    this.#socket.send(message, () => {
      this.#unread -= message.length;
      if (!this.#isSaturated || this.#unread > MOST_UNREAD / 2) return;
      this.#isSaturated = false;
      this.#listener.onFlow(true);
    });
    if (this.#isSaturated || this.#unread <= MOST_UNREAD) return;
    this.#isSaturated = true;
    this.#listener.onFlow(false);
  }
}

function toBuffer(data: RawData): Buffer {
  if (Array.isArray(data)) return Buffer.concat(data);
  return Buffer.isBuffer(data) ? data : Buffer.from(data);
}

/** As in execd, only input is expected, and anything else is ignored. */
function parseBinary(data: Buffer): ClientFrame | undefined {
  return data[0] === 0 ? { type: "stdin", data: data.subarray(1) } : undefined;
}

/** As in execd, text that is not JSON is ignored. */
function parseText(text: string): ClientFrame | undefined {
  const frame = parseJson(text)?.json;
  if (typeof frame !== "object" || frame === null) return undefined;
  const { type, data, cols, rows, signal }: Record<string, unknown> = { ...frame };
  switch (type) {
    case "stdin":
      return { type, data: Buffer.from(typeof data === "string" ? data : "") };
    case "resize":
      return { type, rows: toSize(rows), columns: toSize(cols) };
    case "signal":
      return { type, signal: typeof signal === "string" ? signal : "" };
    case "ping":
      return { type };
    default:
      return { type: "unknown", name: typeof type === "string" ? type : "" };
  }
}

/** Returns 0 for what is not a size. */
function toSize(value: unknown): number {
  return typeof value === "number" && Number.isInteger(value) && value > 0 ? value : 0;
}
