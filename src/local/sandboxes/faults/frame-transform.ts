import { StringDecoder } from "node:string_decoder";
import { isRecord, parseJson } from "../../../json.js";

/** One frame of an event stream, with its type. */
export interface Frame {
  /** Unchanged, with its blank line. The last frame of a stream may have none. */
  readonly text: string;
  /** `undefined` for an in-band error and for anything that is not an event. */
  readonly type: string | undefined;
  readonly event: Readonly<Record<string, unknown>>;
}

/** What to do with a frame: the frames to send instead, and whether the stream ends after them. */
export interface Outcome {
  readonly send: readonly string[];
  readonly end?: boolean;
  /** Sends nothing more but keeps the stream open; pings may follow. */
  readonly hang?: boolean;
}

const PING_INTERVAL_MS = 3000;

/**
 * Changes an event stream frame by frame. The transformer receives each complete frame, and the end of the stream,
 * which it may delay.
 */
export function transformFrames(
  decide: (frame: Frame) => Outcome,
  beforeEnd: () => Promise<void>,
  signal: AbortSignal,
): TransformStream<Uint8Array, Uint8Array> {
  const decoder = new StringDecoder("utf8");
  const encoder = new TextEncoder();
  let rest = "";
  let hung = false;
  let pings: NodeJS.Timeout | undefined;
  const act = (text: string, controller: TransformStreamDefaultController<Uint8Array>) => {
    if (hung) return;
    const { send, end = false, hang = false } = decide(parseFrame(text));
    for (const frame of send) controller.enqueue(encoder.encode(frame));
    if (end) controller.terminate();
    if (!hang) return;
    hung = true;
    pings = setInterval(() => {
      const ping = { type: "ping", text: "pong", timestamp: Date.now() };
      try {
        controller.enqueue(encoder.encode(encodeFrame(ping)));
      } catch {
        clearInterval(pings); // the reader is gone
      }
    }, PING_INTERVAL_MS);
    pings.unref();
  };
  return new TransformStream<Uint8Array, Uint8Array>({
    start: (controller) => failOnAbort(controller, signal),
    transform(chunk, controller) {
      const parts = (rest + decoder.write(Buffer.from(chunk))).split("\n\n");
      rest = parts.pop() ?? "";
      for (const part of parts) act(`${part}\n\n`, controller);
    },
    async flush(controller) {
      rest += decoder.end();
      if (rest !== "") act(rest, controller);
      if (hung) await new Promise(() => undefined);
      await beforeEnd();
    },
  });
}

/**
 * Ends a body at a byte: with an error, normally, or not at all. A cut cancels the source at once, like a broken
 * connection, so that the sandbox stops sending.
 */
export function limitBytes(
  source: ReadableStream<Uint8Array>,
  limit: number,
  how: "break" | "end" | "stall",
  signal: AbortSignal,
): ReadableStream<Uint8Array> {
  const reader = source.getReader();
  let left = limit;
  return new ReadableStream<Uint8Array>(
    {
      start: (controller) => {
        // A stalled body reads nothing that would fail when its client disconnects.
        signal.addEventListener("abort", () => stop(() => controller.error(signal.reason)), { once: true });
      },
      async pull(controller) {
        const { done, value } = await reader.read();
        if (done) {
          controller.close();
          return;
        }
        if (value.byteLength < left) {
          left -= value.byteLength;
          controller.enqueue(value);
          return;
        }
        if (left > 0) controller.enqueue(value.subarray(0, left));
        left = 0;
        if (how === "stall") return new Promise(() => undefined);
        void reader.cancel().catch(() => undefined);
        if (how === "end") {
          controller.close();
          return;
        }
        // In a later turn: an error discards chunks that are enqueued but not yet read.
        setTimeout(() => stop(() => controller.error(new TypeError("terminated"))), 10);
        return new Promise(() => undefined);
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );

  function stop(fail: () => void): void {
    fail();
    void reader.cancel().catch(() => undefined);
  }
}

/** Without this, a stream that waits for nothing would not notice that its client disconnected. */
function failOnAbort(controller: TransformStreamDefaultController<Uint8Array>, signal: AbortSignal): void {
  signal.addEventListener("abort", () => controller.error(signal.reason), { once: true });
}

export function encodeFrame(event: Readonly<Record<string, unknown>>): string {
  return `${JSON.stringify(event)}\n\n`;
}

export function parseFrame(text: string): Frame {
  const event = parseJson(text)?.json;
  // Anything else passes unchanged.
  if (!isRecord(event)) return { text, type: undefined, event: {} };
  return { text, event, type: typeof event["type"] === "string" ? event["type"] : undefined };
}
