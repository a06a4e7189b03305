import type { ChildProcess } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { randomUUID } from "node:crypto";
import type { KernelLaunch } from "../../supervisor/configuration.js";
import type { OutputPipe } from "../../supervisor/pipes.js";
import { messageOf } from "../../wire/problem.js";
import { describeSignal, signalGroup, startGroup } from "../../supervisor/process-groups.js";
import { itemsOf, readCell, withoutUnusedImports, type GoCell } from "./notebook.js";
import { complaintOfPackage, isProgram, mayHaveValue, type GoItem } from "./source.js";
import { GoState } from "./state.js";
import { compilerLines, linkSharedCache, standardPackages, unusedImports } from "./toolchain.js";
import type { Kernel, KernelEvent, KernelHost, KernelStarter } from "../../supervisor/code/kernel.js";
import { KernelOutput } from "../../supervisor/code/kernel-output.js";

// How long an interrupted program has to end by itself before it is killed.
const GRACE_MS = 2000;
// After each failed attempt, the compiler's messages decide what the next one changes.
const MOST_ATTEMPTS = 4;
const LONGEST_COMPLAINT = 64 * 1024;
const LONGEST_RESULT = 16 * 1024 * 1024;
const LONGEST_TRACE = 60;

// A user's first build compiles the standard library.
const NOTE_AFTER_MS = 3000;
const COMPILING = "Go compiles its standard library for the first time; this can take a minute.\n";

type ErrorEvent = KernelEvent & { type: "error" };

interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Starts a kernel without a process of its own: as on the real server, each run compiles a program and runs it. */
export const startGo: KernelStarter = async (launch, host) => {
  const kernel = new GoKernel(launch, host);
  await kernel.prepare();
  return kernel;
};

class GoKernel implements Kernel {
  readonly ready = Promise.resolve();
  readonly #go: string;
  readonly #settings: Readonly<Record<string, string | number | boolean>>;
  readonly #env: Readonly<Record<string, string>>;
  readonly #host: KernelHost;
  readonly #directory: string;
  #alive = true;
  #count = 0;
  #state = new GoState();
  #child: ChildProcess | undefined;
  #output: KernelOutput | undefined;
  #flowing = true;
  #isRunning = false;
  #isInterrupted = false;
  /** Tells the user why the first compilation takes long; `undefined` if the cache is warm. */
  #noteCompiling: (() => void) | undefined;
  #isCold = false;

  constructor({ command: [go], env, settings = {} }: KernelLaunch, host: KernelHost) {
    this.#go = go;
    this.#settings = settings;
    this.#env = { ...host.env, ...env };
    this.#host = host;
    const cache = this.#env["GOCACHE"] ?? path.join(host.scratch, "go/build");
    this.#directory = path.join(path.dirname(cache), `run-${randomUUID()}`);
  }

