/**
 * Code execution for Mastra: tools for agents, and a sandbox for workspaces.
 *
 * @module
 */
import { createTool, type Tool } from "@mastra/core/tools";
import {
  frameworkTools,
  standardSchema,
  type FrameworkTools,
  type FrameworkToolsOptions,
} from "./framework-tools.js";
import type { CodeTool, CodeToolInputs, CodeToolName, CodeToolResult } from "./index.js";

export { OpenSandbox, type OpenSandboxOptions } from "./mastra-sandbox.js";
export type { FrameworkTools, FrameworkToolsOptions } from "./framework-tools.js";

/** The tools by name, as `Agent` of Mastra takes them. */
export type MastraCodeTools<Name extends CodeToolName = CodeToolName> = {
  [Each in Name]: Tool<CodeToolInputs[Each], CodeToolResult>;
};

/**
 * Creates tools for agents of Mastra. Output is written to the tool's stream while code is running, and the model sees
 * pictures.
 *
 * @throws {InvalidArgumentException} if an option is unknown or invalid
 *
 * @example
 * ```ts
 * await using code = codeTools();
 * const agent = new Agent({ id: "analyst", name: "Analyst", instructions, model: "openai/gpt-5", tools: code.tools });
 * const { text } = await agent.generate("Plot a sine wave.");
 * ```
 */
export function codeTools<Name extends CodeToolName = CodeToolName>(
  options: FrameworkToolsOptions<Name> = {},
): FrameworkTools<MastraCodeTools<Name>> {
  return frameworkTools(options, (tools) => {
    const named: object = Object.fromEntries(tools.map((tool) => [tool.name, toTool(tool)]));
    // The core returns exactly the tools that `options.tools` names, and checks their inputs.
    return named as MastraCodeTools<Name>;
  });
}

function toTool(tool: CodeTool) {
  return createTool({
    id: tool.name,
    description: tool.description,
    inputSchema: standardSchema(tool.inputSchema),
    execute: async (input, { abortSignal: signal, writer }) =>
      await tool.execute(input, {
        signal,
        ...(writer !== undefined && { onOutput: (output) => writer.write(output) }),
      }),
    // Mastra types it by an output schema; it is what `execute` returned.
    toModelOutput: (output) => toModelOutput(output as CodeToolResult),
  });
}

function toModelOutput({ text, images, isError }: CodeToolResult): object {
  if (images.length === 0) return { type: isError ? "error-text" : "text", value: text };
  const pictures = images.map(({ data, mediaType }) => ({ type: "image-data", mediaType, data }));
  return { type: "content", value: [{ type: "text", text }, ...pictures] };
}
