/**
 * Tools with which an agent runs code, in any framework or with a model's plain API.
 *
 * @module
 */
export { createCodeTools } from "./code-tools.js";
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
