import { createMcpHandler } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { InvalidArgumentException } from "../../index.js";
import { createCodeTools } from "../code-tools.js";
import { resolveOptions } from "../options.js";
import { usesLocalServer } from "../sandbox-owner.js";
import type { CodeTools, CodeToolsOptions } from "../types.js";
import { HttpCancellations } from "./cancellations.js";
import { NamedSandboxes, type ToolSource } from "./sandboxes.js";
import { buildServer } from "./server.js";

/** Options of {@link createMcpServer}: those of the tools, and limits for clients over HTTP. */
export interface McpCodeServerOptions extends CodeToolsOptions {
  /** The maximum number of sandboxes for clients over HTTP. Beyond it, the sandbox that was idle longest is ended. @default 10 */
  readonly maxSandboxes?: number | undefined;
  /** How long a sandbox of clients over HTTP lives without a call, in seconds. @default 900 */
  readonly idleSeconds?: number | undefined;
}

/** What carries the messages of one connection: any transport of the MCP SDKs for TypeScript, of version 1 or 2. */
export interface McpTransport {
  start(): Promise<void>;
  // The two versions have different types of messages, which are passed on unchanged.
  send(message: never, options?: never): Promise<void>;
  close(): Promise<void>;
  onclose?: (() => void) | undefined;
  onerror?: ((error: Error) => void) | undefined;
}

/** A server of the Model Context Protocol; see {@link createMcpServer}. */
export interface McpCodeServer extends AsyncDisposable {
  /**
   * Serves one connection, such as a `StdioServerTransport`, with a sandbox of its own. Resolves when the connection and
   * its sandbox have ended.
   *
   * @throws {InvalidArgumentException} if it is not a transport
   */
  connect(transport: McpTransport): Promise<void>;
  /**
   * Serves one request of streamable HTTP. Check `Host`, `Origin` and credentials before. Tools return the handle of
   * their sandbox, which the client passes to the next call.
   */
  fetch(request: Request): Promise<Response>;
  /** Ends all connections and sandboxes. */
  close(): Promise<void>;
}

/**
 * Creates an MCP server with the tools of {@link createCodeTools}. It speaks to clients of the revisions up to
 * 2025-11-25 and of 2026-07-28.
 *
 * @throws {InvalidArgumentException} if an option is unknown or invalid
 *
 * @example
 * ```ts
 * const server = createMcpServer({ timeoutSeconds: 30 });
 * await server.connect(new StdioServerTransport());
 * ```
 */
export function createMcpServer(options: McpCodeServerOptions = {}): McpCodeServer {
  const { maxSandboxes = 10, idleSeconds = 900, ...toolOptions } = options;
  assertPositive(maxSandboxes, "maxSandboxes");
  assertPositive(idleSeconds, "idleSeconds");
  const config = resolveOptions(toolOptions);
  return new Server(toolOptions, {
    maxSandboxes,
    idleSeconds,
    isShared: config.sandbox !== undefined,
    isLocal: usesLocalServer(config),
  });
}

interface Settings {
  readonly maxSandboxes: number;
  readonly idleSeconds: number;
  /** Whether a sandbox was given, which all clients then share. */
  readonly isShared: boolean;
  /** Whether sandboxes are made by a local server in this process. */
  readonly isLocal: boolean;
}

class Server implements McpCodeServer {
  readonly #options: CodeToolsOptions;
  readonly #isLocal: boolean;
  readonly #connections = new Set<{ close(): Promise<void> }>();
  readonly #sandboxes: NamedSandboxes;
  readonly #http: ReturnType<typeof createMcpHandler>;
  readonly #cancellations = new HttpCancellations();
  /** Describes the tools of clients over HTTP; with a given sandbox it also executes them. */
  readonly #tools: CodeTools;

  constructor(options: CodeToolsOptions, settings: Settings) {
    this.#options = options;
    this.#isLocal = settings.isLocal;
    this.#tools = createCodeTools(options);
    this.#sandboxes = new NamedSandboxes(options, settings);
    const source: ToolSource = settings.isShared
      ? singleSource(this.#tools)
      : {
          tools: this.#tools.tools,
          hasHandles: true,
          isInUse: false,
          take: (handle) => this.#sandboxes.take(handle),
        };
    this.#http = createMcpHandler(() => buildServer(source, this.#cancellations));
  }

  async connect(transport: McpTransport): Promise<void> {
    assertTransport(transport);
    const codeTools = createCodeTools(this.#options);
    // A local sandbox starts during the handshake, so that the first call does not wait for it. If that fails, the first
    // call tries again and reports why.
    if (this.#isLocal) codeTools.interpreter().catch(() => undefined);
    const source = singleSource(codeTools);
    const connection = serveStdio(() => buildServer(source, this.#cancellations), { transport });
    this.#connections.add(connection);
    try {
      await closed(transport);
    } finally {
      this.#connections.delete(connection);
      await codeTools.close();
    }
  }

  fetch(request: Request): Promise<Response> {
    return this.#cancellations.serve(request, (each) => this.#http.fetch(each));
  }

  async close(): Promise<void> {
    await Promise.all([...this.#connections].map((connection) => connection.close()));
    await this.#http.close();
    await Promise.all([this.#sandboxes.close(), this.#tools.close()]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

type Transport = NonNullable<NonNullable<Parameters<typeof serveStdio>[1]>["transport"]>;

/** Of the transports of both versions, only the types of messages differ. @throws {InvalidArgumentException} */
function assertTransport(value: unknown): asserts value is Transport & McpTransport {
  const has = (name: string): boolean =>
    typeof value === "object" && value !== null && typeof Reflect.get(value, name) === "function";
  if (["start", "send", "close"].every(has)) return;
  throw new InvalidArgumentException("transport must have the methods start, send and close.");
}

function singleSource(codeTools: CodeTools): ToolSource {
  let isInUse = false;
  return {
    tools: codeTools.tools,
    hasHandles: false,
    get isInUse() {
      return isInUse;
    },
    take() {
      isInUse = true;
      return { handle: "", codeTools, release: () => undefined };
    },
  };
}

/** Resolves when a transport has closed; the handler that is set already is called first. */
function closed(transport: McpTransport): Promise<void> {
  return new Promise((resolve) => {
    const before = transport.onclose?.bind(transport);
    transport.onclose = () => {
      before?.();
      resolve();
    };
  });
}

function assertPositive(value: unknown, name: string): void {
  if (typeof value !== "number" || !(value > 0) || value === Infinity) {
    throw new InvalidArgumentException(`${name} must be a number above 0; got ${String(value)}.`);
  }
}
