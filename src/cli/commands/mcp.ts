import { readConfiguration } from "../configuration.js";
import type { Io } from "../io.js";
import { describeHost, type McpHost } from "../mcp-hosts.js";
import { connectSandbox, type WorkspaceOptions } from "../workspace.js";

/** Options of `mcp`. */
export interface McpOptions extends WorkspaceOptions {
  readonly http?: number | undefined;
  readonly printConfig?: McpHost | undefined;
}

/** Serves the tools for an MCP host until the host disconnects, or prints a host's configuration for this command. */
export async function mcp(options: McpOptions, io: Io): Promise<number> {
  const { http, printConfig, isolation } = options;
  if (printConfig !== undefined) {
    const { config, place } = describeHost(printConfig);
    io.note(`For ${place}:`);
    await io.write(`${config}\n`);
    return 0;
  }
  // Standard output carries the protocol.
  const note = (message: string) => io.note(message);
  const logger = { debug: () => undefined, info: note, warn: note, error: note };
  const { connection } = await readConfiguration(options);
  const place =
    options.sandbox === undefined
      ? { connectionConfig: connection, isolation }
      : { sandbox: await connectSandbox(options, io) };
  // Loaded only here: printing a configuration does not need it.
  const { runMcpCommand } = await import("../mcp.js");
  await runMcpCommand({ ...place, http, logger, signal: io.stop.signal });
  io.stop.forget();
  return 0;
}
