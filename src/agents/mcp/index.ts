/**
 * A server of the Model Context Protocol, through which any MCP host runs code.
 *
 * @module
 */
export { createMcpServer } from "./create.js";
export type { McpCodeServer, McpCodeServerOptions, McpTransport } from "./create.js";
