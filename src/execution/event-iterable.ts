import { addErrorContext, InvalidArgumentException, withCallerStack } from "../errors.js";
import type { ExecutionEvent } from "./event.js";
import { RunStream, type RunSource } from "./run-stream.js";

/**
 * The events of a run in their plain form: nothing is sent before the first `next`, nothing is read ahead and nothing
 * is kept, so that memory stays flat however much is printed. One consumer; leaving the loop ends the run.
 *
 * @param source checks the arguments and returns the source; what it throws rejects the first `next`
 * @param sandboxId added to errors
 */
export function iterateEvents(source: () => RunSource, sandboxId?: string): AsyncIterable<ExecutionEvent> {
  const origin = new Error("The stream was made here.");
  let isTaken = false;
  return {
    [Symbol.asyncIterator]: () => {
      if (isTaken)
        throw new InvalidArgumentException("A stream of events can be iterated once; `run` keeps them.");
      isTaken = true;
      return new EventIterator(source, { sandboxId, origin });
    },
  };
}

// By hand rather than by a generator, which costs three turns of the microtask queue for each event.
class EventIterator implements AsyncIterator<ExecutionEvent, undefined> {
  readonly #source: () => RunSource;
  readonly #context: { readonly sandboxId: string | undefined; readonly origin: Error };
  #stream: RunStream | undefined;
  #batch: readonly ExecutionEvent[] = [];
  #next = 0;
  #refilling: Promise<void> | undefined;
  #isOver = false;

  constructor(
    source: () => RunSource,
    context: { readonly sandboxId: string | undefined; readonly origin: Error },
  ) {
    this.#source = source;
    this.#context = context;
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
        const { sandboxId, origin } = this.#context;
        addErrorContext(error, { sandboxId, requestId: this.#stream?.requestId });
        withCallerStack(error, origin);
      }
      const hasLeft = this.#isOver;
      this.#isOver = true;
      this.#batch = [];
      // A consumer that left while it waited is not told of the stop that it asked for.
      if (!hasLeft) throw error;
    }
  }
}
