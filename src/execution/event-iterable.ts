import { addErrorContext, InvalidArgumentException } from "../errors.js";
import type { ExecutionEvent } from "./event.js";
import { RunStream, type RunSource } from "./run-stream.js";

/**
 * The events of a run in their plain form: nothing is sent before the first `next`, nothing is read ahead and nothing
 * is kept, so that memory stays flat however much is printed. One consumer; leaving the loop ends the run.
 *
 * @param source checks the arguments and gives the source; what it throws rejects the first `next`
 * @param sandboxId added to errors
 */
export function iterateEvents(source: () => RunSource, sandboxId?: string): AsyncIterable<ExecutionEvent> {
  let isTaken = false;
  return {
    [Symbol.asyncIterator]: () => {
      if (isTaken)
        throw new InvalidArgumentException("A stream of events can be iterated once; `run` keeps them.");
      isTaken = true;
      return new EventIterator(source, sandboxId);
    },
  };
}

// By hand rather than by a generator, which costs three turns of the microtask queue for each event.
class EventIterator implements AsyncIterator<ExecutionEvent, undefined> {
  readonly #source: () => RunSource;
  readonly #sandboxId: string | undefined;
  #stream: RunStream | undefined;
  #batch: readonly ExecutionEvent[] = [];
  #next = 0;
  #refilling: Promise<void> | undefined;
  #isOver = false;

  constructor(source: () => RunSource, sandboxId: string | undefined) {
    this.#source = source;
    this.#sandboxId = sandboxId;
  }

  next(): Promise<IteratorResult<ExecutionEvent, undefined>> {
    const event = this.#batch[this.#next];
    // A stop comes before events that are not delivered yet.
    if (event === undefined || this.#stream?.stopped !== undefined) return this.#nextOfRefill();
    this.#next += 1;
    return Promise.resolve({ done: false, value: event });
  }

  return(): Promise<IteratorResult<ExecutionEvent, undefined>> {
    this.#isOver = true;
    this.#stream?.stop(undefined);
    return Promise.resolve({ done: true, value: undefined });
  }

  async #nextOfRefill(): Promise<IteratorResult<ExecutionEvent, undefined>> {
    if (this.#isOver) return { done: true, value: undefined };
    this.#refilling ??= this.#refill().finally(() => (this.#refilling = undefined));
    await this.#refilling;
    return this.next();
  }

  async #refill(): Promise<void> {
    try {
      this.#stream ??= new RunStream(this.#source());
      const batch = await this.#stream.read();
      this.#batch = batch ?? [];
      this.#next = 0;
      if (batch === undefined) this.#isOver = true;
    } catch (error) {
      // The caller's own abort reason stays as it is.
      if (this.#stream?.stopped?.isForeign !== true) {
        addErrorContext(error, { sandboxId: this.#sandboxId, requestId: this.#stream?.requestId });
      }
      const hasLeft = this.#isOver;
      this.#isOver = true;
      this.#batch = [];
      // A consumer that left while it waited is not told of the stop that it asked for.
      if (!hasLeft) throw error;
    }
  }
}
