import { syncBuiltinESMExports } from "node:module";
import timers from "node:timers";
import { promisify } from "node:util";
import { promiseHooks } from "node:v8";

const SET = ["setTimeout", "setInterval", "setImmediate"] as const;
type AnyFunction = (...args: readonly unknown[]) => unknown;

/**
 * Tracks which run started a promise or a timer, so that output of an earlier run does not appear in a later one.
 *
 * AsyncLocalStorage would track everything, but before Node 24 it uses async hooks, with which the process aborts when a
 * microtask is terminated.
 */
export class Attribution<Run extends object> {
  readonly #ofPromises = new WeakMap<object, Run>();
  readonly #timers = new WeakMap<Run, Set<unknown>>();
  /** The run whose callback is on the stack; `undefined` if unknown. */
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

  /** Sets the current run. Called while no code of an earlier run is on the stack. */
  get current(): Run | undefined {
    return this.#current;
  }

  set current(run: Run | undefined) {
    this.#current = run;
    this.#onStack = undefined;
  }

  /** The run that the code on the stack belongs to; `undefined` if unknown. */
  get owner(): Run | undefined {
    return this.#onStack;
  }

  /** Returns whether the code on the stack, or a promise, may belong to the current run. */
  isCurrent(promise?: object): boolean {
    const run = (promise && this.#ofPromises.get(promise)) ?? this.#run();
    return this.#current !== undefined && run === this.#current;
  }

  /** Clears the timers that a run still waits for. */
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
            // Handle it here: its run is no longer known where Node reports it.
            if (run === this.#current) throw error;
          } finally {
            this.#onStack = undefined;
          }
        },
        ...rest,
      );
      // Immediates are not tracked, since they run before an interrupt could clear them.
      if (name !== "setImmediate") timersOfRun.add(timer);
      return timer;
    };
    // The `promisify` version is Node's own and settles promises, which are tracked.
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
