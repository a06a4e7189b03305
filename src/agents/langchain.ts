/**
 * Code execution for LangChain and LangGraph.
 *
 * @module
 */
import { DynamicStructuredTool, type ToolRunnableConfig } from "@langchain/core/tools";
import { frameworkTools, type FrameworkTools } from "./framework-tools.js";
import type { CodeTool, CodeToolResult, CodeToolsOptions } from "./index.js";

export type { FrameworkTools } from "./framework-tools.js";

/**
 * Creates tools for `createAgent` of LangChain and for graphs. A tool message has the text and the pictures as content
 * and the whole {@link CodeToolResult} as artifact; output is written to the custom stream while code is running.
 *
 * @throws {InvalidArgumentException} if an option is unknown or invalid
 *
 * @example
 * ```ts
 * await using code = codeTools();
 * const agent = createAgent({ model: "openai:gpt-5", tools: code.tools });
 * const { messages } = await agent.invoke({ messages: [{ role: "user", content: "Plot a sine wave." }] });
 * ```
 */
export function codeTools(options: CodeToolsOptions = {}): FrameworkTools<DynamicStructuredTool[]> {
  return frameworkTools(options, (tools) => tools.map(toTool));
}

/** What graphs add to the configuration of a call. */
interface LiveOutput {
  readonly writer?: ((chunk: unknown) => void) | null;
}

function toTool(tool: CodeTool): DynamicStructuredTool {
  const { name, description, inputSchema } = tool;
  return new DynamicStructuredTool({
    name,
    description,
    schema: { ...inputSchema, required: [...inputSchema.required] },
    responseFormat: "content_and_artifact",
    // Without it the model is told that its input is wrong, but not what is wrong with it.
    verboseParsingErrors: true,
    func: async (input, _manager, config?: ToolRunnableConfig & LiveOutput) => {
      const result = await tool.execute(input, {
        signal: config?.signal,
        onOutput: (output) => config?.writer?.({ tool: name, ...output }),
      });
      return [contentOf(result), result];
    },
  });
}

/** Pictures as data URLs: the form that the adapters of all model providers read. */
function contentOf({ text, images }: CodeToolResult): string | object[] {
  if (images.length === 0) return text;
  return [
    { type: "text", text },
    ...images.map(({ data, mediaType }) => ({
      type: "image_url",
      image_url: { url: `data:${mediaType};base64,${data}` },
    })),
  ];
}
