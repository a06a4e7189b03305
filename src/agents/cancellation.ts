/** Waits for a promise, or until a signal fires; rejects with the signal's reason then. */
export async function raceAbort<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> {
  signal.throwIfAborted();
  const listening = new AbortController();
  const aborted = new Promise<never>((_, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    signal.addEventListener("abort", onAbort, { signal: listening.signal });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    listening.abort();
  }
}

/** Calls a function with a signal that fires when one of some signals does; leaves no listener behind. */
export async function withAnySignal<Value>(
  signals: readonly (AbortSignal | undefined)[],
  call: (signal: AbortSignal) => Promise<Value>,
): Promise<Value> {
  const controller = new AbortController();
  const listening = new AbortController();
  for (const signal of signals) {
    signal?.throwIfAborted();
    signal?.addEventListener("abort", () => controller.abort(signal.reason), { signal: listening.signal });
  }
  try {
    return await call(controller.signal);
  } finally {
    listening.abort();
  }
}
