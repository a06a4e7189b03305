/** Runs clean-up functions when the process ends without closing its servers. */

import { END_SIGNALS, isHandledByProgram, OWN_LISTENER } from "../../process-end.js";

const cleanups = new Set<() => void>();

/**
 * Registers a synchronous clean-up for the end of the process: a normal exit, an uncaught exception, SIGINT, SIGTERM or
 * SIGHUP. Listeners are installed while at least one clean-up is registered. The default effect of the signal is kept.
 *
 * @returns a function that removes the registration
 */
export function onProcessEndSync(cleanup: () => void): () => void {
  if (cleanups.size === 0) {
    process.on("exit", runAll);
    for (const signal of END_SIGNALS) process.on(signal, onSignal);
  }
  cleanups.add(cleanup);
  return () => {
    if (!cleanups.delete(cleanup) || cleanups.size > 0) return;
    process.off("exit", runAll);
    for (const signal of END_SIGNALS) process.off(signal, onSignal);
  };
}

const onSignal = Object.assign(
  (signal: NodeJS.Signals): void => {
    // A program with its own listener decides when to exit; the exit listener then cleans up.
    if (isHandledByProgram(process.listeners(signal))) return;
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
