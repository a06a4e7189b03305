import { type CallOptions, checkOptions } from "../arguments.js";
import { onAbort, throwIfAborted } from "../transport/abort.js";

/**
 * An iterable whose every loop begins anew, and which sends nothing before the first `next`.
 *
 * Leaving a loop, also while it waits for the next item, aborts the signal that `generate` was given; what that makes
 * it fail with is not thrown. The caller's own signal ends the loop with its own reason.
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
          // A generator looks at `return` between items only: the signal ends its waiting.
          ending.abort(left);
          return items.return();
        },
      };
    },
  };
}
