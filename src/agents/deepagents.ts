/**
 * A sandbox as the backend of deep agents.
 *
 * @module
 */
import {
  BaseSandbox,
  type ExecuteResponse,
  type FileDownloadResponse,
  type FileOperationError,
  type FileUploadResponse,
} from "deepagents";
import { isSandboxException, type Sandbox } from "../index.js";
import { createCodeTools, type CodeToolsOptions } from "./index.js";
import { fileErrorOf, toLine } from "./sandbox-operations.js";

/** Limits of {@link OpenSandboxBackend}. */
export interface OpenSandboxBackendLimits {
  /** The limit for one command, in seconds. @default 120 */
  readonly timeoutSeconds?: number | undefined;
  /** How much of a command's output is returned, in bytes: the beginning and the end. @default 1_000_000 */
  readonly maxOutputBytes?: number | undefined;
}

/** Options of {@link OpenSandboxBackend.create}: where the sandbox is created, and limits. */
export type OpenSandboxBackendOptions = OpenSandboxBackendLimits &
  Pick<CodeToolsOptions, "connectionConfig" | "create" | "isolation" | "logger">;

/**
 * A backend for `createDeepAgent` that executes commands and keeps files in a sandbox.
 *
 * @example
 * ```ts
 * await using backend = await OpenSandboxBackend.create();
 * const agent = createDeepAgent({ model: "openai:gpt-5", backend });
 * ```
 */
export class OpenSandboxBackend extends BaseSandbox implements AsyncDisposable {
  readonly id: string;
  readonly sandbox: Sandbox;
  readonly #limits: { readonly timeoutSeconds: number; readonly maxOutputBytes: number };
  #end: () => Promise<void> = () => Promise.resolve();

  /** Wraps an existing sandbox without owning it: `close()` does not kill it. */
  constructor(
    sandbox: Sandbox,
    { timeoutSeconds = 120, maxOutputBytes = 1_000_000 }: OpenSandboxBackendLimits = {},
  ) {
    super();
    this.id = sandbox.id;
    this.sandbox = sandbox;
    this.#limits = { timeoutSeconds, maxOutputBytes };
  }

  /**
   * Creates a backend with a sandbox of its own, which {@link close} ends. Without a server (neither
   * `connectionConfig` nor `OPEN_SANDBOX_DOMAIN`) it is one of a local server in this process.
   */
  static async create({
    timeoutSeconds,
    maxOutputBytes,
    ...options
  }: OpenSandboxBackendOptions = {}): Promise<OpenSandboxBackend> {
    const owner = createCodeTools(options);
    try {
      const { sandbox } = await owner.interpreter();
      const backend = new OpenSandboxBackend(sandbox, { timeoutSeconds, maxOutputBytes });
      backend.#end = () => owner.close();
      return backend;
    } catch (error) {
      await owner.close();
      throw error;
    }
  }

  /** Executes a command with bash. One that exceeds the time limit ends with exit code 124, as with `timeout`. */
  async execute(command: string): Promise<ExecuteResponse> {
    const { timeoutSeconds, maxOutputBytes } = this.#limits;
    const output: string[] = [];
    const collect = ({ text }: { readonly text: string }): void => {
      output.push(toLine(text));
    };
    const run = this.sandbox.commands.run(command, {
      timeoutSeconds,
      maxOutputBytes,
      handlers: { onStdout: collect, onStderr: collect },
    });
    return await run.then(
      ({ exitCode = null }) => ({ exitCode, ...bound(output.join(""), maxOutputBytes) }),
      (error: unknown) => {
        if (!isSandboxException(error) || error.code !== "RUN_TIMEOUT") throw error;
        const notice = `[stopped after ${timeoutSeconds} s]\n`;
        return { exitCode: 124, ...bound(output.join("") + notice, maxOutputBytes) };
      },
    );
  }

  async uploadFiles(files: [string, Uint8Array][]): Promise<FileUploadResponse[]> {
    return await Promise.all(
      files.map(async ([path, data]) => ({
        path,
        error: await this.#attempt(path, async () => await this.sandbox.files.writeFile(path, data)),
      })),
    );
  }

  async downloadFiles(paths: string[]): Promise<FileDownloadResponse[]> {
    return await Promise.all(
      paths.map(async (path) => {
        let content: Uint8Array | null = null;
        const error = await this.#attempt(path, async () => {
          content = await this.sandbox.files.readBytes(path);
        });
        return { path, content, error };
      }),
    );
  }

  /** Ends the sandbox if {@link create} created it. */
  close(): Promise<void> {
    return this.#end();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#end();
  }

  /** Returns the name of the error with which an operation on a file failed; other failures are thrown. */
  async #attempt(path: string, operation: () => Promise<void>): Promise<FileOperationError | null> {
    if (!path.startsWith("/") || path.includes("\0")) return "invalid_path";
    try {
      await operation();
      return null;
    } catch (error) {
      const reason = fileErrorOf(error);
      if (reason !== undefined) return reason;
      throw error;
    }
  }
}

function bound(output: string, maxBytes: number): Pick<ExecuteResponse, "output" | "truncated"> {
  if (output.length <= maxBytes) return { output, truncated: false };
  const half = Math.floor(maxBytes / 2);
  return { output: `${output.slice(0, half)}\n[…]\n${output.slice(-half)}`, truncated: true };
}
