/** The members of Node's `process` that are used here. */
interface ProcessLike {
  readonly pid: number;
  on(event: string, listener: (argument: string) => void): unknown;
  off(event: string, listener: (argument: string) => void): unknown;
  listeners(event: string): readonly object[];
  kill(pid: number, signal: string): unknown;
}

/** The signals that end a process. */
export const END_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
/** Marks this package's own signal listeners, also those of other copies. */
export const OWN_LISTENER = Symbol.for("opensandbox-code-interpreter.signal-listener");
/** How long the end of the process waits for sandboxes to be killed, in milliseconds. */
const CLOSE_TIMEOUT_MILLIS = 3_000;

const platform: { readonly process?: ProcessLike } = globalThis;
const open = new Set<() => Promise<void>>();
let isEnding = false;

/**
 * Closes something when the process ends by itself or by a signal. After a crash there is no time for requests.
 *
 * @returns a function that removes the registration
 */
export function onProcessEnd(close: () => Promise<void>): () => void {
  const { process } = platform;
  // Runtimes that resemble Node may lack some members.
  if (process === undefined || typeof process.on !== "function") return () => undefined;
  if (open.size === 0) {
    process.on("beforeExit", onBeforeExit);
    for (const signal of END_SIGNALS) process.on(signal, onSignal);
  }
  open.add(close);
  return () => {
    if (!open.delete(close) || open.size > 0) return;
    process.off("beforeExit", onBeforeExit);
    for (const signal of END_SIGNALS) process.off(signal, onSignal);
  };
}

/** Whether a signal has a listener that is not this package's own. The program then decides when to exit. */
export function isHandledByProgram(listeners: readonly object[]): boolean {
  return listeners.some((listener) => !(OWN_LISTENER in listener));
}

function closeAll(): Promise<unknown> {
  return Promise.allSettled([...open].map((close) => close()));
}

function onBeforeExit(): void {
  void closeAll();
}

const onSignal = Object.assign(
  (signal: string): void => {
    const { process } = platform;
    if (process === undefined || isEnding) return;
    isEnding = true;
    const decidesItself = isHandledByProgram(process.listeners(signal));
    let timer: ReturnType<typeof setTimeout> | undefined;
    const timeout = new Promise((resolve) => (timer = setTimeout(resolve, CLOSE_TIMEOUT_MILLIS)));
    void Promise.race([closeAll(), timeout]).then(() => {
      clearTimeout(timer);
      isEnding = false;
      if (decidesItself) return;
      process.off(signal, onSignal);
      process.kill(process.pid, signal);
    });
  },
  { [OWN_LISTENER]: true },
);
