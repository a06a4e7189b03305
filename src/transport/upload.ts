import { streamsRequests } from "./platform.js";
import type { RequestBody } from "./request.js";
import { SegmentedBody } from "./segmented-body.js";
import type { IdleClock } from "./timeout.js";

/** Blobs and strings come as a single chunk, however large; while one is under way, nothing is seen to move. */
const LARGEST_PIECE_BYTES = 64 * 1024;

/** A body whose sending can be watched, with its headers. */
export interface WatchedBody {
  readonly body: RequestBody;
  readonly headers: readonly (readonly [string, string])[];
}

/**
 * Makes the sending of a body visible to a clock for silence: it runs while the wire does not ask for more, and stands
 * while the source of the body has nothing to give, which is the caller's own affair.
 */
export function watchUpload(body: RequestBody, idle: IdleClock): WatchedBody {
  if (!streamsRequests) return { body, headers: [] };
  const length = lengthOf(body);
  // As a stream it would be sent in chunks, which not every gateway takes.
  const lengthHeaders = length === undefined ? [] : [["content-length", String(length)] as const];
  if (body instanceof SegmentedBody) {
    return {
      body: watchStream(body.stream(), idle),
      headers: [["content-type", body.type], ...lengthHeaders],
    };
  }
  // The platform knows how to write any kind of body, with which type and boundary.
  const carrier = new Request("http://upload.invalid", { method: "POST", body, duplex: "half" });
  const type = carrier.headers.get("content-type");
  return {
    body: carrier.body === null ? body : watchStream(carrier.body, idle),
    headers: [...(type === null ? [] : [["content-type", type] as const]), ...lengthHeaders],
  };
}

function watchStream(source: ReadableStream<Uint8Array>, idle: IdleClock): ReadableStream<Uint8Array> {
  const reader = source.getReader();
  let rest: Uint8Array = new Uint8Array();
  let isCancelled = false;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        // Without a buffer of its own, a pull says that the socket has taken what it was given.
        idle.stop();
        if (rest.byteLength === 0) {
          const { done, value } = await reader.read();
          // The attempt is over, and the clock is the next one's.
          if (isCancelled) return;
          if (done) {
            idle.start();
            controller.close();
            return;
          }
          rest = value;
        }
        const piece = rest.subarray(0, LARGEST_PIECE_BYTES);
        rest = rest.subarray(LARGEST_PIECE_BYTES);
        idle.start();
        controller.enqueue(piece);
      },
      async cancel(reason) {
        isCancelled = true;
        await reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}

function lengthOf(body: RequestBody): number | undefined {
  if (typeof body === "string") return new TextEncoder().encode(body).byteLength;
  if (body instanceof Blob || body instanceof SegmentedBody) return body.size;
  if (body instanceof ArrayBuffer || ArrayBuffer.isView(body)) return body.byteLength;
  return undefined;
}
