import { readFile, writeFile } from "node:fs/promises";
import { isSandboxException, type CodeContext, type Run } from "../../index.js";
import { inputHandlers } from "../ask.js";
import { UsageError } from "../errors.js";
import { endingOf } from "../exit-code.js";
import { reportFailure } from "../failure.js";
import type { Io } from "../io.js";
import { LANGUAGES, resolveLanguage } from "../languages.js";
import { ProgramOutput } from "../output.js";
import { ResultPrinter, type PictureMode } from "../pictures.js";
import { isComplete } from "../repl/input.js";
import { completeNames } from "../repl/names.js";
import { LineReader } from "../repl/line-reader.js";
import { table } from "../text.js";
import { isGone, openWorkspace, type Workspace, type WorkspaceOptions } from "../workspace.js";

/** Options of `repl`. */
export interface ReplOptions extends WorkspaceOptions {
  readonly images: PictureMode;
}

const HELP = `.help           show this
.lang LANGUAGE  go on in another language: ${LANGUAGES.join(", ")}
.reset          start the language anew, without its variables
.files [FOLDER] list files of the sandbox
.load FILE      run a file of this machine
.save FILE      write what was entered to a file of this machine
.exit           leave, as Ctrl-D does
Two blank lines run what was entered so far; Ctrl-C discards it, or interrupts what runs.
`;

/** Reads and runs code until the input ends. */
export async function repl(name: string, options: ReplOptions, io: Io): Promise<number> {
  const language = resolveLanguage(name);
  if (!LANGUAGES.includes(language)) {
    throw new UsageError(`${name} is not a language that is known here: ${LANGUAGES.join(", ")}.`);
  }
  const workspace = await openWorkspace(options, io);
  const session = new Session(workspace, language, options.images, io);
  try {
    await session.loop();
  } finally {
    await session.close();
  }
  return 0;
}

class Session {
  #workspace: Workspace;
  #language: string;
  readonly #contexts = new Map<string, CodeContext>();
  readonly #results: ResultPrinter;
  readonly #io: Io;
  readonly #entered: string[] = [];
  readonly #reader: LineReader;

