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
  /** Serves streamable HTTP on this port of 127.0.0.1; 0 for a free port. @default stdio */
  readonly http?: number | undefined;
  /** Ends the server. */
  readonly signal: AbortSignal;
}

const LOOPBACK = "127.0.0.1";
/** The environment variable with the bearer token for clients over HTTP. @default a random token */
const TOKEN_VARIABLE = "OPEN_SANDBOX_MCP_TOKEN";

/** Serves MCP until the host disconnects or the signal fires. */
export async function runMcpCommand({ http, signal, ...options }: McpCommandOptions): Promise<void> {
  const server = createMcpServer(options);
  try {
    const ended = signal.aborted ? Promise.resolve() : once(signal, "abort");
    if (http === undefined) await Promise.race([server.connect(new StdioServerTransport()), ended]);
    else await serveHttp(server.fetch.bind(server), { port: http, ended });
  } finally {
    await server.close();
  }
}

interface HttpOptions {
  readonly port: number;
  readonly ended: Promise<unknown>;
}

async function serveHttp(
  handle: (request: Request) => Promise<Response>,
  { port, ended }: HttpOptions,
): Promise<void> {
  const { [TOKEN_VARIABLE]: given = "" } = process.env;
  const token = given === "" ? randomBytes(24).toString("hex") : given;
  const fetch = async (request: Request): Promise<Response> =>
    hostHeaderValidationResponse(request, localhostAllowedHostnames()) ??
    originValidationResponse(request, localhostAllowedOrigins()) ??
    refuseWithoutToken(request, token) ??
    (await handle(request));
  const serve = toNodeHandler({ fetch });
  const listener = createServer((request, response) => {
    // Its types do not accept Node's `method`, which may be undefined.
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
