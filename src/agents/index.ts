/**
 * Tools with which an agent runs code, in any framework or with a model's plain API.
 *
 * @module
 */
export { createCodeTools } from "./code-tools.js";
export { forAnthropic, forOpenAI, forOpenAIChat } from "./model-apis.js";
export type {
  AnthropicBlock,
  AnthropicResults,
  AnthropicTool,
  AnthropicTools,
  DispatchOptions,
  OpenAICallOutput,
  OpenAIChatMessage,
  OpenAIChatOutput,
  OpenAIChatTool,
  OpenAIChatTools,
  OpenAIOutputItem,
  OpenAITool,
  OpenAITools,
} from "./model-apis.js";
export type {
  CodeTool,
  CodeToolCall,
  CodeToolCallOptions,
  CodeToolInputs,
  CodeToolName,
  CodeToolResult,
  CodeTools,
  CodeToolsOptions,
  SandboxFactory,
  ToolFile,
  ToolImage,
  ToolInputSchema,
  ToolOutput,
} from "./types.js";
