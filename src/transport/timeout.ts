import type { Call } from "./call.js";
import type { Fetch } from "./request.js";

/** What a timer can hold; a longer one would fire at once. */
const LONGEST_TIMER_MILLIS = 2 ** 31 - 1;

/** Starts a timer and gives what stops it; `null` and 0 = there is none. */
export function startTimer(seconds: number | null, onTime: () => void): () => void {
  if (seconds === null || seconds === 0) return () => undefined;
  const timer = setTimeout(onTime, Math.min(seconds * 1_000, LONGEST_TIMER_MILLIS));
  return () => {
    clearTimeout(timer);
  };
}

/** Ends the whole call when one attempt takes too long: a timeout is not retried. */
export function withTimeout(
  next: Fetch,
  options: {
    readonly seconds: number | null;
    readonly call: Call;
    readonly failure: (request: Request) => Error;
  },
): Fetch {
  const { seconds, call, failure } = options;
  return async (request) => {
    const stop = startTimer(seconds, () => {
      call.abort(failure(request));
    });
    try {
      return await next(request);
    } finally {
      stop();
    }
  };
}

/** A clock for silence in a call: it runs while something is awaited from the wire, and begins anew each time. */
export class IdleClock {
  readonly #call: Call;
  readonly #seconds: number | null;
  readonly #failure: () => Error;
  #stop: (() => void) | undefined;

  constructor(call: Call, seconds: number | null, failure: () => Error) {
    this.#call = call;
    this.#seconds = seconds;
    this.#failure = failure;
  }

  start(): void {
    this.#stop?.();
    // What still moves after the end of the call must not keep the process alive.
    if (this.#call.isEnded) return;
    this.#stop = startTimer(this.#seconds, () => {
      this.#call.abort(this.#failure());
    });
  }

  stop(): void {
    this.#stop?.();
    this.#stop = undefined;
  }
}
