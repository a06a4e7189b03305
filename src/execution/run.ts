import { checkOptions } from "../arguments.js";
import { addErrorContext, SandboxException, withCallerStack } from "../errors.js";
import type { Logger } from "../logging.js";
import { throwIfAborted } from "../transport/abort.js";
import type { ExecutionEvent } from "./event.js";
import { EventHistory } from "./event-history.js";
import { Execution, foldEvent, type ExecutionKind } from "./execution.js";
import { callHandlers, type ExecutionHandlers } from "./handlers.js";
import type { Failure } from "./interrupt.js";
import type { OutputBound } from "./output-log.js";
import { RunStream, type RunSource } from "./run-stream.js";

/** How to run something. */
export interface RunConfig {
  readonly kind: ExecutionKind;
  /** Checks the arguments and returns the source; what it throws rejects the handle. */
  readonly source: () => RunSource;
  readonly handlers?: ExecutionHandlers | undefined;
  /** How much output is kept. @default all */
  readonly bound?: OutputBound | undefined;
  readonly sandboxId?: string | undefined;
  readonly logger?: Logger | undefined;
}

/**
 * A run that has begun: a promise of its {@link Execution}, and an async iterable of its events.
 *
 * Await it for the outcome, iterate it to see events as they come, or both. Each event is first folded into
 * `execution`, then given to the handlers, then to iterators; the promise settles last. A later iterator starts with
 * the first event. Leaving a loop early ends the run, which then rejects with `RUN_CANCELLED`.
 *
 * A handle that an `async` function returns is awaited, like any promise: to hand it on while it runs, return `{ run }`.
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
  /** The outcome so far; complete once the promise has settled. */
  readonly execution: Execution;
  readonly #config: RunConfig;
  readonly #origin = new Error("The run was started here.");
  readonly #outcome: Promise<Execution>;
  readonly #history: EventHistory;
  #stream: RunStream | undefined;
  #settled: Failure | "resolved" | undefined;
  #wakes: (() => void)[] = [];
  #observed = false;

  /** @internal */
  constructor(config: RunConfig) {
    this.#config = config;
    this.execution = new Execution(config.kind, config.bound);
    this.#history = new EventHistory(config.bound === undefined);
    this.#outcome = this.#drive();
    // A handle that is never awaited must not end the process with an unhandled rejection.
    this.#outcome.catch((error: unknown) => {
      const { logger } = config;
      if (logger === undefined || this.#observed) return;
      // Not yet: an `await` asks for the outcome a turn later, and what fails at once would come before it.
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
   * Interrupts the run on the server and resolves when it has ended.
   *
   * The run itself then resolves too: the interrupt shows in `execution.error` (`KeyboardInterrupt` in Python). A run
   * that still waits for its turn is never sent, and rejects with `RUN_CANCELLED`; so does one in a session, which the
   * server ends with the request. One that has failed already may still be ending on the server: that is waited for.
   *
   * @param options.signal ends the waiting, not the run
   * @throws {SandboxTimeoutException} `REQUEST_TIMEOUT` when the run goes on 5 s after the first interrupt
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
   * All events from the first on, and then those to come; throws what ended the run, if it failed.
   *
   * @throws {InvalidArgumentException} with `maxOutputBytes`, once the first event has come: then they are not kept
   */
  [Symbol.asyncIterator](): AsyncIterator<ExecutionEvent, undefined> {
    this.#observed = true;
    // An iterator from before the run was stopped ends at once; a later one replays all events.
    const isLate = this.#settled !== undefined;
    const history = this.#history;
    const reader = history.join();
    let hasLeft = false;
    // Not an async function, which costs more than everything else here for an event that is there already.
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

  /** Reads the stream to its end: folds each event, calls the handlers, then wakes the iterators. */
  async #drive(): Promise<Execution> {
    const { handlers } = this.#config;
    try {
      const stream = new RunStream(this.#config.source());
      this.#stream = stream;
      for (let batch = await stream.read(); batch !== undefined; batch = await stream.read()) {
        for (const event of batch) {
          const result = foldEvent(this.execution, event);
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
      // The caller's own abort reason, or a handler's own error, stays as it is.
      if (this.#stream?.stopped?.isForeign !== true) {
        const { sandboxId } = this.#config;
        const requestId = this.#stream?.requestId;
        addErrorContext(error, { sandboxId, requestId, execution: this.execution });
        withCallerStack(error, this.#origin);
      }
      this.#settled = { error };
      throw error;
    } finally {
      this.#wake();
    }
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
