import { constants, type Http2Stream } from "node:http2";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";

/** The authority of a CONNECT request by which the host asks a supervisor for the next connection that leaves the box. */
export const OUTSIDE = "outside";

/**
 * Connects two byte streams in both directions, each only as fast as it is read. The end of one direction leaves the
 * other direction open. If one stream breaks, the other one is reset.
 */
export function relay(one: Duplex, other: Duplex): void {
  forward(one, other);
  forward(other, one);
}

function forward(from: Duplex, to: Duplex): void {
  from.on("error", () => reset(to));
  from.once("end", () => (isReset(from) ? reset(to) : to.end()));
  from.once("close", () => {
    if (!from.readableEnded || !from.writableFinished || isReset(from)) reset(to);
  });
  if (from.destroyed) reset(to);
  else from.pipe(to, { end: false });
}

/** Breaks a connection, so that its other side does not take what it has for complete. */
export function reset(stream: Duplex): void {
  if (stream.destroyed) return;
  if (isHttp2(stream)) stream.close(constants.NGHTTP2_CANCEL);
  else if (stream instanceof Socket) stream.resetAndDestroy();
  else stream.destroy();
}

/** A reset HTTP/2 stream, or one whose session was lost, emits `end` like a complete one. */
export function isReset(stream: Duplex): boolean {
  return isHttp2(stream) && Boolean(stream.rstCode);
}

function isHttp2(stream: Duplex): stream is Http2Stream {
  return "rstCode" in stream;
}
