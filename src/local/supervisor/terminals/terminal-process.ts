import type { ChildProcess } from "node:child_process";
import path from "node:path";
import { Duplex, type Readable } from "node:stream";
import { isRecord } from "../../../json.js";
import type { Configuration } from "../configuration.js";
import { currentEnvironment } from "../environment.js";
import { signalGroup, startGroup, trackGroup } from "../process-groups.js";

/** The size before a client sets another one, as in execd. */
const [ROWS, COLUMNS] = [24, 80];

/** Which of the program's outputs it is. A pseudo-terminal has only `stdout`. */
export type Channel = "stdout" | "stderr";

/** What to start. */
export interface TerminalLaunch {
  /** For the shell; empty for an interactive shell. */
  readonly command: string;
  readonly cwd: string;
  /** Whether the program gets a pseudo-terminal; otherwise three pipes. */
  readonly isTerminal: boolean;
}

/** What a terminal tells about its program. */
export interface TerminalListener {
  onOutput(channel: Channel, chunk: Buffer): void;
  /** Called once, after the program's own output. */
  onExit(code: number): void;
}

/** The running program of a terminal. */
export class TerminalProcess {
  readonly #child: ChildProcess;
  #control: Duplex | undefined;
  readonly #outputs: readonly Readable[];
  /** Leads the program's own process group. */
  #pid: number | undefined;
  #exitCode = -1;

  /** @throws {Error} if it cannot be started */
  constructor(launch: TerminalLaunch, configuration: Configuration, listener: TerminalListener) {
    const { command, cwd, isTerminal } = launch;
    const shell = ["bash", "--noprofile", "--norc", ...(command === "" ? [] : ["-c", command])];
    const child = startGroup(isTerminal ? [...pseudoTerminal(configuration), ...shell] : shell, {
      cwd,
      env: { ...currentEnvironment(configuration), PWD: cwd, ...(isTerminal && { TERM: "xterm-256color" }) },
      stdio: ["pipe", "pipe", "pipe", ...(isTerminal ? ["pipe" as const] : [])],
    });
    this.#child = child;
    const control = child.stdio[3];
    if (control instanceof Duplex) {
      this.#control = control;
      this.#readControl(control);
    } else {
      this.#pid = child.pid;
    }
    child.stdin?.on("error", () => undefined); // the program has ended or closed its input
    const { stdout, stderr } = child;
    this.#outputs = [stdout, stderr].filter((output) => output !== null);
    stdout?.on("data", (chunk: Buffer) => listener.onOutput("stdout", chunk));
    stderr?.on("data", (chunk: Buffer) => listener.onOutput("stderr", chunk));
    this.#reportExit(isTerminal, listener);
  }

  /** Resumes with the next {@link setFlowing}. The program waits when it has filled what lies between. */
  setFlowing(isFlowing: boolean): void {
    for (const output of this.#outputs) {
      if (isFlowing) output.resume();
      else output.pause();
    }
  }

  /** @returns `false` if the caller should wait for `onDrain` before it writes more */
  write(data: Buffer, onDrain: () => void): boolean {
    const { stdin } = this.#child;
    if (stdin === null || stdin.destroyed || stdin.write(data)) return true;
    stdin.once("drain", onDrain);
    stdin.once("close", onDrain);
    return false;
  }

  /** Has no effect on pipes. */
  resize(rows: number, columns: number): void {
    if (this.#control?.writable === true) this.#control.write(`${rows} ${columns}\n`);
  }

  signal(signal: NodeJS.Signals): void {
    signalGroup(this.#pid, signal);
  }

  /** Ends the program. A terminal that is gone also ends its other processes, unless they ignore SIGHUP. */
  kill(): void {
    this.signal("SIGKILL");
    signalGroup(this.#child.pid, "SIGKILL");
  }

  #readControl(control: Readable): void {
    let text = "";
    control.setEncoding("utf8").on("data", (part: string) => {
      text += part;
      const lines = text.split("\n");
      text = lines.pop() ?? "";
      for (const line of lines) {
        const [word, value] = line.split(" ");
        if (word === "exit") this.#exitCode = Number(value);
        else {
          this.#pid = Number(value);
          trackGroup(this.#pid);
        }
      }
    });
    control.on("error", () => undefined); // it ends with the helper
  }

  #reportExit(isTerminal: boolean, listener: TerminalListener): void {
    let isReported = false;
    const report = (code: number) => {
      if (isReported) return;
      isReported = true;
      this.#pid = undefined;
      listener.onExit(code);
    };
    const child = this.#child;
    child.once("error", () => report(127));
    if (isTerminal) {
      child.once("close", () => report(this.#exitCode));
      return;
    }
    // Processes that the program has left behind may keep its pipes open: as execd does, their output is not waited for.
    child.once("exit", (code) => {
      setTimeout(() => report(code ?? -1), LEFT_BEHIND_MS).unref();
      child.once("close", () => report(code ?? -1));
    });
  }
}

/** How long a program that has ended may leave its pipes open, in milliseconds. */
const LEFT_BEHIND_MS = 300;

/** Returns the program that runs another one in a pseudo-terminal. @throws {Error} */
function pseudoTerminal({ languages }: Configuration): readonly string[] {
  const python = languages["python"];
  if (python === undefined || !("command" in python))
    throw new Error("a pseudo-terminal needs Python 3 on this machine; without it, use pipes");
  const [interpreter, program = ""] = python.command;
  const base: unknown = JSON.parse(String(python.settings?.["base"] ?? "{}"));
  const own = isRecord(base) && "interpreter" in base ? String(base["interpreter"]) : interpreter;
  const helper = path.join(path.dirname(program), "python_terminal.py");
  return [own, "-I", "-S", helper, String(ROWS), String(COLUMNS)];
}
