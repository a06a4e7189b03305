import {
  CodeInterpreter,
  isSandboxException,
  Sandbox,
  type ConnectionConfig,
  type SandboxMetrics,
} from "../../../index.js";
import { pause } from "./dom.js";

const SANDBOX = "opensandbox.sandbox";
const LIFETIME_SECONDS = 3600;
const RENEW_MILLIS = 10 * 60_000;
const RETRY_MILLIS = 1000;

/** Events about the sandbox of the page. */
export interface WorkspaceEvents {
  /** Another sandbox is in use. */
  readonly onSandbox: (interpreter: CodeInterpreter, how: "created" | "found" | "replaced") => void;
  readonly onMetrics: (metrics: SandboxMetrics) => void;
  /** The server does not respond; the workspace tries again until it does. */
  readonly onLost: () => void;
  /** The server responds again, and the sandbox is still there. */
  readonly onBack: () => void;
  /** The server rejects the API key. */
  readonly onRefused: () => void;
}

/** Keeps the page connected to one sandbox: creates it, finds it again after a reload, replaces it if it is gone. */
export class Workspace {
  readonly #connectionConfig: ConnectionConfig;
  readonly #events: WorkspaceEvents;
  #watching: AbortController | undefined;

  constructor(connectionConfig: ConnectionConfig, events: WorkspaceEvents) {
    this.#connectionConfig = connectionConfig;
    this.#events = events;
  }

  /** Uses the sandbox of the last visit, or creates one. */
  async open(): Promise<void> {
    await this.use(localStorage.getItem(SANDBOX) ?? undefined);
  }

  /** Uses a sandbox, or creates one. Keeps trying while the server does not respond. */
  async use(sandboxId: string | undefined): Promise<void> {
    this.#watching?.abort();
    const watching = new AbortController();
    this.#watching = watching;
    for (let isLost = false; !watching.signal.aborted;) {
      try {
        const found = sandboxId === undefined ? undefined : await this.#find(sandboxId);
        const sandbox = found ?? (await this.#create());
        if (isLost) this.#events.onBack();
        localStorage.setItem(SANDBOX, sandbox.id);
        const how = found !== undefined ? "found" : sandboxId === undefined ? "created" : "replaced";
        this.#events.onSandbox(await CodeInterpreter.create(sandbox), how);
        void this.#watch(sandbox, watching.signal);
        return;
      } catch (error) {
        if (isRefusal(error)) {
          this.#events.onRefused();
          return;
        }
        if (!isLost) this.#events.onLost();
        isLost = true;
        await pause(RETRY_MILLIS);
      }
    }
  }

  async #find(sandboxId: string): Promise<Sandbox | undefined> {
    try {
      return await Sandbox.connect({ sandboxId, connectionConfig: this.#connectionConfig });
    } catch (error) {
      if (isSandboxException(error) && "statusCode" in error && error.statusCode === 404) return undefined;
      throw error;
    }
  }

  #create(): Promise<Sandbox> {
    return Sandbox.create({
      connectionConfig: this.#connectionConfig,
      metadata: { "created-by": "playground" },
      timeoutSeconds: LIFETIME_SECONDS,
    });
  }

  /** Follows the metrics: they also show when the sandbox, or the server, is gone. */
  async #watch(sandbox: Sandbox, signal: AbortSignal): Promise<void> {
    let renewedAt = Date.now();
    try {
      for await (const metrics of sandbox.metrics.watch({ signal })) {
        this.#events.onMetrics(metrics);
        if (Date.now() - renewedAt < RENEW_MILLIS) continue;
        await sandbox.renew(LIFETIME_SECONDS, { signal });
        renewedAt = Date.now();
      }
    } catch {
      // Looking for the sandbox shows why the stream ended.
    }
    if (signal.aborted) return;
    this.#events.onLost();
    await pause(RETRY_MILLIS);
    // Another sandbox may have been chosen meanwhile.
    if (this.#watching?.signal !== signal) return;
    await this.use(sandbox.id);
    this.#events.onBack();
  }
}

function isRefusal(error: unknown): boolean {
  return isSandboxException(error) && "statusCode" in error && error.statusCode === 401;
}
