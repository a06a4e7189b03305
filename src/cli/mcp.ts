/** `npx opensandbox-code-interpreter mcp`: the tools for any MCP host, over stdio or HTTP. */
import { randomBytes, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { toNodeHandler } from "@modelcontextprotocol/node";
import {
  hostHeaderValidationResponse,
  localhostAllowedHostnames,
  localhostAllowedOrigins,
  originValidationResponse,
} from "@modelcontextprotocol/server";
import { StdioServerTransport } from "@modelcontextprotocol/server/stdio";
import { createMcpServer, type McpCodeServerOptions } from "../agents/mcp/index.js";
import { SandboxException } from "../index.js";

/** Options of {@link runMcpCommand}. */
export interface McpCommandOptions extends McpCodeServerOptions {
  /** Serves streamable HTTP on this port of 127.0.0.1, 0 for one that is free. @default stdio */
  readonly http?: number | undefined;
  /** What clients over HTTP must send as bearer token. @default a random one */
  readonly token?: string | undefined;
}

const LOOPBACK = "127.0.0.1";

/** Serves MCP until the host hangs up or the process is told to stop; resolves to the exit code. */
export async function runMcpCommand({ http, token, ...options }: McpCommandOptions): Promise<number> {
  const stopping = new AbortController();
  const stop = (): void => {
    // A second signal means at once: exit handlers still end local sandboxes.
    if (stopping.signal.aborted) process.exit(1);
    stopping.abort();
  };
  process.on("SIGINT", stop).on("SIGTERM", stop).on("SIGHUP", stop);
  // Standard output carries the protocol.
  const write = (message: string): void => console.error(message);
  const logger = { debug: () => undefined, info: write, warn: write, error: write };
  const server = createMcpServer({ logger, ...options });
  try {
    const ended = once(stopping.signal, "abort");
    if (http === undefined) await Promise.race([server.connect(new StdioServerTransport()), ended]);
    else await serveHttp(server.fetch.bind(server), { port: http, token, ended });
    return 0;
  } finally {
    await server.close();
  }
}

interface HttpOptions {
  readonly port: number;
  readonly token: string | undefined;
  readonly ended: Promise<unknown>;
}

async function serveHttp(
  handle: (request: Request) => Promise<Response>,
  { port, token = randomBytes(24).toString("hex"), ended }: HttpOptions,
): Promise<void> {
  const fetch = async (request: Request): Promise<Response> =>
    hostHeaderValidationResponse(request, localhostAllowedHostnames()) ??
    originValidationResponse(request, localhostAllowedOrigins()) ??
    refuseWithoutToken(request, token) ??
    (await handle(request));
  const serve = toNodeHandler({ fetch });
  const listener = createServer((request, response) => {
    // Its types leave out that Node declares `method` as possibly undefined.
    void serve(request as Parameters<typeof serve>[0], response);
  });
  listener.listen(port, LOOPBACK);
  try {
    await once(listener, "listening");
  } catch (cause) {
    throw new SandboxException({
      code: "PORT_UNAVAILABLE",
      message: `Listening on ${LOOPBACK}:${port} failed: ${cause instanceof Error ? cause.message : String(cause)}.`,
      cause,
    });
  }
  const address = listener.address() as AddressInfo; // Not a string: it listens on TCP.
  console.error(
    `MCP server: http://${LOOPBACK}:${address.port}/mcp\nAuthorization: Bearer ${token}\nStop it with Ctrl-C.`,
  );
  await ended;
  listener.close();
  listener.closeAllConnections();
}

function refuseWithoutToken(request: Request, token: string): Response | undefined {
  const given = Buffer.from(/^Bearer (.+)$/i.exec(request.headers.get("authorization") ?? "")?.[1] ?? "");
  const expected = Buffer.from(token);
  if (given.length === expected.length && timingSafeEqual(given, expected)) return undefined;
  const error = {
    code: -32_001,
    message: "The bearer token that the server printed at its start is missing or wrong.",
  };
  return Response.json(
    { jsonrpc: "2.0", id: null, error },
    { status: 401, headers: { "www-authenticate": "Bearer" } },
  );
}

/** The hosts for which {@link describeHost} knows the configuration. */
export const MCP_HOSTS = ["claude-desktop", "claude-code", "cursor", "vscode", "codex"] as const;

const NAME = "code-interpreter";
const COMMAND = "npx";
const ARGUMENTS = ["-y", "opensandbox-code-interpreter", "mcp"];

/** Returns how a host is told to start this server, and where that belongs. */
export function describeHost(host: (typeof MCP_HOSTS)[number]): {
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
