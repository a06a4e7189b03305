import { isSandboxException, type Execution, type OutputMessage, type Run } from "../index.js";
import { raceAbort } from "./cancellation.js";
import { boundText, KeptOutput } from "./kept-output.js";
import { describeError, describeExit, formatSize, readResult, Report } from "./report.js";
import { plainText } from "./traceback.js";
import type { CodeToolInputs, CodeToolResult, ToolFile, ToolOutput } from "./types.js";
import type { Workspace } from "./workspace.js";

/** How many changed files the text names. */
const MOST_NAMED_FILES = 20;

/** What a call in a workspace needs besides its input. */
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

/** Runs code in the context of a name, which is created at its first use. */
export async function runCode(
  call: ToolCall,
  { code, language = call.limits.languages[0] ?? "python", context = "main" }: CodeToolInputs["run_code"],
): Promise<CodeToolResult> {
  const { workspace, signal, limits } = call;
  const { codes } = workspace.interpreter;
  const [codeContext] = await Promise.all([
    raceAbort(workspace.context(language, context), signal),
    workspace.changedFiles.begin(signal),
  ]);
  const output = collectOutput(call, (text) => text);
  const options = { context: codeContext, timeoutSeconds: limits.timeoutSeconds, ...output.options };
  const run = codes.run(code, options);
  const outcome = await finish(run, call, () => workspace.settle(run, language, context));
  return await report(call, outcome, output);
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
    timeoutSeconds: seconds,
    ...output.options,
  });
  const outcome = await finish(run, call, async () => {
    await run.interrupt();
    return true;
  });
  return await report(call, { ...outcome, timeoutSeconds: seconds }, output);
}

interface Outcome {
  readonly execution: Execution;
  /** What happened to the run, unless it came to its own end. */
  readonly stopped?: "state kept" | "state lost" | undefined;
  readonly timeoutSeconds?: number;
}

interface Collected {
  readonly options: object;
  readonly kept: Readonly<Record<"stdout" | "stderr", KeptOutput>>;
}

function collectOutput({ signal, onOutput, limits }: ToolCall, textOf: (text: string) => string) {
  const kept = { stdout: new KeptOutput(), stderr: new KeptOutput() };
  const collect =
    (stream: "stdout" | "stderr") =>
    ({ text: given }: OutputMessage): unknown => {
      const text = textOf(given);
      kept[stream].push(text);
      return onOutput?.({ stream, text });
    };
  const handlers = { onStdout: collect("stdout"), onStderr: collect("stderr") };
  return { kept, options: { signal, handlers, maxOutputBytes: limits.maxOutputBytes } } satisfies Collected;
}

/** Waits for a run; one that takes too long is an outcome with what it printed until then. */
async function finish(
  run: Run,
  { signal, workspace }: ToolCall,
  settle: () => Promise<boolean>,
): Promise<Outcome> {
  try {
    return { execution: await run };
  } catch (error) {
    if (signal.aborted) {
      // The caller does not wait; the next call in this context does.
      void settle().then(
        (isKept) => isKept || workspace.notify(LOST_STATE),
        () => undefined,
      );
      throw error;
    }
    if (!isSandboxException(error) || error.error.code !== "RUN_TIMEOUT") throw error;
    const isKept = await raceAbort(settle(), signal);
    return { execution: run.execution, stopped: isKept ? "state kept" : "state lost" };
  }
}

const LOST_STATE =
  "Code that was cancelled did not stop, so that its context was reset: its variables are lost";

async function report(
  call: ToolCall,
  { execution, stopped, timeoutSeconds }: Outcome,
  { kept }: Collected,
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

  result.add(plainText(execution.stdout));
  if (execution.truncated.stdout) await save("stdout", kept.stdout);
  result.add(plainText(execution.stderr), "stderr");
  if (execution.truncated.stderr) await save("stderr", kept.stderr);
  for (const each of execution.results) {
    const { images, text } = readResult(each);
    await addText("result", plainText(text), "result");
    for (const { mediaType, data } of images) result.addImage(mediaType, data);
  }
  const exit = describeExit(execution);
  if (execution.error !== undefined || stopped !== undefined) result.fail();
  if (execution.exitCode === undefined && execution.error !== undefined && stopped === undefined) {
    await addText("error", describeError(execution.error), "error");
  }
  if (stopped !== undefined) {
    const limit = timeoutSeconds ?? limits.timeoutSeconds;
    const state =
      execution.exitCode !== undefined
        ? "to let it run longer, start it in the background with nohup"
        : stopped === "state kept"
          ? "variables are kept"
          : "it did not react, so that its context was reset: its variables are lost";
    result.note(`stopped after ${limit} s: ${state}`);
  } else if (exit !== undefined) {
    result.note(exit);
    result.fail();
  }
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
