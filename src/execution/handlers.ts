import type { ExecutionError, ExecutionEvent } from "./event.js";
import type { ExecutionComplete } from "./execution.js";
import type { OutputMessage } from "./output-log.js";
import type { ExecutionResult } from "./result.js";

/**
 * What a handler may return: a promise is awaited before the next event is delivered; anything else is ignored, such as
 * the result of `process.stdout.write`.
 */
export type HandlerOutcome = unknown;

/**
 * Called for each event of a run, in order, after the event is part of `execution` and before iterators see it.
 *
 * A slow handler slows the reading of the stream. One that throws ends the run, which then rejects with what was
 * thrown. A handler must not await a run in its own context: that run waits for this one.
 */
export interface ExecutionHandlers {
  /** Any event, also pings and types that this version does not know; called before the handler of its type. */
  readonly onEvent?: ((event: ExecutionEvent) => HandlerOutcome) | undefined;
  /** The run has an id. */
  readonly onInit?:
    ((init: { readonly id: string; readonly timestamp: number }) => HandlerOutcome) | undefined;
  /** Something was printed. */
  readonly onStdout?: ((message: OutputMessage) => HandlerOutcome) | undefined;
  /** Something was printed to standard error. */
  readonly onStderr?: ((message: OutputMessage) => HandlerOutcome) | undefined;
  /** A value was shown. */
  readonly onResult?: ((result: ExecutionResult) => HandlerOutcome) | undefined;
  /** The code or the command failed. */
  readonly onError?: ((error: ExecutionError) => HandlerOutcome) | undefined;
  /** The server calls the run complete; for code this may come before output. */
  readonly onExecutionComplete?: ((complete: ExecutionComplete) => HandlerOutcome) | undefined;
}

/** The run whose handlers are called. */
interface StoppableRun {
  /** Why it was stopped, if it was. */
  readonly stopped: unknown;
  stop(error: unknown, options: { readonly isForeign: boolean }): void;
}

/**
 * Calls the handlers of one event. A handler that throws stops the run; a run that is stopped calls no further handler.
 *
 * @param result what the event added to the execution's results, if it is a result
 * @returns a promise only if a handler returned one, so that a run with plain handlers costs no turn of the event loop
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
    run.stop(error, { isForeign: true });
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
  // A promise of another kind may throw at once, or settle twice.
  return Promise.resolve(outcome);
}
