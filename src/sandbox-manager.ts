import { ConnectionConfig, type ConnectionOptions } from "./connection.js";
import { Lifecycle } from "./lifecycle.js";
import type { SandboxInfo } from "./sandbox-info.js";
import type { CallOptions } from "./services/arguments.js";

/** Options of {@link SandboxManager.create}. */
export interface SandboxManagerOptions {
  /** How to reach the lifecycle server. @default environment variables, then `localhost:8080` */
  readonly connectionConfig?: ConnectionConfig | ConnectionOptions | undefined;
}

/** Which sandboxes to list. */
export interface SandboxFilter {
  /** Any of these states; a state that the server does not know matches nothing. */
  readonly states?: readonly string[] | undefined;
  /** All of these labels. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** Which page, from 1. @default 1 */
  readonly page?: number | undefined;
  /** Sandboxes per page, 1 to 200. @default the server's, 20 */
  readonly pageSize?: number | undefined;
}

/** A page of a listing. */
export interface SandboxPage {
  /** The newest first. */
  readonly items: readonly SandboxInfo[];
  readonly pagination: {
    readonly page: number;
    readonly pageSize: number;
    readonly totalItems: number;
    readonly totalPages: number;
    readonly hasNextPage: boolean;
  };
}

/**
 * Looks after many sandboxes by their ids.
 *
 * @example
 * ```ts
 * const manager = SandboxManager.create();
 * const { items } = await manager.listSandboxInfos({ states: ["Running"], metadata: { team: "a" } });
 * await Promise.all(items.map(({ id }) => manager.killSandbox(id)));
 * ```
 */
export class SandboxManager {
  /** How the lifecycle server is reached. */
  readonly connectionConfig: ConnectionConfig;
  readonly #lifecycle: Lifecycle;

  private constructor(connectionConfig: ConnectionConfig) {
    this.connectionConfig = connectionConfig;
    this.#lifecycle = new Lifecycle(connectionConfig);
  }

  /** Makes a manager; sends nothing. @throws {InvalidArgumentException} for a bad configuration */
  static create(options: SandboxManagerOptions = {}): SandboxManager {
    return new SandboxManager(ConnectionConfig.from(options.connectionConfig));
  }

  /** Lists sandboxes, a page at a time. */
  listSandboxInfos(filter: SandboxFilter = {}, options: CallOptions = {}): Promise<SandboxPage> {
    return this.#lifecycle.list(filter, options);
  }

  /** Describes one sandbox. @throws {SandboxApiException} status 404, code `…NOT_FOUND` */
  getSandboxInfo(sandboxId: string, options: CallOptions = {}): Promise<SandboxInfo> {
    return this.#lifecycle.get(sandboxId, options);
  }

  /** Ends a sandbox. @throws {SandboxApiException} status 404 where there is none, unless a retry finds it gone */
  killSandbox(sandboxId: string, options: CallOptions = {}): Promise<void> {
    return this.#lifecycle.kill(sandboxId, options);
  }

  /** Ends this manager's own calls; later ones throw `CLOSED`. The sandboxes live on. */
  close(): Promise<void> {
    this.#lifecycle.close();
    return Promise.resolve();
  }

  /** The same as {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
