import type { ChildProcess } from "node:child_process";
import { errorCode } from "../../wire/problem.js";
import { describeSystemError } from "../http/go-errors.js";
import type { OutputPipe } from "../pipes.js";
import { describeSignal, signalGroup, startGroup, type GroupOptions } from "../process-groups.js";

/** How long an interrupted process may take to end by itself. */
const TERMINATION_MS = 3000;
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** How a process ended, or why it did not start. */
export type Ending =
  { readonly code: number } | { readonly signal: NodeJS.Signals } | { readonly failure: string };

/** The process to start. */
export interface Launch extends Omit<GroupOptions, "stdio"> {
  readonly argv: readonly string[];
  /** The process is killed after this time; 0 for no limit. */
  readonly timeoutMs: number;
}

/** A process that leads its own group. Signals and the timeout affect the whole group. Its stdin is empty. */
export class Child {
  readonly ending: Promise<Ending>;
  #process: ChildProcess | undefined;
  #timedOut = false;

  constructor(launch: Launch, stdout: OutputPipe, stderr = stdout) {
    this.ending = this.#start(launch, stdout, stderr);
  }

  /** Whether the process was started. */
  get hasStarted(): boolean {
    return this.#process?.pid !== undefined;
  }

  get timedOut(): boolean {
    return this.#timedOut;
  }

  signal(signal: NodeJS.Signals): void {
    signalGroup(this.#process?.pid, signal);
  }

  /** Ends the process, after 3 s with SIGKILL. Resolves when it has ended. */
  async terminate(): Promise<void> {
    this.signal("SIGTERM");
    const killing = setTimeout(() => this.signal("SIGKILL"), TERMINATION_MS);
    await this.ending;
    clearTimeout(killing);
  }

  #start({ argv, timeoutMs, ...options }: Launch, stdout: OutputPipe, stderr: OutputPipe): Promise<Ending> {
    return new Promise((resolve) => {
      const fail = (error: unknown) => resolve({ failure: describeFailure(argv[0] ?? "", error) });
      let child: ChildProcess;
      try {
        child = startGroup(argv, { ...options, stdio: ["ignore", stdout, stderr] });
      } catch (error) {
        return fail(error);
      }
      this.#process = child;
      const kill = () => {
        this.#timedOut = true;
        signalGroup(child.pid, "SIGKILL");
      };
      const deadline =
        timeoutMs > 0 && timeoutMs <= LONGEST_TIMER_MS ? setTimeout(kill, timeoutMs) : undefined;
      child.once("error", fail);
      child.once("exit", (code, signal) => {
        clearTimeout(deadline);
        resolve(signal === null ? { code: code ?? 0 } : { signal });
      });
    });
  }
}

/** Returns the exit code that execd reports, and Go's error message, which is empty on success. */
export function describeEnding(ending: Ending): { readonly exitCode: number; readonly error: string } {
  if ("failure" in ending) return { exitCode: 255, error: ending.failure };
  if ("signal" in ending) return { exitCode: -1, error: describeSignal(ending.signal) };
  return { exitCode: ending.code, error: ending.code === 0 ? "" : `exit status ${ending.code}` };
}

function describeFailure(file: string, error: unknown): string {
  if (errorCode(error) === "ENOENT" && !file.includes("/")) {
    return `exec: "${file}": executable file not found in $PATH`;
  }
  return `fork/exec ${file}: ${describeSystemError(error)}`;
}
