/** The hosts for which {@link describeHost} knows the configuration. */
export const MCP_HOSTS = ["claude-desktop", "claude-code", "cursor", "vscode", "codex"] as const;

const NAME = "code-interpreter";
const COMMAND = "npx";
const ARGUMENTS = ["-y", "opensandbox-code-interpreter", "mcp"];

/** A host for which {@link describeHost} knows the configuration. */
export type McpHost = (typeof MCP_HOSTS)[number];

/** Returns the configuration with which a host starts this server, and where to put it. */
export function describeHost(host: McpHost): {
  readonly config: string;
  readonly place: string;
} {
  const server = { command: COMMAND, args: ARGUMENTS };
  const json = (value: object): string => JSON.stringify(value, null, 2);
  switch (host) {
    case "claude-desktop":
      return {
        config: json({ mcpServers: { [NAME]: server } }),
        place: "claude_desktop_config.json (Settings, Developer, Edit Config)",
      };
    case "claude-code":
      return { config: `claude mcp add ${NAME} -- ${COMMAND} ${ARGUMENTS.join(" ")}`, place: "a terminal" };
    case "cursor":
      return { config: json({ mcpServers: { [NAME]: server } }), place: "~/.cursor/mcp.json" };
    case "vscode":
      return {
        config: json({ servers: { [NAME]: { type: "stdio", ...server } } }),
        place: ".vscode/mcp.json",
      };
    case "codex":
      return {
        config: `[mcp_servers.${NAME}]\ncommand = ${JSON.stringify(COMMAND)}\nargs = ${JSON.stringify(ARGUMENTS)}`,
        place: "~/.codex/config.toml",
      };
  }
}