  constructor(workspace: Workspace, language: string, images: PictureMode, io: Io) {
    this.#workspace = workspace;
    this.#language = language;
    this.#io = io;
    this.#results = new ResultPrinter(io, { directory: ".", name: "result" }, images, (text) =>
      io.write(text),
    );
    this.#reader = new LineReader(io, (line) => this.#complete(line));
  }

  async loop(): Promise<void> {
    const { signal } = this.#io.stop;
    await this.#context();
    if (this.#reader.isTerminal)
      this.#io.note(`${this.#language} in a sandbox. .help lists commands; Ctrl-D leaves.`);
    let input: string[] = [];
    for (;;) {
      const line = await this.#reader.read(input.length === 0 ? this.#prompt() : "... ");
      signal.throwIfAborted();
      if (line === "interrupt") {
        input = [];
        continue;
      }
      const isEnd = line === "end";
      if (!isEnd) input.push(line.text);
      const text = input.join("\n");
      const { command, argument } = input.length === 1 ? parseCommand(text) : NO_COMMAND;
      if (command === "exit") return;
      if (command in this.#commands) {
        input = [];
        await this.#guarded(() => this.#commands[command]?.(argument));
      } else if (text.trim() === "") {
        input = [];
      } else if (isEnd || (!line.isPasted && isComplete(this.#language, text))) {
        input = [];
        await this.#guarded(() => this.#enter(text));
      }
      if (isEnd) return;
    }
  }

  async close(): Promise<void> {
    this.#reader.close();
    if (this.#workspace.isKept) {
      const { codes } = this.#workspace.interpreter;
      for (const { id } of this.#contexts.values()) await codes.deleteContext(id).catch(() => undefined);
    }
    await this.#workspace.close();
  }

  readonly #commands: Readonly<Record<string, (argument: string) => Promise<void> | void>> = {
    help: async () => {
      await this.#io.writeError(HELP);
    },
    lang: async (name) => {
      const language = resolveLanguage(name);
      if (!LANGUAGES.includes(language)) throw new UsageError(`.lang takes one of ${LANGUAGES.join(", ")}.`);
      this.#language = language;
      await this.#context();
    },
    reset: async () => {
      const context = this.#contexts.get(this.#language);
      this.#contexts.delete(this.#language);
      if (context !== undefined) await this.#workspace.interpreter.codes.deleteContext(context.id);
      await this.#context();
      this.#io.note(`${this.#language} starts anew.`);
    },
    files: async (folder) => {
      const infos = await this.#workspace.sandbox.files.listDirectory(folder === "" ? "." : folder);
      const rows = infos.map(({ path, type, size }) => [
        type === "directory" ? `${path}/` : path,
        String(size),
      ]);
      await this.#io.write(rows.length === 0 ? "" : `${table(rows)}\n`);
    },
    load: async (file) => {
      if (file === "") throw new UsageError(".load takes the name of a file.");
      await this.#enter(await onDisk(file, () => readFile(file, "utf8")));
    },
    save: async (file) => {
      if (file === "") throw new UsageError(".save takes the name of a file.");
      // Do not overwrite an existing file.
      await onDisk(file, () => writeFile(file, `${this.#entered.join("\n")}\n`, { flag: "wx" }));
      this.#io.note(`Saved ${file}`);
    },
  };

  #prompt(): string {
    return this.#language === "python" ? ">>> " : `${this.#language}> `;
  }

  /** Runs input. Reports a failure without ending the session. */
  async #guarded(work: () => Promise<void> | void): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#io.stop.signal.throwIfAborted();
      reportFailure(error, this.#io, "repl");
    }
  }

  async #enter(code: string): Promise<void> {
    if (code.trim() === "") return;
    this.#entered.push(code);
    try {
      await this.#run(code);
    } catch (error) {
      if (!(await this.#isSandboxGone(error))) throw error;
      this.#workspace = await this.#workspace.replace();
      this.#contexts.clear();
      this.#io.note("The sandbox had ended. This is a new one: variables and files are gone.");
      // Code that had not started in the old one starts in the new one.
      if (isSandboxException(error) && error.execution?.id === undefined) await this.#run(code);
    }
  }

  async #run(code: string): Promise<void> {
    const context = await this.#context();
    const output = new ProgramOutput(this.#io, this.#results);
    const handlers = { ...output.handlers, ...inputHandlers(this.#io) };
    const run = this.#workspace.interpreter.codes.run(code, { context, handlers, maxOutputBytes: 1 });
    const release = this.#io.stop.takeInterrupts(interrupter(run));
    try {
      await run;
    } finally {
      release();
    }
    if (!output.endsLine) await this.#io.write("\n");
    // A failed shell command has printed its error itself.
    await output.end((error) => ({ ...endingOf(error), isIntended: error?.name === "" }));
  }

  async #context(): Promise<CodeContext> {
    const known = this.#contexts.get(this.#language);
    if (known !== undefined) return known;
    const { signal } = this.#io.stop;
    const context = await this.#workspace.interpreter.codes.createContext(this.#language, { signal });
    this.#contexts.set(this.#language, context);
    return context;
  }

  async #isSandboxGone(error: unknown): Promise<boolean> {
    if (!isSandboxException(error)) return false;
    if (isGone(error)) return true;
    try {
      const { status } = await this.#workspace.sandbox.getInfo();
      return status.state === "Terminated" || status.state === "Failed";
    } catch (problem) {
      return isGone(problem);
    }
  }

  async #complete(line: string): Promise<[string[], string]> {
    const context = this.#contexts.get(this.#language);
    if (context === undefined) return [[], line];
    return await completeNames(this.#workspace.interpreter.codes, context, line, this.#entered.join("\n"));
  }
}

const NO_COMMAND = { command: "", argument: "" };

function parseCommand(text: string): { readonly command: string; readonly argument: string } {
  const [, command = "", argument = ""] = /^\s*\.([a-z]+)(?:\s+(.*?))?\s*$/.exec(text) ?? [];
  return { command, argument };
}

/** The first Ctrl-C interrupts the run. Further ones have no effect until it has ended. */
function interrupter(run: Run): () => void {
  let interrupting: Promise<void> | undefined;
  return () => {
    interrupting ??= run.interrupt().catch(() => {
      interrupting = undefined;
    });
  };
}

async function onDisk<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new UsageError(`${file}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}