  async prepare(): Promise<void> {
    await mkdir(this.#directory, { recursive: true });
    const { GOCACHE: own } = this.#env;
    const shared = this.#settings["cache"];
    if (own !== undefined && typeof shared === "string") this.#isCold = !(await linkSharedCache(shared, own));
  }

  get alive(): boolean {
    return this.#alive;
  }

  async run(code: string, deliver: (event: KernelEvent) => void): Promise<void> {
    this.#count += 1;
    this.#isInterrupted = false;
    this.#isRunning = true;
    this.#noteCompiling = this.#isCold ? () => deliver({ type: "stderr", text: COMPILING }) : undefined;
    try {
      const error = await this.#runCell(readCell(code), deliver);
      if (error !== undefined) deliver(error);
    } catch (error) {
      deliver(failure("KernelError", messageOf(error)));
    } finally {
      this.#isRunning = false;
    }
  }

  interrupt(): void {
    if (!this.#isRunning) return;
    this.#isInterrupted = true;
    const child = this.#child;
    // Between the compiler and the program there is no child; the next step checks #isInterrupted.
    if (child === undefined) return;
    signalGroup(child.pid, "SIGINT");
    const killing = setTimeout(() => signalGroup(child.pid, "SIGKILL"), GRACE_MS);
    child.once("exit", () => clearTimeout(killing));
  }

  setFlowing(flowing: boolean): void {
    this.#flowing = flowing;
    this.#output?.setFlowing(flowing);
  }

  async kill(): Promise<void> {
    this.#alive = false;
    signalGroup(this.#child?.pid, "SIGKILL");
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #runCell(cell: GoCell, deliver: (event: KernelEvent) => void): Promise<ErrorEvent | undefined> {
    if (cell.problem !== undefined) return failure("SyntaxError", cell.problem);
    for (const line of cell.shellLines) {
      const error = await this.#execute(["bash", "-c", line], deliver);
      if (error !== undefined) return error;
    }
    if (isProgram(cell.code)) return this.#runProgram(cell.code, deliver);
    return this.#runSnippet(itemsOf(cell), cell, deliver);
  }

  /** Runs a whole program alone, as `go run` does: it shares no declarations with other runs. */
  async #runProgram(code: string, deliver: (event: KernelEvent) => void): Promise<ErrorEvent | undefined> {
    const complaint = complaintOfPackage(code);
    if (complaint !== undefined) return this.#compileError([`<cell ${this.#count}>:${complaint}`]);
    const cell = `<cell ${this.#count}>`;
    let complaints = await this.#compile(`//line ${cell}:1:1\n${code}`);
    if (complaints !== undefined) {
      const repaired = withoutUnusedImports(code, cell, complaints);
      if (repaired !== code) complaints = await this.#compile(`//line ${cell}:1:1\n${repaired}`);
    }
    if (complaints !== undefined) return this.#compileError(complaints);
    return this.#execute([this.#program], deliver);
  }

  async #runSnippet(
    items: readonly GoItem[],
    { args }: GoCell,
    deliver: (event: KernelEvent) => void,
  ): Promise<ErrorEvent | undefined> {
    const complaints = await this.#compileSnippet(items);
    if (complaints !== undefined) return this.#compileError(complaints);
    this.#state = this.#state.with(items, this.#count);
    const runs = items.some(
      ({ kind, names }) =>
        kind === "statement" || names.some(({ name }) => name === "main" || name === "init"),
    );
    return runs ? this.#execute([this.#program, ...args], deliver) : undefined;
  }

  async #compileSnippet(items: readonly GoItem[]): Promise<string[] | undefined> {
    const root = this.#settings["standardLibrary"];
    const packages = standardPackages(typeof root === "string" ? root : "");
    const unused = new Set<string>();
    const last = items.at(-1);
    // Only the compiler knows whether a call has a value, so the first attempt assumes that it does.
    let isTried = last !== undefined && mayHaveValue(last);
    let showsLast = isTried;
    for (let attempt = 1; ; attempt++) {
      const options = { run: this.#count, showsLast, unused, standardPackages: packages };
      const complaints = await this.#compile(this.#state.compose(items, options));
      if (complaints === undefined || attempt === MOST_ATTEMPTS || this.#isInterrupted) return complaints;
      if (isTried && complaints.some((text) => text.endsWith("(no value) used as value"))) {
        isTried = showsLast = false;
        continue;
      }
      const useless = unusedImports(complaints).filter((text) => !unused.has(text));
      const isValue: boolean =
        !showsLast && last?.kind === "statement" && this.#isUnusedValue(last, complaints);
      if (useless.length === 0 && !isValue) return complaints;
      for (const text of useless) unused.add(text);
      showsLast ||= isValue;
    }
  }

  /** Returns whether the compiler reports the last statement as an unused value, which makes it the result of the run. */
  #isUnusedValue({ line }: GoItem, complaints: readonly string[]): boolean {
    return complaints.some(
      (text) => text.startsWith(`<cell ${this.#count}>:${line}:`) && text.endsWith(" is not used"),
    );
  }

  /** Compiles a program. Resolves to the compiler's messages, or `undefined` if it succeeds. */
  async #compile(source: string): Promise<string[] | undefined> {
    const file = path.join(this.#directory, "main.go");
    await writeFile(file, source);
    const args = ["build", "-buildvcs=false", "-ldflags=-s -w", "-o", this.#program, file];
    // A build that is killed leaves temporary files behind; in this directory they are removed with the rest.
    const env = { ...this.#env, GOTMPDIR: this.#directory, HOME: this.#directory };
    let output = "";
    const { workspace: cwd } = this.#host;
    const child = startGroup([this.#go, ...args], { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        output = (output + text).slice(0, LONGEST_COMPLAINT);
      });
    }
    const noting = this.#noteCompiling && setTimeout(this.#noteCompiling, NOTE_AFTER_MS);
    const { code } = await this.#ended(child, "close").finally(() => clearTimeout(noting));
    this.#noteCompiling = undefined;
    this.#isCold &&= code !== 0;
    if (code === 0) return undefined;
    const lines = compilerLines(output, this.#directory);
    return lines.length === 0 ? ["the compiler failed without a message"] : lines;
  }

  get #program(): string {
    return path.join(this.#directory, "program");
  }

  async #execute(
    command: readonly string[],
    deliver: (event: KernelEvent) => void,
  ): Promise<ErrorEvent | undefined> {
    const pipes = this.#host.pipes;
    const [stdout, stderr, result] = [await pipes.take(), await pipes.take(), await pipes.take()];
    let said = "";
    const output = new KernelOutput(stdout, stderr, {
      marker: undefined,
      target: {
        text: (type, text) => {
          if (text === "") return;
          if (type === "stderr") said = (said + text).slice(-LONGEST_COMPLAINT);
          deliver({ type, text });
        },
        message: () => undefined,
      },
    });
    this.#output = output;
    output.setFlowing(this.#flowing);
    const value = collect(result);
    const finish = () => {
      output.finish();
      result.finish();
      this.#output = undefined;
    };
    if (this.#isInterrupted) {
      finish();
      return interrupted();
    }
    const { workspace: cwd, env } = this.#host;
    const child = startGroup(command, { cwd, env, stdio: ["ignore", stdout, stderr, result] });
    const ending = await this.#ended(child, "exit").finally(finish);
    const text = value();
    if (text !== "") deliver({ type: "result", count: this.#count, data: { "text/plain": text } });
    return this.#describe(ending, said);
  }

  async #ended(child: ChildProcess, event: "exit" | "close"): Promise<Ending> {
    this.#child = child;
    try {
      return await new Promise<Ending>((resolve, reject) => {
        child.once("error", reject);
        child.once(event, (code: number | null, signal: NodeJS.Signals | null) => resolve({ code, signal }));
      });
    } finally {
      this.#child = undefined;
    }
  }

  #compileError(lines: readonly string[]): ErrorEvent {
    return this.#isInterrupted ? interrupted() : failure("CompileError", lines.join("\n"), lines);
  }

  #describe({ code, signal }: Ending, said: string): ErrorEvent | undefined {
    if (code === 0) return undefined;
    if (this.#isInterrupted) return interrupted();
    if (signal !== null) return failure("ExitError", describeSignal(signal));
    const [, kind, message] =
      /^(panic|fatal error): ([^]*?)(?:\n\ngoroutine |\n\[signal |$)/m.exec(said) ?? [];
    if (code !== 2 || kind === undefined || message === undefined)
      return failure("ExitError", `exit status ${code ?? 0}`);
    const trace = said
      .slice(said.indexOf(`${kind}: `))
      .trimEnd()
      .split("\n");
    return failure(kind, message.trimEnd(), trace.slice(0, LONGEST_TRACE));
  }
}

function failure(
  ename: string,
  evalue: string,
  traceback: readonly string[] = [`${ename}: ${evalue}`],
): ErrorEvent {
  return { type: "error", ename, evalue, traceback };
}

function interrupted(): ErrorEvent {
  return failure("Interrupted", "signal: interrupt");
}

/** Returns a function that returns what a pipe has delivered so far. */
function collect(pipe: OutputPipe): () => string {
  const chunks: Buffer[] = [];
  let size = 0;
  pipe.listen((chunk) => {
    size += chunk.length;
    if (size <= LONGEST_RESULT) chunks.push(chunk);
  });
  return () => Buffer.concat(chunks).toString("utf8");
}
