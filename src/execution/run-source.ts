import type { Logger } from "../logging.js";
import type { StreamedResponse } from "../transport/streams.js";
import type { RunSlot } from "./run-queue.js";

/** Where the events of one run come from, and how it is stopped. */
export interface RunSource {
  /** Waits until the run may be sent. */
  acquire(signal: AbortSignal): Promise<RunSlot>;
  /** Sends the request; aborting the controller ends it, and an end of the request aborts the controller. */
  open(controller: AbortController): Promise<StreamedResponse>;
  /** Sends one interrupt, without retries; `undefined` where the server ends the run when its request is cancelled. */
  readonly interrupt: ((id: string, signal: AbortSignal) => Promise<void>) | undefined;
  /** What to interrupt before `init` has told the run's id; `undefined` waits for it. */
  readonly interruptId?: string | undefined;
  /**
   * What proves that the run is over. `/code` may send its completion before its output, so only a clean end of the
   * body counts; `/command` sends its terminal event last, and then keeps the response open for a second or more.
   */
  readonly endsAt: "end-of-stream" | "terminal-event";
  /** Checks whether the server still responds, without retries; rejects if it does not. */
  readonly ping?: ((signal: AbortSignal) => Promise<void>) | undefined;
  /** How long the first byte of the response may take, in seconds; `null` disables. */
  readonly firstByteTimeoutSeconds: number | null;
  /** How long the stream may be silent after that, in seconds; execd pings every 3 s. `null` disables. */
  readonly idleTimeoutSeconds: number | null;
  /** The run's deadline, in seconds from sending; `undefined` = none. */
  readonly timeoutSeconds?: number | undefined;
  /** The most bytes that one event may have. @default the decoder's */
  readonly maxFrameBytes?: number | undefined;
  /** Ends the run when it fires. */
  readonly signal?: AbortSignal | undefined;
  readonly logger?: Logger | undefined;
}
