import { checkOptions } from "../arguments.js";
import { addErrorContext, SandboxException, withCallerStack } from "../errors.js";
import type { Logger } from "../logging.js";
import { throwIfAborted } from "../transport/abort.js";
import type { ExecutionEvent } from "./event.js";
import { EventHistory } from "./event-history.js";
import { boundOutput, Execution, foldEvent, type ExecutionKind } from "./execution.js";
import { callHandlers, type ExecutionHandlers } from "./handlers.js";
import type { Failure } from "./interrupt.js";
import type { OutputBound } from "./output-log.js";
import type { RunSource } from "./run-source.js";
import { RunStream } from "./run-stream.js";

/** Describes a run. */
export interface RunConfig {
  readonly kind: ExecutionKind;
  /** Checks the arguments and returns the source. If it throws, the handle rejects. */
  readonly source: () => RunSource;
  readonly handlers?: ExecutionHandlers | undefined;
  /** The bound on the kept output. @default everything is kept */
  readonly bound?: OutputBound | undefined;
  readonly sandboxId?: string | undefined;
  readonly logger?: Logger | undefined;
}

/**
 * The handle of a run: a promise of its {@link Execution} that is also an async iterable of its events.
 *
 * Await it for the outcome, iterate over it for the events as they arrive, or both. Each event is added to `execution`
 * first, then passed to the handlers, then to the loops. The promise settles last. A loop that starts later begins with the
 * first event. Leaving a loop early ends the run, which then rejects with `RUN_CANCELLED`.
 *
 * An `async` function that returns a handle waits for the run, as with any promise. To return the handle of an active run,
 * wrap it: `return { run }`.
 *
 * @example
 * ```ts
 * const run = interpreter.codes.run("for i in range(3): print(i)");
 * for await (const event of run) if (event.type === "stdout") process.stdout.write(event.text);
 * const { error } = await run;
 * ```
 */
export class Run implements Promise<Execution>, AsyncIterable<ExecutionEvent> {
  readonly [Symbol.toStringTag] = "Run";
  /** The outcome so far. It is complete when the promise has settled. */
  readonly execution: Execution;
  readonly #config: RunConfig;
  readonly #origin = new Error("The run was started here.");
  readonly #outcome: Promise<Execution>;
  readonly #history: EventHistory;
  #stream: RunStream | undefined;
  #settled: Failure | "resolved" | undefined;
  /** Aborted when the code waits for no input any more. */
  #input: AbortController | undefined;
  #wakes: (() => void)[] = [];
  #observed = false;

  /** @internal */
  constructor(config: RunConfig) {
    this.#config = config;
    this.execution = new Execution(config.kind);
    this.#history = new EventHistory(config.bound === undefined);
    this.#outcome = this.#drive();
    // A handle that is never awaited must not cause an unhandled rejection.
    this.#outcome.catch((error: unknown) => {
      const { logger } = config;
      if (logger === undefined || this.#observed) return;
      // Mark later: `await` reads the promise a microtask from now, and an immediate failure would come before that.
      setTimeout(() => {
        if (this.#observed) return;
        const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
        logger.warn(`A run that nobody awaits failed: ${text}`);
      });
    });
  }

  /** The context's id for code, the command's id for commands; `undefined` until the server has sent it. */
  get id(): string | undefined {
    return this.execution.id;
  }

