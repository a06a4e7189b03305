import { type CallOptions, checkOptions } from "../arguments.js";
import { onAbort, throwIfAborted } from "../transport/abort.js";

/**
 * Returns an iterable that calls `generate` for each loop over it, at the first `next`.
 *
 * Leaving a loop, even while it waits for the next item, aborts the signal passed to `generate`; the error that this causes
 * is not thrown. If the caller's signal is aborted, the loop throws the reason.
 */
export function iterableOf<Item>(
  options: CallOptions,
  generate: (signal: AbortSignal) => AsyncGenerator<Item, void>,
): AsyncIterable<Item> {
  return {
    [Symbol.asyncIterator]: () => {
      const ending = new AbortController();
      const left = Symbol();
      const items = (async function* () {
        const { signal: callerSignal } = checkOptions(options);
        throwIfAborted(callerSignal);
        const unlink = onAbort(callerSignal, (reason) => {
          ending.abort(reason);
        });
        try {
          yield* generate(ending.signal);
        } catch (error) {
          if (ending.signal.reason !== left) throw error;
        } finally {
          unlink();
        }
      })();
      return {
        next: () => items.next(),
        return: () => {
          // A generator handles `return` only between items. The signal ends its wait for the next one.
          ending.abort(left);
          return items.return();
        },
      };
    },
  };
}
