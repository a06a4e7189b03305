import { constants } from "node:os";
import type { ExecutionError } from "../index.js";

/** How a program ended. */
export interface Ending {
  readonly exitCode: number;
  /** Whether the program exited with this code on purpose, so that there is no error to show. */
  readonly isIntended: boolean;
}

/** Signals that end a process, by Go's names, which execd uses. */
const SIGNALS: Readonly<Record<string, NodeJS.Signals>> = {
  killed: "SIGKILL",
  terminated: "SIGTERM",
  interrupt: "SIGINT",
  aborted: "SIGABRT",
  hangup: "SIGHUP",
  "segmentation fault": "SIGSEGV",
  "broken pipe": "SIGPIPE",
};

/** Returns how a program ended, from the error of its run. Each language reports the exit code in its own way. */
export function endingOf(error: ExecutionError | undefined): Ending {
  if (error === undefined) return intended(0);
  const { name, value } = error;
  // For Bash, the error has no name, only the exit code.
  if ((name === "SystemExit" || name === "") && /^-?\d+$/.test(value)) return intended(Number(value));
  if (name === "SystemExit" && (value === "" || value === "None")) return intended(0);
  const [, status] = /^(?:.*\()?exit status (\d+)\b/.exec(value) ?? [];
  if (status !== undefined) return intended(Number(status));
  return failed(/^(?:.*\()?signal: ([a-z ]+)/.exec(value)?.[1]);
}

/** Like {@link endingOf}, for a shell command, whose error has the exit code as its value. */
export function commandEndingOf(error: ExecutionError | undefined): Ending {
  if (error === undefined) return intended(0);
  if (/^\d+$/.test(error.value)) return intended(Number(error.value));
  return failed(/^signal: ([a-z ]+)/.exec(error.traceback.at(-1) ?? "")?.[1]);
}

function failed(signalName = ""): Ending {
  const signal = SIGNALS[signalName.trim()];
  return { exitCode: signal === undefined ? 1 : 128 + constants.signals[signal], isIntended: false };
}

function intended(code: number): Ending {
  return { exitCode: toExitCode(code), isIntended: true };
}

/** Returns the lower eight bits of an exit code, which is what operating systems keep. */
export function toExitCode(code: number): number {
  return ((code % 256) + 256) % 256;
}
