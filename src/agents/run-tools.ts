import {
  isSandboxException,
  type Execution,
  type ExecutionHandlers,
  type OutputMessage,
  type SandboxException,
} from "../index.js";
import { raceAbort } from "./cancellation.js";
import { boundText, KeptOutput } from "./kept-output.js";
import { describeError, describeExit, formatSize, readResult, Report } from "./report.js";
import { plainText } from "./traceback.js";
import type { CodeToolInputs, CodeToolResult, ToolFile, ToolOutput } from "./types.js";
import type { Workspace } from "./workspace.js";

/** The output limit of an execution, in bytes. The report has a lower limit for text, but needs complete pictures. */
const MOST_KEPT_BYTES = 16_000_000;
/** How many changed files the text names. */
const MOST_NAMED_FILES = 20;

/** The context of a call: its workspace, signal, output receiver and limits. */
export interface ToolCall {
  readonly workspace: Workspace;
  readonly signal: AbortSignal;
  readonly onOutput: ((output: ToolOutput) => unknown) | undefined;
  readonly limits: {
    readonly timeoutSeconds: number;
    readonly maxOutputBytes: number;
    readonly maxImages: number;
    readonly languages: readonly string[];
  };
}

/** Runs code in the context of a name, which is created at its first use, and again if it does not exist any more. */
export async function runCode(
  call: ToolCall,
  { code, language = call.limits.languages[0] ?? "python", context = "main" }: CodeToolInputs["run_code"],
): Promise<CodeToolResult> {
  const input = { code, language, context };
  try {
    return await runInContext(call, input);
  } catch (error) {
    if (!isSandboxException(error) || !isContextMissing(error)) throw error;
    call.workspace.forget(language, context);
    call.workspace.notify(
      `The state of ${language} no longer existed and was created anew: its variables are lost`,
    );
    return await runInContext(call, input);
  }
}

/** Whether a run was refused since its context does not exist; execd says so by a generic code. */
function isContextMissing({ code, message }: SandboxException): boolean {
  return code === "CONTEXT_NOT_FOUND" || (code === "RUNTIME_ERROR" && message.endsWith("context not found"));
}

async function runInContext(
  call: ToolCall,
  { code, language, context }: Required<CodeToolInputs["run_code"]>,
): Promise<CodeToolResult> {
  const { workspace, signal, limits } = call;
  const { codes } = workspace.interpreter;
  const [codeContext] = await Promise.all([
    raceAbort(workspace.context(language, context), signal),
    workspace.changedFiles.begin(signal),
  ]);
  const output = collectOutput(call, (text) => text);
  const limit = new TimeLimit(limits.timeoutSeconds, signal);
  const abandoning = new AbortController();
  const run = codes.run(code, {
    context: codeContext,
    signal: abandoning.signal,
    maxOutputBytes: MOST_KEPT_BYTES,
    // The time limit excludes the queue and the start of the kernel.
    handlers: { ...output.handlers, onInit: () => limit.begin() },
  });
  try {
    return await report(call, { execution: await raceAbort(run, limit.signal) }, output);
  } catch (error) {
    if (!limit.signal.aborted) throw error;
    const stopped = workspace.stop(run, () => abandoning.abort(), language, context);
    if (signal.aborted) {
      // The caller does not wait for this; the next call in this context does.
      const notify = (isKept: boolean) => isKept || workspace.notify(LOST_STATE);
      void stopped.then(notify, () => undefined);
      throw error;
    }
    const ending = (await raceAbort(stopped, signal))
      ? "variables are kept"
      : "it did not react, so that its context was reset: its variables are lost";
    return await report(
      call,
      { execution: run.execution, stopped: `stopped after ${limits.timeoutSeconds} s: ${ending}` },
      output,
    );
  } finally {
    limit.end();
  }
}

