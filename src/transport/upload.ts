import { streamsRequests, toNodeStream } from "./platform.js";
import type { RequestBody } from "./request.js";
import { SegmentedBody } from "./segmented-body.js";
import type { IdleTimer } from "./timeout.js";

/** Blobs and strings come as a single chunk, however large; while one is under way, nothing is seen to move. */
const LARGEST_PIECE_BYTES = 64 * 1024;

/** `fetch` asks for it with a body that is a stream. The types of browsers lack it. */
interface StreamingOption {
  duplex?: "half";
}

/**
 * Makes the body of a request ready for `fetch`. With `idle`, its sending can be watched: the timer runs while the wire
 * takes nothing, and is stopped while the source of the body has nothing to give, which is the caller's own affair.
 */
export function prepareBody(
  init: RequestInit & StreamingOption,
  headers: Record<string, string>,
  options: { readonly idle: IdleTimer | undefined; readonly hasCustomFetch: boolean },
): void {
  const { body } = init;
  const { idle, hasCustomFetch } = options;
  if (body === null || body === undefined) return;
  init.duplex = "half";
  if (idle === undefined || !streamsRequests()) return;
  const { stream, type } = streamOf(body);
  if (type !== null) headers["content-type"] = type;
  const length = lengthOf(body);
  // Without it the body would be sent in chunks, which not every gateway takes.
  if (length !== undefined) headers["content-length"] = String(length);
  const watched = stream === null ? null : watchStream(stream, idle);
  // Every `fetch` for Node takes a stream of Node's; `node-fetch` takes no other.
  init.body = hasCustomFetch && watched !== null ? toNodeStream(watched) : watched;
}

function streamOf(body: RequestBody): {
  readonly stream: ReadableStream<Uint8Array> | null;
  readonly type: string | null;
} {
  if (body instanceof SegmentedBody) return { stream: body.stream(), type: body.type };
  // The platform knows how to write any kind of body, with which type and boundary.
  const init: RequestInit & StreamingOption = { method: "POST", body, duplex: "half" };
  const carrier = new Request("http://upload.invalid", init);
  return { stream: carrier.body, type: carrier.headers.get("content-type") };
}

function watchStream(source: ReadableStream<Uint8Array>, idle: IdleTimer): ReadableStream<Uint8Array> {
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
          // The attempt is over, and the timer is the next one's.
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
