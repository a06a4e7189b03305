import type { Readable } from "node:stream";

/**
 * A Node stream as a web stream that reads no further than its consumer: whoever is slow slows the producer. Cancelling
 * it destroys the Node stream, or does with it what `giveUp` says.
 */
export function readableBody(
  stream: Readable,
  signal: AbortSignal,
  giveUp: (stream: Readable) => void = (unwanted) => unwanted.destroy(),
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
        // An HTTP/2 stream that was cancelled, or lost its session, ends like one that is complete.
        const isCut = () => signal.aborted || isReset(stream);
        stream.once("end", () => settle(() => (isCut() ? controller.error(broken()) : controller.close())));
        stream.once("error", (error) => settle(() => controller.error(error)));
        // Closed before its end: the rest will never come.
        stream.once("close", () => settle(() => controller.error(broken())));
        stream.pause();
      },
      pull() {
        stream.resume();
      },
      cancel() {
        settled = true;
        giveUp(stream);
      },
    },
    { highWaterMark: 0 },
  );
}

function isReset(stream: Readable): boolean {
  return "rstCode" in stream && stream.rstCode !== undefined && stream.rstCode !== 0;
}

/** Reads on what nobody wants, to no one. */
export function discard(stream: Readable): void {
  stream.removeAllListeners("data");
  stream.resume();
}
