import { InvalidArgumentException } from "../errors.js";
import { startTimer } from "./timeout.js";

type Callback = (reason: unknown) => void;

// One listener per signal, however many calls use it: Node warns of a leak beyond a handful, and a program that
// makes 2,000 requests under one signal has none.
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
 * Calls back once when a signal aborts, with the signal's own reason; gives a function that ends that, idempotent.
 * Never calls back before it returns: whether the signal has already aborted is the caller's to ask first.
 */
export function onAbort(signal: AbortSignal | undefined, callback: Callback): () => void {
  if (signal === undefined) return () => undefined;
  assertSignal(signal);
  if (signal.aborted) return () => undefined;
  return (hubs.get(signal) ?? new AbortHub(signal)).add(callback);
}

/** @throws the signal's own reason where it has aborted; {@link InvalidArgumentException} if it is not a signal */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal === undefined) return;
  assertSignal(signal);
  signal.throwIfAborted();
}

/** Settles as a promise does, or rejects with the signal's own reason as soon as it aborts. */
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
      // `reason` is the caller's own value, of any type, and is handed on as it is.
      else unlink = onAbort(signal, reject);
    });
  } finally {
    unlink?.();
  }
}

/**
 * Does work under a signal of its own, which aborts with the caller's, and after so many seconds.
 *
 * @param options.reason makes the reason of the abort after that time
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

/** Waits; on abort it rejects at once, with the signal's own reason. */
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

// By what is used of it, not its class: test environments and polyfills bring classes of their own.
function assertSignal(signal: unknown): asserts signal is AbortSignal {
  const isSignal = typeof signal === "object" && signal !== null && "throwIfAborted" in signal;
  if (!isSignal || !("addEventListener" in signal)) {
    throw new InvalidArgumentException("signal must be an AbortSignal.");
  }
}
