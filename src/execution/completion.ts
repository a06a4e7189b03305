import { SandboxConnectionException } from "../errors.js";
import type { ResponseBody } from "../transport/response-body.js";
import { startTimer } from "../transport/timeout.js";

/**
 * How long the rest of a response that does not matter is waited for, in the background: execd keeps a command's open
 * for a second or more. In seconds.
 */
const LEAVE_LIMIT_SECONDS = 0.02;

/** Whether the server has sent that the run is complete or has failed, and whether that was its last event. */
export type Terminal = "none" | "last" | "before-others";

/**
 * Returns how the response of a run was cut; `undefined` if its end proves that nothing is missing.
 *
 * A proxy ends the response of a dead sandbox in order. If the completion came last, nothing can be missing; otherwise
 * the run is over only if the server is still there.
 */
export async function findCut(
  terminal: Terminal,
  response: {
    /** Whether it ended between frames. */
    readonly isWhole: boolean;
    readonly isProxied: boolean;
    /** Rejects if the server is gone. */
    readonly ping: () => Promise<void>;
  },
): Promise<SandboxConnectionException | undefined> {
  if (!response.isWhole) return cut("inside a frame");
  if (terminal === "none") return cut("before the run was complete");
  if (terminal === "last" || !response.isProxied) return undefined;
  try {
    await response.ping();
    return undefined;
  } catch (cause) {
    return cut("in order behind a proxy, but the sandbox no longer responds", cause);
  }
}

function cut(where: string, cause?: unknown): SandboxConnectionException {
  const message = `The event stream ended ${where}.`;
  return new SandboxConnectionException({ code: "STREAM_CUT", message, cause });
}

/** Reads the rest of a response for a moment: if it ends by then, its connection is reused. Returns what cancels it. */
export function readOnBriefly(body: ResponseBody): () => void {
  const cancel = (): void => {
    stopTimer();
    body.cancel();
  };
  const stopTimer = startTimer(LEAVE_LIMIT_SECONDS, cancel);
  const readOn = async (): Promise<void> => {
    while ((await body.read()) !== undefined);
  };
  readOn().then(stopTimer, stopTimer);
  return cancel;
}
