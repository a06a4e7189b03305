import type { Readable } from "node:stream";

/**
 * Returns a Node.js stream as a web stream that reads only as fast as its consumer. Cancelling it destroys the Node.js
 * stream, or calls `release`.
 */
export function readableBody(
  stream: Readable,
  signal: AbortSignal,
  release: (stream: Readable) => void = (unwanted) => unwanted.destroy(),
): ReadableStream<Uint8Array> {
  let settled = false;
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        stream.on("data", (chunk: Buffer) => {
          controller.enqueue(chunk);
          stream.pause();
        });
        const settle = (act: () => void) => {
          if (!settled) act();
          settled = true;
        };
        const broken = (): unknown => (signal.aborted ? signal.reason : new TypeError("terminated"));
        // A cancelled HTTP/2 stream, or one whose session was lost, emits `end` like a complete one.
        const isCut = () => signal.aborted || isReset(stream);
        stream.once("end", () => settle(() => (isCut() ? controller.error(broken()) : controller.close())));
        stream.once("error", (error) => settle(() => controller.error(signal.aborted ? broken() : error)));
        // Closed before its end: no more data follows.
        stream.once("close", () => settle(() => controller.error(broken())));
        stream.pause();
      },
      pull() {
        stream.resume();
      },
      cancel() {
        settled = true;
        release(stream);
      },
    },
    { highWaterMark: 0 },
  );
}

function isReset(stream: Readable): boolean {
  return "rstCode" in stream && stream.rstCode !== undefined && stream.rstCode !== 0;
}

/** Reads a stream to its end and discards the data. */
export function discard(stream: Readable): void {
  stream.removeAllListeners("data");
  stream.resume();
}
