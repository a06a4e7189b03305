/** The longest delay of a timer. A longer one would fire at once. */
const LONGEST_TIMER_MILLIS = 2 ** 31 - 1;

/** Starts a timer and returns a function that stops it. `null` and 0 start none. */
export function startTimer(seconds: number | null, onTimeout: () => void): () => void {
  if (seconds === null || seconds === 0) return noTimer;
  const timer = setTimeout(onTimeout, Math.min(seconds * 1_000, LONGEST_TIMER_MILLIS));
  return () => {
    clearTimeout(timer);
  };
}

function noTimer(): void {
  // There is nothing to stop.
}

/** A timer for idle connections. It runs only while bytes are awaited, and restarts from 0 each time. */
export class IdleTimer {
  readonly seconds: number | null;
  readonly #onTimeout: () => void;
  #stopTimer = noTimer;
  #isDisposed = false;

  constructor(seconds: number | null, onTimeout: () => void) {
    this.seconds = seconds;
    this.#onTimeout = onTimeout;
  }

  start(): void {
    this.#stopTimer();
    if (!this.#isDisposed) this.#stopTimer = startTimer(this.seconds, this.#onTimeout);
  }

  stop(): void {
    this.#stopTimer();
    this.#stopTimer = noTimer;
  }

  /** Stops the timer permanently, so that transfers after the end of a call do not keep the process alive. */
  dispose(): void {
    this.#isDisposed = true;
    this.stop();
  }
}
