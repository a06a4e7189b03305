import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import type { Configuration } from "./environment.js";
import type { EventStream } from "./event-stream.js";
import { LineSplitter } from "./lines.js";
import type { OutputPipe, PipePool } from "./pipes.js";
import { messageOf, Problem } from "./problem.js";
import { describeSignal, signalGroup, trackGroup } from "./processes.js";

/** How long an interrupted command may take to end by itself. */
const TERMINATION_MS = 3000;
const LONGEST_TIMER_MS = 2 ** 31 - 1;
const REMEMBERED_COMMANDS = 10_000;

/** A command, checked. */
export interface CommandSpec {
  readonly command: string;
  /** An absolute path of a directory that exists. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  /** 0: none. */
  readonly timeoutMs: number;
}

/** Runs commands in the foreground. A command is independent of the client that asked for it. */
export class Commands {
  readonly #configuration: Configuration;
  readonly #pipes: PipePool;
  readonly #running = new Map<string, RunningCommand>();
  // Oldest first, so that what an interrupt says about an old id does not cost memory for ever.
  readonly #finished = new Set<string>();

  constructor(configuration: Configuration, pipes: PipePool) {
    this.#configuration = configuration;
    this.#pipes = pipes;
  }

  /** Starts a command and reports it; resolves when it has ended. */
  async run(spec: CommandSpec, events: EventStream): Promise<void> {
    const stdout = await this.#pipes.take();
    const stderr = await this.#pipes.take();
    const id = randomBytes(16).toString("hex");
    const command = new RunningCommand(stdout, stderr, events);
    this.#running.set(id, command);
    events.start(id);
    try {
      await command.run(spec, { ...this.#configuration.env, ...spec.env });
    } finally {
      this.#running.delete(id);
      this.#finished.add(id);
      for (const oldest of this.#finished) {
        if (this.#finished.size <= REMEMBERED_COMMANDS) break;
        this.#finished.delete(oldest);
      }
      events.end();
    }
  }

  has(id: string): boolean {
    return this.#running.has(id) || this.#finished.has(id);
  }

  /** Terminates a command and resolves when it is gone, after 3 s at most by SIGKILL. */
  async interrupt(id: string): Promise<void> {
    const command = this.#running.get(id);
    if (command === undefined) {
      const message = `error interruptting code context. command session ${id} is not running`;
      throw new Problem(500, "RUNTIME_ERROR", message);
    }
    await command.terminate();
  }
}

type Ending = { readonly code: number } | { readonly signal: NodeJS.Signals } | { readonly failure: string };

class RunningCommand {
  readonly #stdout: OutputPipe;
  readonly #stderr: OutputPipe;
  readonly #events: EventStream;
  readonly #ended: Promise<void>;
  #markEnded: () => void = () => undefined;
  #child: ChildProcess | undefined;

  constructor(stdout: OutputPipe, stderr: OutputPipe, events: EventStream) {
    this.#stdout = stdout;
    this.#stderr = stderr;
    this.#events = events;
    this.#ended = new Promise((resolve) => (this.#markEnded = resolve));
  }

  async run(spec: CommandSpec, env: Record<string, string>): Promise<void> {
    const lines = (["stdout", "stderr"] as const).map((type) => {
      const splitter = new LineSplitter((text) => this.#events.send({ type, text }));
      const pipe = type === "stdout" ? this.#stdout : this.#stderr;
      pipe.listen((chunk) => splitter.push(chunk));
      return splitter;
    });
    this.#events.onFlow = (flowing) => {
      this.#stdout.setFlowing(flowing);
      this.#stderr.setFlowing(flowing);
    };

    const ending = await this.#spawn(spec, env);
    // What it left running must never wait for this client.
    this.#events.onFlow = () => undefined;
    this.#stdout.finish();
    this.#stderr.finish();
    for (const splitter of lines) splitter.finish();
    this.#markEnded();
    this.#report(ending);
  }

  async terminate(): Promise<void> {
    signalGroup(this.#child?.pid, "SIGTERM");
    const killing = setTimeout(() => signalGroup(this.#child?.pid, "SIGKILL"), TERMINATION_MS);
    await this.#ended;
    clearTimeout(killing);
  }

  #spawn(spec: CommandSpec, env: Record<string, string>): Promise<Ending> {
    return new Promise((resolve) => {
      try {
        this.#child = spawn("bash", ["-c", spec.command], {
          cwd: spec.cwd,
          env,
          uid: spec.uid,
          gid: spec.gid,
          // Its own process group, which an interrupt and a timeout end as a whole.
          detached: true,
          stdio: ["ignore", this.#stdout.writeEnd, this.#stderr.writeEnd],
        });
      } catch (error) {
        resolve({ failure: describeSpawnFailure(error) });
        return;
      } finally {
        this.#stdout.closeWriteEnd();
        this.#stderr.closeWriteEnd();
      }
      const child = this.#child;
      trackGroup(child.pid);
      const deadline =
        spec.timeoutMs > 0 && spec.timeoutMs <= LONGEST_TIMER_MS
          ? setTimeout(() => signalGroup(child.pid, "SIGKILL"), spec.timeoutMs)
          : undefined;
      child.once("error", (error) => resolve({ failure: describeSpawnFailure(error) }));
      child.once("exit", (code, signal) => {
        clearTimeout(deadline);
        resolve(signal === null ? { code: code ?? 0 } : { signal });
      });
    });
  }

  #report(ending: Ending): void {
    if ("code" in ending && ending.code === 0) {
      this.#events.send({ type: "execution_complete", execution_time: this.#events.elapsedMs });
      return;
    }
    const [evalue, line] =
      "code" in ending
        ? [String(ending.code), `exit status ${ending.code}`]
        : "signal" in ending
          ? ["-1", describeSignal(ending.signal)]
          : [ending.failure, ending.failure];
    this.#events.send({ type: "error", error: { ename: "CommandExecError", evalue, traceback: [line] } });
  }
}

const SPAWN_FAILURES: Record<string, string> = {
  E2BIG: "argument list too long",
  EACCES: "permission denied",
  EINVAL: "invalid argument",
  ENOENT: "no such file or directory",
  EPERM: "operation not permitted",
};

function describeSpawnFailure(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return `fork/exec bash: ${SPAWN_FAILURES[code] ?? messageOf(error)}`;
}
