import { readFile } from "node:fs/promises";
import path from "node:path";
import { text as readAll } from "node:stream/consumers";
import type { CodeContext, Codes } from "../../index.js";
import { inputHandlers } from "../ask.js";
import { CommandError, UsageError } from "../errors.js";
import { endingOf } from "../exit-code.js";
import type { Io } from "../io.js";
import { languageOf } from "../languages.js";
import { ProgramOutput, untilEnd } from "../output.js";
import { ResultPrinter, type PictureMode } from "../pictures.js";
import { download, upload } from "../transfers.js";
import type { Transfer } from "../option-parsers.js";
import { openWorkspace, type WorkspaceOptions } from "../workspace.js";
import { planProgram, type Program } from "../program-plan.js";

/** Options of `run`. */
export interface RunProgramOptions extends WorkspaceOptions {
  readonly eval?: string | undefined;
  readonly language?: string | undefined;
  readonly timeout?: number | undefined;
  readonly upload?: readonly Transfer[] | undefined;
  readonly download?: readonly Transfer[] | undefined;
  readonly images: PictureMode;
}

/** Runs a program and resolves to its exit code. */
export async function run(operands: readonly string[], options: RunProgramOptions, io: Io): Promise<number> {
  const program = await readProgram(operands, options);
  const workspace = await openWorkspace(options, io);
  let exitCode: number;
  try {
    await upload(workspace.sandbox, options.upload ?? [], io);
    const { codes } = workspace.interpreter;
    const { signal } = io.stop;
    const context = await codes.createContext(program.language, { signal });
    try {
      exitCode = await runProgram(
        { codes, context, program, timeoutSeconds: options.timeout, images: options.images },
        io,
      );
    } finally {
      if (workspace.isKept) await codes.deleteContext(context.id).catch(() => undefined);
    }
    await download(workspace.sandbox, options.download ?? [], io);
  } finally {
    await workspace.close();
  }
  return exitCode;
}

async function readProgram(operands: readonly string[], options: RunProgramOptions): Promise<Program> {
  const { eval: given, language } = options;
  if (given !== undefined) {
    return {
      code: notBlank(given, "-e"),
      name: "-e",
      language: languageOf({ file: undefined, code: given, language }),
      arguments: operands,
    };
  }
  const [file = process.stdin.isTTY ? undefined : "-", ...args] = operands;
  if (file === undefined)
    throw new UsageError("What should run? Give a FILE, - for standard input, or -e CODE.");
  const code = notBlank(file === "-" ? await readAll(process.stdin) : await readSource(file), file);
  const named = file === "-" ? undefined : file;
  return { code, name: file, language: languageOf({ file: named, code, language }), arguments: args };
}

function notBlank(code: string, name: string): string {
  if (code.trim() !== "") return code;
  throw new UsageError(`${name}: there is nothing to run.`);
}

async function readSource(file: string): Promise<string> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (error) {
    throw new UsageError(
      `${file} cannot be read: ${error instanceof Error ? error.message : String(error)}.`,
      { cause: error },
    );
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new UsageError(`${file} is not a text in UTF-8.`, { cause: error });
  }
}

interface ProgramRun {
  readonly codes: Codes;
  readonly context: CodeContext;
  readonly program: Program;
  readonly timeoutSeconds: number | undefined;
  readonly images: PictureMode;
}

async function runProgram(
  { codes, context, program, timeoutSeconds, images }: ProgramRun,
  io: Io,
): Promise<number> {
  const plan = planProgram(program);
  const results = new ResultPrinter(io, pictureTarget(program.name), images, (text) => io.writeError(text));
  const start = async (code: string) => {
    const output = new ProgramOutput(io, results);
    const handlers = { ...output.handlers, ...inputHandlers(io) };
    // The output is printed and not used afterwards.
    await untilEnd(codes.run(code, { context, timeoutSeconds, maxOutputBytes: 1, handlers }), io);
    return output;
  };
  if (plan.before !== undefined) {
    const { error } = await codes.run(plan.before, { context, signal: io.stop.signal });
    if (error !== undefined)
      throw new CommandError(`The program's arguments could not be set: ${error.value}`);
  }
  let output = await start(plan.code);
  let { exitCode } = await output.end(endingOf);
  if (plan.call !== undefined && output.error === undefined) {
    output = await start(plan.call);
    ({ exitCode } = await output.end(endingOf));
  }
  if (plan.exitCode !== undefined && output.error === undefined) {
    const { text = "" } = await codes.run(plan.exitCode, { context, signal: io.stop.signal });
    if (/^\d+$/.test(text)) exitCode = Number(text) % 256;
  }
  io.stop.signal.throwIfAborted();
  if (io.json) await io.record({ type: "exit", exitCode });
  return exitCode;
}

/** Returns where pictures are saved: beside the program's file, or in the current folder if there is no file. */
function pictureTarget(name: string): { readonly directory: string; readonly name: string } {
  if (name === "-" || name === "-e") return { directory: ".", name: "result" };
  return { directory: path.dirname(name), name: path.basename(name, path.extname(name)) };
}
