import type { ServerHttp2Stream } from "node:http2";
import { encodeInBandError, encodeWireEvent, type WireEvent } from "../../http/frames.js";

const PING_INTERVAL_MS = 3000;

type Timestamped<T> = T extends unknown ? Omit<T, "timestamp"> : never;

/**
 * The response to a run: execd's frames on an HTTP/2 stream. The status is sent with the first event, so that a problem
 * that occurs before it can still become an ordinary response.
 */
export class EventStream {
  readonly #stream: ServerHttp2Stream;
  readonly #startedAt = performance.now();
  #pending: string[] = [];
  #saturated = false;
  #open = true;
  #pings: NodeJS.Timeout | undefined;
  #onFlow: ((flowing: boolean) => void) | undefined;
  #onGone: () => void = () => undefined;

  constructor(stream: ServerHttp2Stream) {
    this.#stream = stream;
    stream.on("drain", () => this.#flow(true));
    // Output is discarded from here on; `onGone` decides whether the run goes on.
    stream.on("close", () => {
      this.#open = false;
      clearInterval(this.#pings);
      this.#flow(true);
      this.#onGone();
    });
    stream.on("error", () => undefined); // "close" follows
  }

  /** Milliseconds since the request came. */
  get elapsedMs(): number {
    return Math.round(performance.now() - this.#startedAt);
  }

  /** Called with `false` when the reader is behind, so that the producer pauses, and with `true` when it has caught up. */
  set onFlow(listener: (flowing: boolean) => void) {
    this.#onFlow = listener;
    if (this.#saturated) listener(false);
  }

  /** Called when the client has gone away before the end. */
  set onGone(listener: () => void) {
    this.#onGone = listener;
    if (this.#stream.destroyed) listener();
  }

  /** Sends the first event and keeps sending pings. */
  start(id: string): void {
    this.#init(id);
    this.#ping();
    this.#pings = setInterval(() => this.#ping(), PING_INTERVAL_MS);
  }

  send(event: Timestamped<WireEvent>): void {
    if (!this.#open) return;
    // What one chunk of output gives is one write: a write costs more than a line.
    if (this.#pending.push(encodeWireEvent({ ...event, timestamp: Date.now() })) === 1) {
      queueMicrotask(() => this.#flush());
    }
  }

  end(): void {
    clearInterval(this.#pings);
    this.#flush();
    this.#onGone = () => undefined;
    if (this.#open) this.#stream.end();
    this.#open = false;
  }

  /** Ends with an error that came after the status; for a context that is busy, `id` makes it a stream at all. */
  fail(code: string, message: string, id?: string): void {
    if (id !== undefined) this.#init(id);
    this.#flush();
    if (this.#open) this.#stream.write(encodeInBandError(code, message));
    this.end();
  }

  #init(id: string): void {
    if (!this.#open) return;
    this.#stream.respond({
      ":status": 200,
      "content-type": "text/event-stream",
      "cache-control": "no-cache",
      "x-accel-buffering": "no",
    });
    this.send({ type: "init", text: id });
  }

  #ping(): void {
    // A reader that is behind has enough to read; pings would pile up.
    if (!this.#saturated) this.send({ type: "ping", text: "pong" });
  }

  #flush(): void {
    const frames = this.#pending;
    this.#pending = [];
    if (frames.length === 0 || !this.#open) return;
    if (!this.#stream.write(frames.join(""))) this.#flow(false);
  }

  #flow(flowing: boolean): void {
    if (this.#saturated !== flowing) return;
    this.#saturated = !flowing;
    this.#onFlow?.(flowing);
  }
}
