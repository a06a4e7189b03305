import { addErrorContext, InvalidArgumentException, withCallerStack } from "../errors.js";
import type { ExecutionEvent } from "./event.js";
import type { RunSource } from "./run-source.js";
import { RunStream } from "./run-stream.js";

/**
 * Returns the events of a run as plain data. The request is sent at the first `next`; events are read as they are consumed
 * and not kept, so that memory use does not grow with the output. Can be iterated once. Leaving the loop ends the run.
 *
 * @param source checks the arguments and returns the source; its exception rejects the first `next`
 * @param sandboxId added to errors
 */
export function iterateEvents(source: () => RunSource, sandboxId?: string): AsyncIterable<ExecutionEvent> {
  const origin = new Error("The stream was created here.");
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

// Not a generator, which would take three microtasks for each event.
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
    // A stop takes precedence over events that have not been delivered.
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
      // The caller's abort reason is thrown unchanged.
      if (this.#stream?.stopped?.isFromCaller !== true) {
        const { sandboxId, origin } = this.#context;
        addErrorContext(error, { sandboxId, requestId: this.#stream?.requestId });
        withCallerStack(error, origin);
      }
      const hasLeft = this.#isOver;
      this.#isOver = true;
      this.#batch = [];
      // A consumer that left the loop caused the stop itself, so it is not an error.
      if (!hasLeft) throw error;
    }
  }
}
