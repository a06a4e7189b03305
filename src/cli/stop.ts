import { constants } from "node:os";

/** The reason of {@link Stop.signal}: why the command was stopped. */
export class Stopped extends Error {
  readonly exitCode: number;

  constructor(signal: "SIGINT" | "SIGTERM" | "SIGHUP" | "SIGPIPE") {
    super(`Stopped by ${signal}.`);
    this.exitCode = 128 + constants.signals[signal];
  }
}

/**
 * Turns Ctrl-C, SIGTERM, SIGHUP and a closed output pipe into one abort signal. A second Ctrl-C ends the process at
 * once; the local server cleans up in its own exit handler.
 */
export class Stop {
  readonly #controller = new AbortController();
  #interrupted: (() => void) | undefined;
  #isForgotten = false;

  constructor() {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.on(signal, () => {
        if (signal === "SIGINT" && this.#interrupted !== undefined) this.#interrupted();
        else this.#stop(new Stopped(signal));
      });
    }
    process.stdout.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
      // The reader of the output is gone. This does not count as a second Ctrl-C.
      if (!this.signal.aborted) this.#stop(new Stopped("SIGPIPE"));
    });
    process.stderr.on("error", () => undefined);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Why the command was stopped; `undefined` if it was not. */
  get reason(): Stopped | undefined {
    return this.signal.reason instanceof Stopped && !this.#isForgotten ? this.signal.reason : undefined;
  }

  /** Uses the command's own exit code even though it was stopped. */
  forget(): void {
    this.#isForgotten = true;
  }

  /** Passes Ctrl-C to a listener instead, until the returned function is called. */
  takeInterrupts(listener: () => void): () => void {
    this.#interrupted = listener;
    return () => {
      this.#interrupted = undefined;
    };
  }

  #stop(reason: Stopped): void {
    if (this.signal.aborted) process.exit(reason.exitCode);
    this.#controller.abort(reason);
  }
}
