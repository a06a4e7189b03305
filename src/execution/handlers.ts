import type { ExecutionError, ExecutionEvent } from "./event.js";
import type { ExecutionComplete } from "./execution.js";
import type { OutputMessage } from "./output-log.js";
import type { ExecutionResult } from "./result.js";

/**
 * The return value of a handler. A promise is awaited before the next event is delivered. Any other value is ignored, such
 * as the result of `process.stdout.write`.
 */
export type HandlerOutcome = unknown;

/**
 * Functions that are called for each event of a run, in order, after the event has been added to `execution` and before
 * loops receive it.
 *
 * A slow handler slows down the reading of the stream. If a handler throws, the run ends and rejects with that error. A
 * handler must not await another run in its own context, since that run waits for this one to end.
 */
export interface ExecutionHandlers {
  /**
   * Called when code asks for a line of input, as Python's `input()` and `getpass()` do. Returns the line, or `undefined` to
   * end the input, which is an `EOFError` in the code. Other events go on meanwhile. Only the local server sends such
   * requests, and only for Python.
   */
  readonly onInput?:
    ((request: InputRequest) => string | undefined | PromiseLike<string | undefined>) | undefined;
  /** Called for all events, including pings and unknown types, before the handler of the type. */
  readonly onEvent?: ((event: ExecutionEvent) => HandlerOutcome) | undefined;
  /** Called with the run's id. */
  readonly onInit?:
    ((init: { readonly id: string; readonly timestamp: number }) => HandlerOutcome) | undefined;
  /** Called for text on standard output. */
  readonly onStdout?: ((message: OutputMessage) => HandlerOutcome) | undefined;
  /** Called for text on standard error. */
  readonly onStderr?: ((message: OutputMessage) => HandlerOutcome) | undefined;
  /** Called for a displayed value. */
  readonly onResult?: ((result: ExecutionResult) => HandlerOutcome) | undefined;
  /** Called if the code or the command failed. */
  readonly onError?: ((error: ExecutionError) => HandlerOutcome) | undefined;
  /** Called when the server reports the run as complete. For code, output can follow. */
  readonly onExecutionComplete?: ((complete: ExecutionComplete) => HandlerOutcome) | undefined;
}

/** What {@link ExecutionHandlers.onInput} is called with. */
export interface InputRequest {
  /** What the code shows before the input; may be empty. */
  readonly prompt: string;
  /** Whether the input must not be shown while it is typed. */
  readonly isPassword: boolean;
  /** Aborted when the run ends, is interrupted or aborted: nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

/** The run whose handlers are called. */
interface StoppableRun {
  /** Why the run was stopped; `undefined` if it was not. */
  readonly stopped: unknown;
  stop(error: unknown, isFromCaller: boolean): void;
}

/**
 * Calls the handlers of one event. A handler that throws stops the run. Once a run is stopped, no handler is called.
 *
 * @param result the result that the event added to the execution, if it is a result
 * @returns a promise only if a handler returned one, so that synchronous handlers cost no microtask
 */
export function callHandlers(
  handlers: ExecutionHandlers,
  event: ExecutionEvent,
  result: ExecutionResult | undefined,
  run: StoppableRun,
): Promise<unknown> | undefined {
  try {
    const pending = pendingOf(handlers.onEvent?.(event));
    if (pending === undefined) return pendingOf(callHandlerOfType(handlers, event, result));
    return pending.then(() =>
      run.stopped === undefined ? callHandlerOfType(handlers, event, result) : undefined,
    );
  } catch (error) {
    run.stop(error, true);
    return undefined;
  }
}

function callHandlerOfType(
  handlers: ExecutionHandlers,
  event: ExecutionEvent,
  result: ExecutionResult | undefined,
): HandlerOutcome {
  switch (event.type) {
    case "init":
      return handlers.onInit?.({ id: event.id, timestamp: event.timestamp });
    case "stdout":
      return handlers.onStdout?.(event);
    case "stderr":
      return handlers.onStderr?.(event);
    case "result":
      return result && handlers.onResult?.(result);
    case "error":
      return handlers.onError?.(event.error);
    case "execution_complete":
      return handlers.onExecutionComplete?.(event);
    default:
      return undefined;
  }
}

function pendingOf(outcome: HandlerOutcome): Promise<unknown> | undefined {
  const isObject = typeof outcome === "object" || typeof outcome === "function";
  if (!isObject || outcome === null || !("then" in outcome)) return undefined;
  // A foreign thenable may throw synchronously or settle twice.
  return Promise.resolve(outcome);
}