/** Fires after some seconds, or with another signal. */
class TimeLimit {
  readonly #controller = new AbortController();
  readonly #listening = new AbortController();
  readonly #seconds: number;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(seconds: number, signal: AbortSignal) {
    this.#seconds = seconds;
    const abort = () => this.#controller.abort(signal.reason);
    signal.addEventListener("abort", abort, { signal: this.#listening.signal });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  begin(): void {
    this.#timer ??= setTimeout(() => this.#controller.abort(), this.#seconds * 1_000);
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#listening.abort();
  }
}

/** Ends the contexts of a language, or all. */
export async function resetContext(
  { workspace }: ToolCall,
  { language }: CodeToolInputs["reset_context"],
): Promise<CodeToolResult> {
  const count = await workspace.reset(language);
  const whose = language ?? "all languages";
  const text =
    count === 0 ? `[nothing to reset for ${whose}]` : `[reset ${whose}: its variables are gone, files stay]`;
  return { text, images: [], isError: false };
}

/** Runs a shell command. */
export async function runCommand(
  call: ToolCall,
  { command, cwd, timeoutSeconds = Infinity }: CodeToolInputs["run_command"],
): Promise<CodeToolResult> {
  const { workspace, signal, limits } = call;
  await workspace.changedFiles.begin(signal);
  // Lines of commands come without their newlines.
  const output = collectOutput(call, (text) => (text === "\n" ? text : `${text}\n`));
  const seconds = Math.min(timeoutSeconds, limits.timeoutSeconds);
  const run = workspace.interpreter.commands.run(command, {
    cwd,
    signal,
    timeoutSeconds: seconds,
    maxOutputBytes: MOST_KEPT_BYTES,
    handlers: output.handlers,
  });
  try {
    return await report(call, { execution: await run }, output);
  } catch (error) {
    if (signal.aborted || !isSandboxException(error) || error.code !== "RUN_TIMEOUT") throw error;
    const stopped = `stopped after ${seconds} s; to let it run longer, start it in the background with nohup`;
    return await report(call, { execution: run.execution, stopped }, output);
  }
}

interface Outcome {
  readonly execution: Execution;
  /** How the run was stopped; `undefined` if it ended by itself. */
  readonly stopped?: string;
}

interface CollectedOutput {
  readonly handlers: Pick<ExecutionHandlers, "onStdout" | "onStderr">;
  readonly kept: Readonly<Record<"stdout" | "stderr", KeptOutput>>;
}

function collectOutput({ onOutput }: ToolCall, textOf: (text: string) => string): CollectedOutput {
  const kept = { stdout: new KeptOutput(), stderr: new KeptOutput() };
  const collect =
    (stream: "stdout" | "stderr") =>
    ({ text: given }: OutputMessage): unknown => {
      const text = textOf(given);
      kept[stream].push(text);
      return onOutput?.({ stream, text });
    };
  return { kept, handlers: { onStdout: collect("stdout"), onStderr: collect("stderr") } };
}

const LOST_STATE =
  "Code that was cancelled did not stop, so that its context was reset: its variables are lost";

async function report(
  call: ToolCall,
  { execution, stopped }: Outcome,
  { kept }: CollectedOutput,
): Promise<CodeToolResult> {
  const { workspace, limits, signal } = call;
  const { files } = workspace.interpreter;
  const result = new Report(limits.maxImages);
  const save = async (name: string, output: KeptOutput): Promise<void> => {
    try {
      result.note(await output.save(files, name, signal));
    } catch (error) {
      if (signal.aborted || !isSandboxException(error)) throw error;
      result.note(`${name} is longer; the complete text could not be kept: ${error.message}`);
    }
  };
  const addText = async (name: string, text: string, title?: string): Promise<void> => {
    const shown = boundText(text, limits.maxOutputBytes);
    result.add(shown, title);
    if (shown === text) return;
    const complete = new KeptOutput();
    complete.push(text);
    await save(name, complete);
  };

  for (const stream of ["stdout", "stderr"] as const) {
    const text = plainText(execution[stream]);
    const shown = boundText(text, limits.maxOutputBytes);
    result.add(shown, stream === "stdout" ? undefined : stream);
    if (shown !== text || execution.truncated[stream]) await save(stream, kept[stream]);
  }
  for (const each of execution.results) {
    const { images, text } = readResult(each);
    await addText("result", plainText(text), "result");
    for (const { mediaType, data } of images) result.addImage(mediaType, data);
  }
  const exit = describeExit(execution);
  if (stopped !== undefined) {
    result.note(stopped);
  } else if (exit !== undefined) {
    result.note(exit);
  } else if (execution.error !== undefined) {
    await addText("error", describeError(execution.error), "error");
  }
  if (stopped !== undefined || exit !== undefined || execution.error !== undefined) result.fail();
  const changed = await workspace.changedFiles.look(signal);
  result.files = changed;
  if (changed.length > 0) result.note(`files created or changed: ${nameFiles(changed)}`);
  return result.finish();
}

function nameFiles(files: readonly ToolFile[]): string {
  const named = files.slice(0, MOST_NAMED_FILES).map(({ path, size }) => `${path} (${formatSize(size)})`);
  const rest = files.length - named.length;
  return rest > 0 ? `${named.join(", ")} and ${rest} more` : named.join(", ");
}
