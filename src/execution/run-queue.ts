import { raceAbort } from "../transport/abort.js";

/** The right to run in a context; held from sending until nothing of the run is left on the server. */
export interface RunSlot {
  /** Tells the queue which context the run really is in, once `init` has said it. */
  joinContext(contextId: string): void;
  /** Lets the next run start. Safe to call more than once. */
  release(): void;
}

/**
 * Runs of one context, one after the other.
 *
 * execd takes one run per context at a time and answers a second one with an error inside a 200, so the client queues.
 * One queue belongs to a sandbox instance and is shared by its interpreters. It knows nothing of other processes: their
 * runs still meet the server's "session is busy".
 */
export class RunQueue {
  // The end of the line per key: a context's id, or the language of a default context whose id is not known yet.
  readonly #tails = new Map<string, Promise<void>>();
  readonly #defaultContextIds = new Map<string, string>();

  /** Waits for its turn in a context. `signal` leaves the line at once, without disturbing it. */
  async acquire(
    context: { readonly id?: string | undefined; readonly language: string },
    signal: AbortSignal,
  ): Promise<RunSlot> {
    signal.throwIfAborted();
    const contextId = context.id ?? this.#defaultContextIds.get(context.language);
    const key = contextId === undefined ? `language ${context.language}` : contextKey(contextId);
    const turn = this.#join(key);
    if (turn.before !== undefined) {
      try {
        await raceAbort(signal, turn.before);
      } catch (reason) {
        turn.leave();
        throw reason;
      }
    }
    return {
      joinContext: (actualId) => {
        // The first of a line has said it for all: from then on runs join the line of the id.
        if (context.id !== undefined || this.#defaultContextIds.get(context.language) === actualId) return;
        this.#defaultContextIds.set(context.language, actualId);
        // Runs that name the id, and those that wait for "the default context", are one line from now on.
        void this.#append(contextKey(actualId), this.#tails.get(key) ?? turn.ended);
      },
      release: turn.leave,
    };
  }

  /** How many lines there are; for tests that nothing is kept. */
  get size(): number {
    return this.#tails.size;
  }

  #join(key: string): { before: Promise<void> | undefined; ended: Promise<void>; leave: () => void } {
    let leave!: () => void;
    const ended = new Promise<void>((resolve) => (leave = resolve));
    const before = this.#append(key, ended);
    return { before, ended, leave };
  }

  /** Lengthens a line; gives its end as it was. */
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

function contextKey(contextId: string): string {
  return `context ${contextId}`;
}
