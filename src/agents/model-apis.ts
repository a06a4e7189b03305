import type { CallOptions } from "../index.js";
import type { CodeToolCallOptions, CodeToolResult, CodeTools, ToolInputSchema } from "./types.js";

/** Options of the `dispatch` functions: an abort signal, and a receiver of live output. */
export type DispatchOptions = CallOptions & Pick<CodeToolCallOptions, "onOutput">;

/** A function tool of OpenAI's Responses API. */
export interface OpenAITool {
  readonly type: "function";
  readonly name: string;
  readonly description: string;
  readonly parameters: Record<string, unknown>;
  readonly strict: false;
}

/** A function tool of OpenAI's Chat Completions API, which many other providers have too. */
export interface OpenAIChatTool {
  readonly type: "function";
  readonly function: Omit<OpenAITool, "type" | "strict">;
}

/** The property by which calls are found among a model's output items. */
export interface OpenAIOutputItem {
  readonly type: string;
}

/** The output of a call, as an input item of the Responses API. */
export interface OpenAICallOutput {
  type: "function_call_output";
  call_id: string;
  output: (
    { type: "input_text"; text: string } | { type: "input_image"; detail: "auto"; image_url: string }
  )[];
}

/** The property by which calls are found in a message of the Chat Completions API. */
export interface OpenAIChatMessage {
  readonly tool_calls?: readonly OpenAIOutputItem[] | null | undefined;
}

/** The output of a call, or pictures of all calls, as messages of the Chat Completions API. */
export type OpenAIChatOutput =
  | { role: "tool"; tool_call_id: string; content: string }
  | {
      role: "user";
      content: ({ type: "text"; text: string } | { type: "image_url"; image_url: { url: string } })[];
    };

/** {@link CodeTools} for OpenAI's Responses API. */
export interface OpenAITools {
  readonly tools: OpenAITool[];
  /** Executes the function calls among a response's `output`, at the same time; returns input items for the next request. */
  readonly dispatch: (
    output: readonly OpenAIOutputItem[],
    options?: DispatchOptions,
  ) => Promise<OpenAICallOutput[]>;
}

/** {@link CodeTools} for OpenAI's Chat Completions API. */
export interface OpenAIChatTools {
  readonly tools: OpenAIChatTool[];
  /**
   * Executes the tool calls of an assistant's message, at the same time; returns messages for the next request. Pictures
   * come in a user message at the end, since tool messages hold text only.
   */
  readonly dispatch: (message: OpenAIChatMessage, options?: DispatchOptions) => Promise<OpenAIChatOutput[]>;
}

/** A tool of Anthropic's Messages API. */
export interface AnthropicTool {
  readonly name: string;
  readonly description: string;
  readonly input_schema: { type: "object"; [key: string]: unknown };
}

/** The property by which calls are found among a message's content blocks. */
export interface AnthropicBlock {
  readonly type: string;
}

/** The results of all calls of a message, as the user message of the next request. */
export interface AnthropicResults {
  role: "user";
  content: {
    type: "tool_result";
    tool_use_id: string;
    is_error: boolean;
    content: (
      | { type: "text"; text: string }
      | {
          type: "image";
          source: {
            type: "base64";
            media_type: "image/png" | "image/jpeg" | "image/gif" | "image/webp";
            data: string;
          };
        }
    )[];
  }[];
}

/** {@link CodeTools} for Anthropic's Messages API. */
export interface AnthropicTools {
  readonly tools: AnthropicTool[];
  /**
   * Executes the tool calls among a message's `content`, at the same time; returns the messages for the next request:
   * one, or none without calls.
   */
  readonly dispatch: (
    content: readonly AnthropicBlock[],
    options?: DispatchOptions,
  ) => Promise<AnthropicResults[]>;
}

/**
 * Returns the definitions of the tools for OpenAI's Responses API, and a function that executes what the model calls.
 *
 * @example
 * ```ts
 * const { tools, dispatch } = forOpenAI(codeTools);
 * const response = await openai.responses.create({ model, tools, input: "What is the 100th prime number?" });
 * const input = await dispatch(response.output);
 * await openai.responses.create({ model, tools, input, previous_response_id: response.id });
 * ```
 */
