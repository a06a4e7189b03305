/**
 * Code execution for the OpenAI Agents SDK: function tools, a sandbox client, and a shell.
 *
 * @module
 */
import type { FunctionTool, Shell, ToolOutputImage, ToolOutputText } from "@openai/agents";
import { isSandboxException, type Sandbox } from "../index.js";
import { frameworkTools, type FrameworkTools } from "./framework-tools.js";
import type { CodeTool, CodeToolResult, CodeToolsOptions } from "./index.js";

export {
  sandboxClient,
  type OpenSandboxClient,
  type OpenSandboxClientOptions,
} from "./openai-agents-client.js";
export type { OpenSandboxSessionState } from "./openai-agents-session.js";
export type { OpenSandboxSession } from "./openai-agents-session.js";
export type { FrameworkTools } from "./framework-tools.js";

/**
 * Creates function tools for agents of the OpenAI Agents SDK. The model sees pictures.
 *
 * @throws {InvalidArgumentException} if an option is unknown or invalid
 *
 * @example
 * ```ts
 * await using code = codeTools();
 * const agent = new Agent({ name: "Analyst", tools: code.tools });
 * const { finalOutput } = await run(agent, "Plot a sine wave.");
 * ```
 */
export function codeTools(options: CodeToolsOptions = {}): FrameworkTools<FunctionTool[]> {
  return frameworkTools(options, (tools) => tools.map(toTool));
}

function toTool(tool: CodeTool): FunctionTool {
  const { name, description, inputSchema } = tool;
  return {
    type: "function",
    name,
    description,
    strict: false,
    parameters: { ...structuredClone(inputSchema), required: [...inputSchema.required] },
    needsApproval: () => Promise.resolve(false),
    isEnabled: () => Promise.resolve(true),
    invoke: async (_context, input, details) =>
      toOutput(await tool.execute(input, { signal: details?.signal })),
  };
}

function toOutput({ text, images }: CodeToolResult): string | (ToolOutputText | ToolOutputImage)[] {
  if (images.length === 0) return text;
  return [{ type: "text", text }, ...images.map((image): ToolOutputImage => ({ type: "image", image }))];
}

/** Options of {@link shell}. */
export interface ShellOptions {
  /** The limit for one command where the model sets none, in seconds. @default 60 */
  readonly timeoutSeconds?: number | undefined;
}

/**
 * Creates a shell for `shellTool` that runs commands in a sandbox. You own the sandbox: kill it yourself.
 *
 * @example
 * ```ts
 * const agent = new Agent({ name: "Operator", tools: [shellTool({ shell: shell(sandbox) })] });
 * ```
 */
export function shell(sandbox: Sandbox, { timeoutSeconds = 60 }: ShellOptions = {}): Shell {
  return {
    async run({ commands, timeoutMs, maxOutputLength }) {
      const limits = {
        timeoutSeconds: timeoutMs === undefined ? timeoutSeconds : timeoutMs / 1_000,
        ...(maxOutputLength !== undefined && { maxOutputBytes: Math.max(1, maxOutputLength) }),
      };
      const output = [];
      // One after another, as in a shell: later commands may need what earlier ones did.
      for (const command of commands) output.push(await runCommand(sandbox, command, limits));
      return { output, ...(maxOutputLength !== undefined && { maxOutputLength }) };
    },
  };
}

async function runCommand(
  sandbox: Sandbox,
  command: string,
  limits: { readonly timeoutSeconds: number; readonly maxOutputBytes?: number },
) {
  const run = sandbox.commands.run(command, limits);
  try {
    const { stdout, stderr, exitCode = null } = await run;
    return { stdout, stderr, outcome: { type: "exit" as const, exitCode } };
  } catch (error) {
    if (!isSandboxException(error) || error.code !== "RUN_TIMEOUT") throw error;
    const { stdout, stderr } = run.execution;
    return { stdout, stderr, outcome: { type: "timeout" as const } };
  }
}