  /**
   * Interrupts the run on the server. Resolves when the run has ended there.
   *
   * The run's promise resolves, too: `execution.error` contains the interrupt (`KeyboardInterrupt` in Python). A run that is
   * still waiting for its turn is not sent and rejects with `RUN_CANCELLED`. A run in a session also rejects with
   * `RUN_CANCELLED`, since the server ends it with its request.
   *
   * @param options.signal ends the wait, not the run
   * @throws {SandboxTimeoutException} `REQUEST_TIMEOUT` if the run is still active 5 s after the first interrupt
   */
  async interrupt(options: { readonly signal?: AbortSignal | undefined } = {}): Promise<void> {
    const { signal } = checkOptions(options);
    throwIfAborted(signal);
    const stream = this.#stream;
    if (stream === undefined) return;
    if (!stream.sent) stream.stop(cancelled("The run was interrupted before it was sent."));
    else if (!stream.canBeInterrupted && this.#settled === undefined)
      stream.stop(cancelled("The run was ended by interrupting it."));
    await stream.interrupt(signal);
  }

  /** Works as that of any promise. */
  then<Value = Execution, Other = never>(
    onFulfilled?: ((execution: Execution) => Value | PromiseLike<Value>) | null,
    // The interface requires `any`.
    // eslint-disable-next-line @typescript-eslint/no-explicit-any
    onRejected?: ((reason: any) => Other | PromiseLike<Other>) | null,
  ): Promise<Value | Other> {
    this.#observed = true;
    return this.#outcome.then(onFulfilled, onRejected);
  }

  /** Works as that of any promise. */
  catch<Other = never>(
    // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as above
    onRejected?: ((reason: any) => Other | PromiseLike<Other>) | null,
  ): Promise<Execution | Other> {
    return this.then(null, onRejected);
  }

  /** Works as that of any promise. */
  finally(onFinally?: (() => void) | null): Promise<Execution> {
    this.#observed = true;
    return this.#outcome.finally(onFinally);
  }

  /**
   * Iterates over all events of the run, starting with the first one. If the run fails, the loop throws its error.
   *
   * @throws {InvalidArgumentException} if `maxOutputBytes` is set and the first event has already arrived
   */
  [Symbol.asyncIterator](): AsyncIterator<ExecutionEvent, undefined> {
    this.#observed = true;
    // An iterator that was created before the run was stopped ends at once. A later one replays all events.
    const isLate = this.#settled !== undefined;
    const history = this.#history;
    const reader = history.join();
    let hasLeft = false;
    // Not an async function: for an event that has already arrived, that would cost more than all the rest.
    const next = (): Promise<IteratorResult<ExecutionEvent, undefined>> => {
      if (hasLeft) return Promise.resolve({ done: true, value: undefined });
      const stopped = isLate ? undefined : this.#stream?.stopped;
      const event = stopped === undefined ? history.take(reader) : undefined;
      if (event !== undefined) return Promise.resolve({ done: false, value: event });
      const end = stopped ?? this.#settled;
      if (end === "resolved") return Promise.resolve({ done: true, value: undefined });
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- it may be the caller's own reason
      if (end !== undefined) return Promise.reject(end.error);
      return new Promise<void>((resolve) => this.#wakes.push(resolve)).then(next);
    };
    return {
      next,
      return: () => {
        hasLeft = true;
        history.leave(reader);
        if (this.#settled === undefined) {
          this.#stream?.stop(cancelled("The run was ended by leaving the loop over its events."));
        }
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  /** Reads the stream to its end. Adds each event to the execution, calls the handlers and wakes the iterators. */
  async #drive(): Promise<Execution> {
    const { handlers, bound } = this.#config;
    try {
      const source = this.#config.source();
      const stream = (this.#stream = new RunStream(source));
      if (bound !== undefined) await stream.untilSettledOrStopped(boundOutput(this.execution, bound));
      for (let batch = await stream.read(); batch !== undefined; batch = await stream.read()) {
        for (const event of batch) {
          const result = foldEvent(this.execution, event);
          if (source.answer !== undefined) this.#answer(event, source.answer, stream);
          if (handlers !== undefined) {
            const pending = callHandlers(handlers, event, result, stream);
            if (pending !== undefined) await stream.untilSettledOrStopped(pending);
            if (stream.stopped !== undefined) throw stream.stopped.error;
          }
          this.#history.push(event);
          if (this.#wakes.length > 0) this.#wake();
        }
      }
      this.#settled = "resolved";
      return this.execution;
    } catch (error) {
      // The caller's abort reason and a handler's error are thrown unchanged.
      if (this.#stream?.stopped?.isFromCaller !== true) {
        const { sandboxId } = this.#config;
        const requestId = this.#stream?.requestId;
        addErrorContext(error, { sandboxId, requestId, execution: this.execution });
        withCallerStack(error, this.#origin);
      }
      this.#settled = { error };
      throw error;
    } finally {
      this.#wake();
      this.#input?.abort(this.#stream?.stopped?.error);
    }
  }

  /** Answers code that asks for input. Not awaited: the run may end while somebody thinks about the answer. */
  #answer(event: ExecutionEvent, answer: NonNullable<RunSource["answer"]>, stream: RunStream): void {
    // Not in the union of events: it arrives as an `UnknownEvent`.
    const type: string = event.type;
    this.#input ??= new AbortController();
    const { signal } = this.#input;
    if (type === "execution_complete") this.#input.abort();
    if (type !== "input_request") return;
    answer(event, signal).catch((error: unknown) => {
      if (!signal.aborted) stream.stop(error, true);
    });
  }

  #wake(): void {
    const wakes = this.#wakes;
    this.#wakes = [];
    for (const wake of wakes) wake();
  }
}

function cancelled(message: string): SandboxException {
  return new SandboxException({ code: "RUN_CANCELLED", message });
}
