import type {
  Manifest as ManifestType,
  SandboxClient,
  SandboxClientCreateArgs,
} from "@openai/agents/sandbox";
import { Manifest, normalizeSandboxClientCreateArgs } from "@openai/agents/sandbox";
import {
  InvalidArgumentException,
  Sandbox,
  SandboxApiException,
  type ConnectionConfig,
  type ConnectionOptions,
  type SandboxCreateOptions,
} from "../index.js";
import { OpenSandboxSession, type OpenSandboxSessionState } from "./openai-agents-session.js";

/** Options of {@link sandboxClient}. */
export interface OpenSandboxClientOptions {
  /** The server. @default the environment variable `OPEN_SANDBOX_DOMAIN` and its siblings */
  readonly connectionConfig?: ConnectionConfig | ConnectionOptions | undefined;
  /** How sandboxes are created. */
  readonly create?: Omit<SandboxCreateOptions, "connectionConfig" | "signal"> | undefined;
  /** The limit for one command, in seconds. @default 120 */
  readonly timeoutSeconds?: number | undefined;
}

/** A client for `run(agent, input, { sandbox: { client } })`; see {@link sandboxClient}. */
export interface OpenSandboxClient extends SandboxClient<Record<string, unknown>, OpenSandboxSessionState> {
  create(args?: SandboxClientCreateArgs): Promise<OpenSandboxSession>;
  create(manifest: ManifestType, options?: Record<string, unknown>): Promise<OpenSandboxSession>;
  resume(state: OpenSandboxSessionState): Promise<OpenSandboxSession>;
  delete(state: OpenSandboxSessionState): Promise<void>;
  serializeSessionState(state: OpenSandboxSessionState): Promise<Record<string, unknown>>;
  deserializeSessionState(state: Record<string, unknown>): Promise<OpenSandboxSessionState>;
}

/**
 * Creates a sandbox client for `SandboxAgent`. Files of the manifest are written when a session is created; mounts and
 * repositories are refused. `close()` of a session ends its sandbox.
 *
 * @example
 * ```ts
 * const agent = new SandboxAgent({ name: "Developer", model: "gpt-5" });
 * await run(agent, "Write and run a test.", { sandbox: { client: sandboxClient() } });
 * ```
 */
export function sandboxClient({
  connectionConfig,
  create = {},
  timeoutSeconds = 120,
}: OpenSandboxClientOptions = {}): OpenSandboxClient {
  const connection = connectionConfig === undefined ? {} : { connectionConfig };
  return {
    backendId: "opensandbox",

    async create(args?: SandboxClientCreateArgs | ManifestType) {
      const { manifest } = normalizeSandboxClientCreateArgs(args);
      const sandbox = await Sandbox.create({ ...create, ...connection });
      try {
        const state = { manifest, sandboxId: sandbox.id, workspaceReady: true };
        const session = new OpenSandboxSession(sandbox, state, timeoutSeconds);
        await session.applyManifest(manifest);
        return session;
      } catch (error) {
        await sandbox.kill();
        throw error;
      }
    },

    async resume(state) {
      const sandbox = await Sandbox.connect({ ...connection, sandboxId: state.sandboxId });
      return new OpenSandboxSession(sandbox, state, timeoutSeconds);
    },

    async delete({ sandboxId }) {
      const sandbox = await Sandbox.connect({ ...connection, sandboxId, skipHealthCheck: true }).catch(
        (error: unknown) => {
          // It has ended.
          if (error instanceof SandboxApiException && error.statusCode === 404) return undefined;
          throw error;
        },
      );
      await sandbox?.kill();
    },

    // The SDK itself stores the manifest beside this.
    serializeSessionState: ({ sandboxId }) => Promise.resolve({ sandboxId }),

    deserializeSessionState({ sandboxId, manifest, ...state }) {
      if (typeof sandboxId !== "string") {
        throw new InvalidArgumentException("state must be a serialized session of OpenSandbox.");
      }
      const isManifest = manifest instanceof Manifest;
      return Promise.resolve({ ...state, sandboxId, manifest: isManifest ? manifest : new Manifest() });
    },
  };
}
