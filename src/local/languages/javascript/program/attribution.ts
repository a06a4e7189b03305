import { syncBuiltinESMExports } from "node:module";
import timers from "node:timers";
import { promisify } from "node:util";
import { promiseHooks } from "node:v8";

const SET = ["setTimeout", "setInterval", "setImmediate"] as const;
type AnyFunction = (...args: readonly unknown[]) => unknown;

/**
 * Knows which run started what goes on, as far as it is a promise or a timer: output of an earlier run must not show up
 * in a later one.
 *
 * AsyncLocalStorage would know it of everything, but where it is made of Node's async hooks (before Node 24) the process
 * aborts when a microtask is terminated.
 */
export class Attribution<Run extends object> {
  readonly #ofPromises = new WeakMap<object, Run>();
  readonly #timers = new WeakMap<Run, Set<unknown>>();
  /** Whose callback is on the stack; `undefined` for what nothing is known of. */
  #onStack: Run | undefined;
  #current: Run | undefined;

  constructor() {
    promiseHooks.createHook({
      init: (promise) => {
        const run = this.#run();
        if (run !== undefined) this.#ofPromises.set(promise, run);
      },
      before: (promise) => void (this.#onStack = this.#ofPromises.get(promise)),
      after: () => void (this.#onStack = undefined),
    });
    for (const name of SET) {
      const replaced = this.#wrap(name, timers[name] as AnyFunction);
      Object.assign(timers, { [name]: replaced });
      Object.assign(globalThis, { [name]: replaced });
    }
    syncBuiltinESMExports();
  }

  /** The run that goes on; when it is set, nothing of an earlier one is on the stack. */
  get current(): Run | undefined {
    return this.#current;
  }

  set current(run: Run | undefined) {
    this.#current = run;
    this.#onStack = undefined;
  }

  /** The run that what is on the stack belongs to, as far as that is known. */
  get owner(): Run | undefined {
    return this.#onStack;
  }

  /** Whether what is on the stack, or a promise, may belong to the run that goes on. */
  isCurrent(promise?: object): boolean {
    const run = (promise && this.#ofPromises.get(promise)) ?? this.#run();
    return this.#current !== undefined && run === this.#current;
  }

  /** Takes away what a run still waits for. */
  cancelTimers(run: Run): void {
    for (const timer of this.#timers.get(run) ?? []) clearTimeout(timer as NodeJS.Timeout);
    this.#timers.delete(run);
  }

  #run(): Run | undefined {
    return this.#onStack ?? this.#current;
  }

  #wrap(name: (typeof SET)[number], original: AnyFunction): AnyFunction {
    const wrapped = (callback: unknown, ...rest: readonly unknown[]): unknown => {
      const run = this.#run();
      if (run === undefined || typeof callback !== "function") return original(callback, ...rest);
      const timersOfRun = this.#timersOf(run);
      const timer = original(
        (...args: readonly unknown[]) => {
          if (name !== "setInterval") timersOfRun.delete(timer);
          this.#onStack = run;
          try {
            Reflect.apply(callback, timer, args);
          } catch (error) {
            // Nothing would be known of it any more where it is reported.
            if (run === this.#current) throw error;
          } finally {
            this.#onStack = undefined;
          }
        },
        ...rest,
      );
      // An immediate runs before any interrupt could come to it.
      if (name !== "setImmediate") timersOfRun.add(timer);
      return timer;
    };
    // What `promisify` gives for it is Node's own, and settles promises, which are known.
    const promisified: unknown = Reflect.get(original, promisify.custom);
    Object.defineProperty(wrapped, "name", { value: name });
    Object.defineProperty(wrapped, promisify.custom, { enumerable: true, value: promisified });
    return wrapped;
  }

  #timersOf(run: Run): Set<unknown> {
    let found = this.#timers.get(run);
    if (found === undefined) this.#timers.set(run, (found = new Set()));
    return found;
  }
}
