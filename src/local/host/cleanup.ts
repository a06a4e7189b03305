/** Runs clean-up functions when the process ends without closing its servers. */

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
const cleanups = new Set<() => void>();
/** Marks the listeners of this package. Any other listener of a signal means that the program decides when to exit. */
const OWN_LISTENER = Symbol.for("opensandbox-code-interpreter.signal-listener");

/**
 * Registers a synchronous clean-up for the end of the process: a normal exit, an uncaught exception, SIGINT, SIGTERM or
 * SIGHUP. Listeners are installed while at least one clean-up is registered. The default effect of the signal is kept.
 *
 * @returns a function that removes the registration
 */
export function onProcessEnd(cleanup: () => void): () => void {
  if (cleanups.size === 0) {
    process.on("exit", runAll);
    for (const signal of SIGNALS) process.on(signal, onSignal);
  }
  cleanups.add(cleanup);
  return () => {
    if (!cleanups.delete(cleanup) || cleanups.size > 0) return;
    process.off("exit", runAll);
    for (const signal of SIGNALS) process.off(signal, onSignal);
  };
}

const onSignal = Object.assign(
  (signal: NodeJS.Signals): void => {
    // A program with its own listener decides when to exit; the exit listener then cleans up.
    if (process.listeners(signal).some((listener) => !(OWN_LISTENER in listener))) return;
    runAll();
    process.off(signal, onSignal);
    process.kill(process.pid, signal);
  },
  { [OWN_LISTENER]: true },
);

function runAll(): void {
  for (const cleanup of cleanups) cleanup();
  cleanups.clear();
}
