/**
 * Code execution for the AI SDK (`ai` 6 and 7).
 *
 * @module
 */
import type { Tool } from "ai";
import {
  frameworkTools,
  standardSchema,
  type FrameworkTools,
  type FrameworkToolsOptions,
} from "./framework-tools.js";
import type { CodeTool, CodeToolInputs, CodeToolName, CodeToolResult, ToolOutput } from "./index.js";

export {
  sandboxProvider,
  type AiSdkNetworkSandboxSession,
  type SandboxProviderOptions,
} from "./ai-sdk-provider.js";
export {
  sandboxSession,
  type AiSdkProcess,
  type AiSdkSandboxSession,
  type SandboxSessionOptions,
} from "./ai-sdk-sandbox.js";
export type { FrameworkTools, FrameworkToolsOptions } from "./framework-tools.js";

/** How much of the output a preliminary result shows: its end, in characters. */
const LIVE_CHARACTERS = 4_000;
/** The shortest time between two preliminary results, which all reach the page. */
const LIVE_INTERVAL_MILLIS = 100;

/** A `ToolSet` with the types of each tool's input and result. */
export type AiSdkCodeTools<Name extends CodeToolName = CodeToolName> = {
  [Each in Name]: Tool<CodeToolInputs[Each], CodeToolResult>;
};

/**
 * Creates tools for `generateText`, `streamText` and agents of the AI SDK. Output appears as preliminary results while
 * code is running, and the model sees pictures.
 *
 * @throws {InvalidArgumentException} if an option is unknown or invalid
 *
 * @example
 * ```ts
 * await using code = codeTools();
 * const { text } = await generateText({
 *   model, tools: code.tools, stopWhen: stepCountIs(10), prompt: "Plot a sine wave.",
 * });
 * ```
 */
export function codeTools<Name extends CodeToolName = CodeToolName>(
  options: FrameworkToolsOptions<Name> = {},
): FrameworkTools<AiSdkCodeTools<Name>> {
  /** Version 6 and version 7 name the parts of a result for the model differently. */
  const version: Version = { isAtLeast7: false };
  return frameworkTools(options, (tools) => {
    const named: object = Object.fromEntries(tools.map((tool) => [tool.name, toTool(tool, version)]));
    // The core returns exactly the tools that `options.tools` names, and checks their inputs.
    return named as AiSdkCodeTools<Name>;
  });
}

interface Version {
  isAtLeast7: boolean;
}

function toTool(tool: CodeTool, version: Version): Tool<unknown, CodeToolResult> {
  return {
    description: tool.description,
    inputSchema: standardSchema(tool.inputSchema),
    execute(input, options) {
      version.isAtLeast7 = "context" in options;
      const { abortSignal: signal } = options;
      return withLiveOutput((onOutput) => tool.execute(input, { signal, onOutput }));
    },
    toModelOutput: ({ output }) => toModelOutput(output, version),
  };
}

function toModelOutput(
  { text, images, isError }: CodeToolResult,
  { isAtLeast7 }: Version,
): Awaited<ReturnType<NonNullable<Tool["toModelOutput"]>>> {
  if (images.length === 0) return { type: isError ? "error-text" : "text", value: text };
  const pictures = images.map(({ data, mediaType }) =>
    isAtLeast7
      ? { type: "file" as const, mediaType, data: { type: "data" as const, data } }
      : // Version 7 accepts this too, with a warning: for results of an earlier process, before the first call.
        ({ type: "image-data", mediaType, data } as const),
  );
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- "image-data" is the only form that version 6 has
  return { type: "content", value: [{ type: "text", text }, ...pictures] };
}

/** Yields the output while a call runs, a few times a second, and its result at the end. */
async function* withLiveOutput(
  call: (onOutput: (output: ToolOutput) => void) => Promise<CodeToolResult>,
): AsyncGenerator<CodeToolResult, void> {
  let text = "";
  const state = { isRunning: true };
  let wake = (): void => undefined;
  const result = call((output) => {
    text = (text + output.text).slice(-LIVE_CHARACTERS);
    wake();
  });
  const ended = result.then(
    () => undefined,
    () => undefined,
  );
  void ended.then(() => {
    state.isRunning = false;
    wake();
  });
  for (let shown = ""; state.isRunning; shown = text) {
    if (text === shown) await new Promise<void>((resolve) => (wake = resolve));
    // The end may have come meanwhile.
    if (text === shown) continue;
    yield { text, images: [], isError: false };
    await pause(LIVE_INTERVAL_MILLIS, ended);
  }
  yield await result;
}

/** Waits for some time, or until a promise is fulfilled. */
async function pause(millis: number, until: Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const elapsed = new Promise<void>((resolve) => (timer = setTimeout(resolve, millis)));
  await Promise.race([until, elapsed]);
  clearTimeout(timer);
}
