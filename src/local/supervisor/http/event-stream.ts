import type { ServerHttp2Stream } from "node:http2";
import { encodeInBandError, encodeWireEvent, type WireEvent } from "../../wire/frames.js";

/** The headers of a response that is sent piece by piece. */
export const STREAM_HEADERS = {
  ":status": 200,
  "content-type": "text/event-stream",
  "cache-control": "no-cache",
  "x-accel-buffering": "no",
} as const;

const PING_INTERVAL_MS = 3000;

type WithoutTimestamp<T> = T extends unknown ? Omit<T, "timestamp"> : never;

/**
 * The response to a run: sends execd's frames on an HTTP/2 stream. The status is sent with the first event, so that an
 * earlier problem can still become an ordinary response.
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
    // From here on, output is discarded; `onGone` decides whether the run continues.
    stream.on("close", () => {
      this.#open = false;
      clearInterval(this.#pings);
      this.#flow(true);
      this.#onGone();
    });
    stream.on("error", () => undefined); // "close" follows
  }

  /** Milliseconds since the request arrived. */
  get elapsedMs(): number {
    return Math.round(performance.now() - this.#startedAt);
  }

  /** Called with `false` when the reader falls behind, to pause the producer, and with `true` when it has caught up. */
  set onFlow(listener: (flowing: boolean) => void) {
    this.#onFlow = listener;
    if (this.#saturated) listener(false);
  }

  /** Called if the client disconnects before the end. */
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

  send(event: WithoutTimestamp<WireEvent>): void {
    if (!this.#open) return;
    // The events of one chunk of output are one write: a write costs more than a line.
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

  /** Ends with an error after the status. For a busy context, `id` adds the `init` event that makes it a stream. */
  fail(code: string, message: string, id?: string): void {
    if (id !== undefined) this.#init(id);
    this.#flush();
    if (this.#open) this.#stream.write(encodeInBandError(code, message));
    this.end();
  }

  #init(id: string): void {
    if (!this.#open) return;
    this.#stream.respond(STREAM_HEADERS);
    this.send({ type: "init", text: id });
  }

  #ping(): void {
    // A reader that is behind has enough to read; pings would accumulate.
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