export function forOpenAI(codeTools: CodeTools): OpenAITools {
  const tools = codeTools.tools.map(({ name, description, inputSchema }): OpenAITool => ({
    type: "function",
    name,
    description,
    parameters: copyOf(inputSchema),
    // Strict schemas must require every field; the tools check their inputs themselves.
    strict: false,
  }));
  return {
    tools,
    dispatch: (output, options) =>
      Promise.all(
        output.filter(isOpenAICall).map(async ({ call_id, name, arguments: input }) => {
          const { text, images } = await codeTools.execute(name, input, options);
          const pictures = images.map((image) => ({
            type: "input_image" as const,
            detail: "auto" as const,
            image_url: toDataUrl(image),
          }));
          return {
            type: "function_call_output" as const,
            call_id,
            output: [{ type: "input_text" as const, text }, ...pictures],
          };
        }),
      ),
  };
}

/** Returns the same for OpenAI's Chat Completions API and compatible ones. */
export function forOpenAIChat(codeTools: CodeTools): OpenAIChatTools {
  const tools = codeTools.tools.map(({ name, description, inputSchema }): OpenAIChatTool => ({
    type: "function",
    function: { name, description, parameters: copyOf(inputSchema) },
  }));
  return {
    tools,
    async dispatch({ tool_calls: calls }, options) {
      const results = await Promise.all(
        (calls ?? []).filter(isOpenAIChatCall).map(async ({ id, function: { name, arguments: input } }) => ({
          ...(await codeTools.execute(name, input, options)),
          id,
        })),
      );
      const messages = results.map(({ id, text }): OpenAIChatOutput => ({
        role: "tool",
        tool_call_id: id,
        content: text,
      }));
      const pictures = results
        .flatMap(({ images }) => images)
        .map((image) => ({ type: "image_url" as const, image_url: { url: toDataUrl(image) } }));
      if (pictures.length === 0) return messages;
      const text = "The pictures of the tool calls above, in their order:";
      return [...messages, { role: "user", content: [{ type: "text", text }, ...pictures] }];
    },
  };
}

/**
 * Returns the definitions of the tools for Anthropic's Messages API, and a function that executes what the model calls.
 *
 * @example
 * ```ts
 * const { tools, dispatch } = forAnthropic(codeTools);
 * const message = await anthropic.messages.create({ model, max_tokens, messages, tools });
 * messages.push({ role: "assistant", content: message.content }, ...(await dispatch(message.content)));
 * ```
 */
export function forAnthropic(codeTools: CodeTools): AnthropicTools {
  const tools = codeTools.tools.map(({ name, description, inputSchema }): AnthropicTool => ({
    name,
    description,
    input_schema: { ...copyOf(inputSchema), type: "object" },
  }));
  return {
    tools,
    async dispatch(blocks, options) {
      const content = await Promise.all(
        blocks.filter(isAnthropicCall).map(async ({ id, name, input }) => {
          const { text, images, isError } = await codeTools.execute(name, input, options);
          const pictures = images.map(({ mediaType, data }) => ({
            type: "image" as const,
            source: { type: "base64" as const, media_type: mediaType, data },
          }));
          return {
            type: "tool_result" as const,
            tool_use_id: id,
            is_error: isError,
            content: [{ type: "text" as const, text }, ...pictures],
          };
        }),
      );
      return content.length === 0 ? [] : [{ role: "user", content }];
    },
  };
}

interface OpenAICall extends OpenAIOutputItem {
  readonly call_id: string;
  readonly name: string;
  readonly arguments: unknown;
}

function isOpenAICall(item: OpenAIOutputItem): item is OpenAICall {
  return item.type === "function_call";
}

interface OpenAIChatCall extends OpenAIOutputItem {
  readonly id: string;
  readonly function: { readonly name: string; readonly arguments: unknown };
}

function isOpenAIChatCall(call: OpenAIOutputItem): call is OpenAIChatCall {
  return call.type === "function";
}

interface AnthropicCall extends AnthropicBlock {
  readonly id: string;
  readonly name: string;
  readonly input: unknown;
}

function isAnthropicCall(block: AnthropicBlock): block is AnthropicCall {
  return block.type === "tool_use";
}

function toDataUrl({ mediaType, data }: CodeToolResult["images"][number]): string {
  return `data:${mediaType};base64,${data}`;
}

/** The clients' types are not read-only. */
function copyOf(schema: ToolInputSchema): Record<string, unknown> {
  return structuredClone({ ...schema });
}
