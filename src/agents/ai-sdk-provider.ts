import type { HarnessV1SandboxProvider } from "@ai-sdk/harness";
import {
  Sandbox,
  SandboxApiException,
  SandboxManager,
  type CallOptions,
  type ConnectionConfig,
  type ConnectionOptions,
  type SandboxCreateOptions,
} from "../index.js";
import { AiSdkSandboxSession, sandboxSession, startDirectory } from "./ai-sdk-sandbox.js";

/** The label by which the sandbox of a session is found again. */
const SESSION_LABEL = "ai-sdk-session";

/** Options of {@link sandboxProvider}. */
export interface SandboxProviderOptions {
  /** The server. @default the environment variable `OPEN_SANDBOX_DOMAIN` and its siblings */
  readonly connectionConfig?: ConnectionConfig | ConnectionOptions | undefined;
  /** How sandboxes are created. */
  readonly create?: Omit<SandboxCreateOptions, "connectionConfig" | "signal"> | undefined;
  /** The ports that programs in the sandbox may listen on. @default none */
  readonly ports?: readonly number[] | undefined;
}

/**
 * Creates a provider of sandboxes for the harness of the AI SDK 7 (`@ai-sdk/harness`). A stopped session is paused, and
 * can be resumed by its id from another process.
 *
 * @example
 * ```ts
 * const agent = new HarnessAgent({ harness, sandbox: sandboxProvider({ ports: [4096] }) });
 * ```
 */
export function sandboxProvider({ connectionConfig, create = {}, ports = [] }: SandboxProviderOptions = {}) {
  const openSession = async (sandbox: Sandbox, options: CallOptions): Promise<AiSdkNetworkSandboxSession> =>
    new AiSdkNetworkSandboxSession(sandbox, await startDirectory(sandbox, options), ports);
  const connection = connectionConfig === undefined ? {} : { connectionConfig };
  return {
    specificationVersion: "harness-sandbox-v1" as const,
    providerId: "opensandbox",
    async createSession({ sessionId, abortSignal: signal, onFirstCreate }: CreateSessionOptions = {}) {
      const metadata =
        sessionId === undefined
          ? create.metadata
          : { ...create.metadata, [SESSION_LABEL]: await toLabel(sessionId) };
      const sandbox = await Sandbox.create({ ...create, ...connection, metadata, signal });
      try {
        const session = await openSession(sandbox, { signal });
        await onFirstCreate?.(session.restricted(), signal === undefined ? {} : { abortSignal: signal });
        return session;
      } catch (error) {
        await sandbox.kill();
        throw error;
      }
    },
    /** @throws {SandboxApiException} status 404 if no sandbox has been created for the session, or it has ended */
    async resumeSession({
      sessionId,
      abortSignal: signal,
    }: {
      sessionId: string;
      abortSignal?: AbortSignal;
    }) {
      const manager = SandboxManager.create(connection);
      const metadata = { [SESSION_LABEL]: await toLabel(sessionId) };
      const { items } = await manager.listSandboxInfos(
        { metadata, states: ["Running", "Paused"] },
        { signal },
      );
      const [info] = items;
      if (info === undefined) {
        throw new SandboxApiException({
          code: "SANDBOX_NOT_FOUND",
          message: `There is no sandbox of session ${sessionId}; it may have expired.`,
          statusCode: 404,
        });
      }
      const options = { ...connection, sandboxId: info.id, signal };
      const isPaused = info.status.state === "Paused";
      return await openSession(await (isPaused ? Sandbox.resume(options) : Sandbox.connect(options)), {
        signal,
      });
    },
  } satisfies HarnessV1SandboxProvider;
}

interface CreateSessionOptions {
  readonly sessionId?: string;
  readonly abortSignal?: AbortSignal;
  readonly identity?: string;
  readonly onFirstCreate?: (
    session: AiSdkSandboxSession,
    options: { abortSignal?: AbortSignal },
  ) => Promise<void>;
}

/** A session of the harness: a sandbox with its ports and its life cycle. */
export class AiSdkNetworkSandboxSession extends AiSdkSandboxSession {
  readonly id: string;
  readonly defaultWorkingDirectory: string;
  readonly ports: readonly number[];
  #isStopped = false;

  /** @internal */
  constructor(sandbox: Sandbox, workingDirectory: string, ports: readonly number[]) {
    super(sandbox, { workingDirectory });
    this.id = sandbox.id;
    this.defaultWorkingDirectory = workingDirectory;
    this.ports = ports;
  }

  async getPortEndpoint({ port, protocol }: PortOptions): Promise<{
    url: string;
    headers: Readonly<Record<string, string>>;
  }> {
    const { url, headers } = await this.sandbox.getEndpoint(port);
    const isSecure = url.startsWith("https:");
    const scheme =
      protocol === "ws" ? (isSecure ? "wss" : "ws") : (protocol ?? (isSecure ? "https" : "http"));
    return { url: url.replace(/^https?/, scheme), headers };
  }

  async getPortUrl(options: PortOptions): Promise<string> {
    const { url } = await this.getPortEndpoint(options);
    return url;
  }

  /** Pauses the sandbox, which keeps its files and processes; does nothing the second time. */
  async stop(): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    await this.sandbox.pause();
  }

  /** Ends the sandbox, paused or not. */
  async destroy(): Promise<void> {
    this.#isStopped = true;
    await this.sandbox.kill();
    await this.sandbox.close();
  }

  /** Returns the same sandbox without its ports and its life cycle. */
  restricted(): AiSdkSandboxSession {
    return sandboxSession(this.sandbox, { workingDirectory: this.defaultWorkingDirectory });
  }
}

interface PortOptions {
  readonly port: number;
  readonly protocol?: "http" | "https" | "ws";
}

/** A session id as the value of a label, which has at most 63 characters of a few kinds. */
async function toLabel(sessionId: string): Promise<string> {
  if (/^[A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?$/.test(sessionId)) return sessionId;
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(sessionId));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0"))
    .join("")
    .slice(0, 40);
}
