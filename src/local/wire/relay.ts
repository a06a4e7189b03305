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
  from.once("end", () => to.end());
  from.once("close", () => {
    if (!from.readableEnded || !from.writableFinished) reset(to);
  });
  if (from.destroyed) reset(to);
  else from.pipe(to, { end: false });
}

/** Breaks a connection, so that its other side does not take what it has for complete. */
export function reset(stream: Duplex): void {
  if (stream.destroyed) return;
  if (stream instanceof Socket) stream.resetAndDestroy();
  // Only with an error does an HTTP/2 stream not send the end of its data first.
  else stream.destroy(new Error("the connection was reset"));
}
