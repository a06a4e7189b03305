import { spawn, type ChildProcess } from "node:child_process";
import { describeSystemError, errorCode } from "../http/go-errors.js";
import { describeSignal, signalGroup, trackGroup } from "../processes.js";

/** How long an interrupted process may take to end by itself. */
const TERMINATION_MS = 3000;
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** How a process ended, or why it did not start. */
export type Ending =
  { readonly code: number } | { readonly signal: NodeJS.Signals } | { readonly failure: string };

/** The process to start. */
export interface Launch {
  readonly argv: readonly string[];
  /** An absolute path of an existing directory. */
  readonly cwd: string;
  /** The complete environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  /** Descriptors for the output. They stay open in this process. */
  readonly stdout: number;
  readonly stderr: number;
  /** The process is killed after this time; 0 for no limit. */
  readonly timeoutMs: number;
}

/** A process that leads its own group. Signals and the timeout affect the whole group. Its stdin is empty. */
export class Child {
  readonly ending: Promise<Ending>;
  #process: ChildProcess | undefined;
  #timedOut = false;

  constructor(launch: Launch) {
    this.ending = this.#start(launch);
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

  #start({
    argv: [file = "", ...args],
    cwd,
    env,
    uid,
    gid,
    stdout,
    stderr,
    timeoutMs,
  }: Launch): Promise<Ending> {
    return new Promise((resolve) => {
      const fail = (error: unknown) => resolve({ failure: describeFailure(file, error) });
      try {
        const stdio = ["ignore" as const, stdout, stderr];
        this.#process = spawn(file, args, { cwd, env, uid, gid, detached: true, stdio });
      } catch (error) {
        return fail(error);
      }
      const child = this.#process;
      trackGroup(child.pid);
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

/** Returns the stream error for a process that failed, or `undefined` on success. */
export function toWireError(
  ending: Ending,
): { readonly ename: string; readonly evalue: string; readonly traceback: readonly string[] } | undefined {
  const { exitCode, error } = describeEnding(ending);
  if (error === "") return undefined;
  const evalue = "failure" in ending ? error : String(exitCode);
  return { ename: "CommandExecError", evalue, traceback: [error] };
}

function describeFailure(file: string, error: unknown): string {
  if (errorCode(error) === "ENOENT" && !file.includes("/")) {
    return `exec: "${file}": executable file not found in $PATH`;
  }
  return `fork/exec ${file}: ${describeSystemError(error)}`;
}
