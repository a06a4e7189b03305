import { raceAbort } from "../transport/abort.js";

/** How long a context may continue a run whose response was lost, in milliseconds. */
const UNSETTLED_MILLIS = 5_000;

/** A run that can be ended. */
export interface Interruptible {
  /** Interrupts the run and waits for its end. */
  interrupt(signal?: AbortSignal): Promise<void>;
}

/** The turn of a run in its context. It lasts from the request until nothing of the run is left on the server. */
export interface Turn {
  /** The time (`performance.now()`) until which the context may be busy with a run whose response was lost. */
  readonly unsettledUntil: number;
  /** Passes the context's id from the `init` event to the queue, and the way to interrupt the run. */
  joinContext(contextId: string, run: Interruptible): void;
  /** Marks that the run may continue for a while although its response is lost. */
  markUnsettled(): void;
  /** Lets the next run start. Further calls have no effect. */
  release(): void;
}

/**
 * Queues the runs of each context.
 *
 * execd accepts one run per context at a time and rejects a second one with an error inside a 200. A queue belongs to one
 * `Sandbox` object and is shared by its interpreters. Runs of other processes are not queued: the server rejects them with
 * "session is busy".
 */
export class RunQueue {
  // The last run of each queue, by the context's id or, if it is not known yet, by the language of the default context.
  readonly #tails = new Map<string, Promise<void>>();
  readonly #defaultContextIds = new Map<string, string>();
  readonly #running = new Map<string, Interruptible>();
  readonly #unsettled = new Map<string, number>();

  /** Waits for a turn in a context. If `signal` is aborted, leaves the queue at once. */
  async waitForTurn(
    context: { readonly id?: string | undefined; readonly language: string },
    signal: AbortSignal,
  ): Promise<Turn> {
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
        // The id is known now: later runs join its queue.
        if (context.id !== undefined || this.#defaultContextIds.get(context.language) === id) return;
        this.#defaultContextIds.set(context.language, id);
        // From now on, runs that pass the id and runs in the default context share one queue.
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

  /** Returns the current run in a context, if this object started it. */
  running(contextId: string): Interruptible | undefined {
    return this.#running.get(contextId);
  }

  /** The number of queues. Tests check that it returns to 0. */
  get size(): number {
    return this.#tails.size;
  }

  /** Appends to a queue. Returns the previous end. */
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
