import { deferred, onAbort, throwIfAborted, type Deferred } from "../transport/abort.js";

/** Callers that wait for something, the first of them first. */
export class WaitQueue<Value> {
  readonly #waiting = new Set<Deferred<Value>>();

  get length(): number {
    return this.#waiting.size;
  }

  /**
   * Waits for a value. An abort removes the caller from the queue; a value assigned before the abort is still
   * returned.
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

  /** Assigns a value to the caller that has waited longest. Returns `false` if nobody waits. */
  resolveNext(value: Value): boolean {
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
