/** What must happen when the process ends without having closed its servers. */

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
const cleanups = new Set<() => void>();
/** Marks this package's own listeners: other listeners of a signal belong to programs that decide themselves when to exit. */
const OWN_LISTENER = Symbol.for("opensandbox-code-interpreter.signal-listener");

/**
 * Registers a synchronous cleanup for the end of the process: a plain exit, an uncaught exception, SIGINT, SIGTERM and
 * SIGHUP. The process's handlers are installed while there is at least one, and what the signal would have done without
 * them still happens.
 *
 * @returns a function that takes the registration back
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
    // A program that handles the signal decides itself what ends, and when; if it exits, the exit handler cleans up.
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
