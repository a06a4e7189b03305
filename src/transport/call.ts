import { onAbort, throwIfAborted } from "./abort.js";

/**
 * One call of a user: what may take several attempts, and end in a stream. It has an AbortController of its own, so
 * that nothing of the platform ever hangs on the caller's signal, which may outlive a million requests.
 */
export class Call {
  readonly #controller = new AbortController();
  readonly #unlink: () => void;
  readonly #onEnd: (call: Call) => void;
  #isAbortedByCaller = false;
  #isEnded = false;

  /** @throws the signal's own reason when it has already aborted */
  constructor(callerSignal: AbortSignal | undefined, onEnd: (call: Call) => void) {
    throwIfAborted(callerSignal);
    this.#onEnd = onEnd;
    this.#unlink = onAbort(callerSignal, (reason) => {
      this.#isAbortedByCaller = true;
      this.abort(reason);
    });
  }

  /** Aborts when the call is to end early; its reason is what the call rejects with. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The reason is the caller's own value, which is handed on untouched. */
  get isAbortedByCaller(): boolean {
    return this.#isAbortedByCaller;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Ends the call early; the first reason stays. */
  abort(reason: unknown): void {
    if (!this.#isEnded) this.#controller.abort(reason);
  }

  /** Lets go of the caller's signal; idempotent. */
  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#unlink();
    this.#onEnd(this);
  }

  /** Closes what is left of the request: nobody waits for it any more. */
  discard(): void {
    this.end();
    this.#controller.abort();
  }
}
