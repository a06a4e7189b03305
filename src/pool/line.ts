import { deferred, onAbort, throwIfAborted, type Deferred } from "../transport/abort.js";

/** Callers that wait for something, the first of them first. */
export class Line<Value> {
  readonly #waiting = new Set<Deferred<Value>>();

  get length(): number {
    return this.#waiting.size;
  }

  /**
   * Waits until a value is given. An abort leaves the line. If the value was given before, it resolves in spite of the
   * abort, so that the value is not lost.
   */
  async wait(signal: AbortSignal): Promise<Value> {
    throwIfAborted(signal);
    const waiter = deferred<Value>();
    this.#waiting.add(waiter);
    const unlink = onAbort(signal, (reason) => {
      this.#waiting.delete(waiter);
      waiter.reject(reason);
    });
    try {
      return await waiter.promise;
    } finally {
      unlink();
    }
  }

  /** Gives a value to the first in the line. Returns `false` if nobody waits. */
  give(value: Value): boolean {
    const [first] = this.#waiting;
    if (first === undefined) return false;
    this.#waiting.delete(first);
    first.resolve(value);
    return true;
  }

  /** Ends the waiting of all with an error. */
  rejectAll(error: unknown): void {
    for (const waiter of this.#waiting) waiter.reject(error);
    this.#waiting.clear();
  }
}
