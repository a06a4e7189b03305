import { raceAbort } from "../transport/abort.js";

/** How long a context may continue a run whose response was lost, in milliseconds. */
const UNSETTLED_MILLIS = 5_000;

/** A run that can be told to end. */
export interface Interruptible {
  /** Interrupts it and waits for its end. */
  interrupt(signal?: AbortSignal): Promise<void>;
}

/** The right to run in a context; held from sending until nothing of the run is left on the server. */
export interface RunSlot {
  /** Until when the context may still be busy with a run whose response was lost, by `performance.now()`. */
  readonly unsettledUntil: number;
  /** Tells the queue which context the run really is in, once `init` has told it, and how to interrupt it there. */
  joinContext(contextId: string, run: Interruptible): void;
  /** Marks that the run may continue for a while although its response is lost. */
  markUnsettled(): void;
  /** Lets the next run start; idempotent. */
  release(): void;
}

/**
 * Runs of one context, one after the other.
 *
 * execd takes one run per context at a time and refuses a second one with an error inside a 200, so the client queues.
 * One queue belongs to a sandbox instance and is shared by its interpreters. It knows nothing of other processes: their
 * runs still meet the server's "session is busy".
 */
export class RunQueue {
  // The end of each queue, by a context's id, or by the language of a default context whose id is not known yet.
  readonly #tails = new Map<string, Promise<void>>();
  readonly #defaultContextIds = new Map<string, string>();
  readonly #running = new Map<string, Interruptible>();
  readonly #unsettled = new Map<string, number>();

  /** Waits for its turn in a context. `signal` leaves the queue at once, without disturbing it. */
  async acquire(
    context: { readonly id?: string | undefined; readonly language: string },
    signal: AbortSignal,
  ): Promise<RunSlot> {
    signal.throwIfAborted();
    const contextId = context.id ?? this.#defaultContextIds.get(context.language);
    const key = contextId === undefined ? `language ${context.language}` : `context ${contextId}`;
    let leave!: () => void;
    const ended = new Promise<void>((resolve) => (leave = resolve));
    const before = this.#append(key, ended);
    if (before !== undefined) {
      try {
        await raceAbort(signal, before);
      } catch (reason) {
        leave();
        throw reason;
      }
    }
    const unsettledUntil = this.#unsettled.get(key) ?? 0;
    this.#unsettled.delete(key);
    let joined: { readonly id: string; readonly run: Interruptible } | undefined;
    return {
      unsettledUntil,
      joinContext: (id, run) => {
        joined = { id, run };
        this.#running.set(id, run);
        // Later runs join the queue of the id, which is known now.
        if (context.id !== undefined || this.#defaultContextIds.get(context.language) === id) return;
        this.#defaultContextIds.set(context.language, id);
        // Runs that name the id, and those that wait for "the default context", are one line from now on.
        void this.#append(`context ${id}`, this.#tails.get(key) ?? ended);
      },
      markUnsettled: () => {
        const until = performance.now() + UNSETTLED_MILLIS;
        this.#unsettled.set(key, until);
        if (joined !== undefined) this.#unsettled.set(`context ${joined.id}`, until);
      },
      release: () => {
        if (joined !== undefined && this.#running.get(joined.id) === joined.run)
          this.#running.delete(joined.id);
        leave();
      },
    };
  }

  /** Returns this process's current run in a context. */
  running(contextId: string): Interruptible | undefined {
    return this.#running.get(contextId);
  }

  /** Returns the number of queues; tests check that none is kept. */
  get size(): number {
    return this.#tails.size;
  }

  /** Appends to a queue. Returns its end before that. */
  #append(key: string, ended: Promise<void>): Promise<void> | undefined {
    const before = this.#tails.get(key);
    const tail = before === undefined ? ended : before.then(() => ended);
    this.#tails.set(key, tail);
    void tail.then(() => {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    });
    return before;
  }
}
