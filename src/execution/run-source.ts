import type { Logger } from "../logging.js";
import type { ExecutionEvent } from "./event.js";
import type { StreamedResponse } from "../transport/response-body.js";
import type { Turn } from "./run-queue.js";

/** The source of a run's events, and the way to stop the run. */
export interface RunSource {
  /** Waits until the run may be sent. */
  waitForTurn(signal: AbortSignal): Promise<Turn>;
  /**
   * Sends the request. Aborting the controller ends the request, and the end of the request aborts the controller.
   *
   * @param stop ends the run with an error of the caller's
   */
  open(controller: AbortController, stop: (error: unknown) => void): Promise<StreamedResponse>;
  /** Sends one interrupt without retries; `undefined` if the server ends the run when its request is cancelled. */
  readonly interrupt: ((id: string, signal: AbortSignal) => Promise<void>) | undefined;
  /** The id to interrupt before the `init` event; `undefined` waits for that event. */
  readonly interruptId?: string | undefined;
  /**
   * What shows that the run is complete. `/code` may send its completion event before the output, so only a clean end of
   * the body counts. `/command` sends its last event and then keeps the response open for a second or more.
   */
  readonly endsAt: "end-of-stream" | "terminal-event";
  /** Answers an event that asks for input; `undefined` if nobody does. The signal aborts when the answer is not needed any more. */
  readonly answer?: ((event: ExecutionEvent, signal: AbortSignal) => Promise<void>) | undefined;
  /** Checks whether the server still responds, without retries; rejects if it does not. */
  readonly ping?: ((signal: AbortSignal) => Promise<void>) | undefined;
  /** The time limit for the first byte of the response, in seconds; `null` disables it. */
  readonly firstByteTimeoutSeconds: number | null;
  /** The longest time without a byte after that, in seconds; `null` disables it. execd pings every 3 s. */
  readonly idleTimeoutSeconds: number | null;
  /** The run's time limit, in seconds from sending; `undefined` means no limit. */
  readonly timeoutSeconds?: number | undefined;
  /** The most bytes that one event may have. @default the decoder's */
  readonly maxFrameBytes?: number | undefined;
  /** Ends the run when it is aborted. */
  readonly signal?: AbortSignal | undefined;
  readonly logger?: Logger | undefined;
}
