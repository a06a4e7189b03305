import { InvalidArgumentException } from "../errors.js";
import { startTimer } from "./timeout.js";

type Callback = (reason: unknown) => void;

// One listener per signal: Node.js warns of a leak above ten listeners, although thousands of concurrent calls under one
// signal leak nothing.
const hubs = new WeakMap<AbortSignal, AbortHub>();

class AbortHub {
  readonly #signal: AbortSignal;
  // Entries, not callbacks, so that the same function may be added twice.
  readonly #entries = new Set<{ readonly callback: Callback }>();
  readonly #listener = (): void => {
    hubs.delete(this.#signal);
    const due = [...this.#entries];
    this.#entries.clear();
    for (const { callback } of due) callback(this.#signal.reason);
  };

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    hubs.set(signal, this);
    signal.addEventListener("abort", this.#listener, { once: true });
  }

  add(callback: Callback): () => void {
    const entry = { callback };
    this.#entries.add(entry);
    return () => {
      if (!this.#entries.delete(entry) || this.#entries.size > 0) return;
      hubs.delete(this.#signal);
      this.#signal.removeEventListener("abort", this.#listener);
    };
  }
}

/**
 * Calls back once when a signal is aborted, with the signal's reason. Returns a function that removes the listener. Never
 * calls back before it returns, so check first whether the signal is already aborted.
 */
export function onAbort(signal: AbortSignal | undefined, callback: Callback): () => void {
  if (signal === undefined) return () => undefined;
  assertSignal(signal);
  if (signal.aborted) return () => undefined;
  return (hubs.get(signal) ?? new AbortHub(signal)).add(callback);
}

/** Like {@link onAbort}, but calls back at once if the signal is aborted already. */
export function followAbort(signal: AbortSignal | undefined, callback: Callback): () => void {
  const unlink = onAbort(signal, callback);
  if (signal?.aborted === true) callback(signal.reason);
  return unlink;
}

/** @throws the signal's reason if it is aborted; {@link InvalidArgumentException} if it is not a signal */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal === undefined) return;
  assertSignal(signal);
  signal.throwIfAborted();
}

/** A promise, and the functions that settle it. */
export interface Deferred<Value> {
  readonly promise: Promise<Value>;
  readonly resolve: (value: Value) => void;
  readonly reject: (error: unknown) => void;
}

/** Creates a promise and the functions that settle it. */
export function deferred<Value>(): Deferred<Value> {
  let resolve!: (value: Value) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<Value>((onValue, onError) => {
    resolve = onValue;
    reject = onError;
  });
  return { promise, resolve, reject };
}

/** Settles like a promise, or rejects with the signal's reason as soon as the signal is aborted. */
export async function raceAbort<Value>(
  signal: AbortSignal | undefined,
  work: PromiseLike<Value>,
): Promise<Value> {
  if (signal === undefined) return await work;
  let unlink: (() => void) | undefined;
  try {
    return await new Promise<Value>((resolve, reject) => {
      // Attached first, so that work that fails after an abort causes no unhandled rejection.
      work.then(resolve, reject);
      if (signal.aborted) reject(signal.reason as Error);
      // `reason` can be a value of any type and is passed on unchanged.
      else unlink = onAbort(signal, reject);
    });
  } finally {
    unlink?.();
  }
}

/**
 * Runs work with a signal that is aborted with the caller's signal and after a number of seconds.
 *
 * @param options.reason returns the reason for the abort after that time
 */
export async function withLimit<Value>(
  options: {
    readonly seconds: number;
    readonly reason?: () => unknown;
    readonly signal?: AbortSignal | undefined;
  },
  work: (limit: AbortSignal) => Promise<Value>,
): Promise<Value> {
  const { seconds, reason, signal } = options;
  throwIfAborted(signal);
  const limit = new AbortController();
  const stopTimer = startTimer(seconds, () => {
    limit.abort(reason?.());
  });
  const unlink = onAbort(signal, (own) => {
    limit.abort(own);
  });
  try {
    return await work(limit.signal);
  } finally {
    stopTimer();
    unlink();
  }
}

/** Waits for a time. If the signal is aborted, rejects with its reason at once. */
export async function sleep(millis: number, signal?: AbortSignal): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    await raceAbort(
      signal,
      new Promise<void>((resolve) => {
        timer = setTimeout(resolve, millis);
      }),
    );
  } finally {
    clearTimeout(timer);
  }
}

// Checks the methods rather than the class: test environments and polyfills have their own classes.
function assertSignal(signal: unknown): asserts signal is AbortSignal {
  const isSignal = typeof signal === "object" && signal !== null && "throwIfAborted" in signal;
  if (!isSignal || !("addEventListener" in signal)) {
    throw new InvalidArgumentException("signal must be an AbortSignal.");
  }
}
