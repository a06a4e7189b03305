import { type CallOptions, checkOptions } from "./arguments.js";
import { ConnectionConfig, type ConnectionOptions } from "./connection.js";
import { Lifecycle } from "./lifecycle/lifecycle.js";
import type { SandboxFilter, SnapshotFilter } from "./lifecycle/management.js";
import type { Page } from "./lifecycle/page.js";
import type { SandboxInfo, SnapshotInfo } from "./lifecycle/info.js";
import type { CreateTemplateOptions, TemplateFilter, TemplateInfo } from "./lifecycle/templates.js";

/** Loaded when it is used: few servers have templates. */
const templates = () => import("./lifecycle/templates.js");

/** Listings, pausing, expiry, labels and snapshots. Loaded when they are used. */
const management = () => import("./lifecycle/management.js");

/**
 * Lists and manages sandboxes by their ids.
 *
 * @example
 * ```ts
 * const manager = SandboxManager.create();
 * const page = await manager.listSandboxInfos({ states: ["Running"], metadata: { team: "a" } });
 * for await (const { id } of page) await manager.killSandbox(id);
 * ```
 */
export class SandboxManager {
  /** The connection to the lifecycle server. */
  readonly connectionConfig: ConnectionConfig;
  readonly #lifecycle: Lifecycle;

  private constructor(connectionConfig: ConnectionConfig) {
    this.connectionConfig = connectionConfig;
    this.#lifecycle = new Lifecycle(connectionConfig);
  }

  /**
   * Creates a manager. Sends no request.
   *
   * @param options.connectionConfig the connection to the lifecycle server; by default from environment variables, else
   * `localhost:8080`
   * @throws {InvalidArgumentException} if the configuration is invalid
   */
  static create(
    options: { readonly connectionConfig?: ConnectionConfig | ConnectionOptions | undefined } = {},
  ): SandboxManager {
    return new SandboxManager(ConnectionConfig.from(checkOptions(options).connectionConfig));
  }

  /** Lists sandboxes, the newest first. Returns a page, which is also an iterable over this and all later pages. */
  async listSandboxInfos(filter: SandboxFilter = {}, options: CallOptions = {}): Promise<Page<SandboxInfo>> {
    return (await management()).listSandboxes(this.#lifecycle, filter, options);
  }

  /** Returns the server's description of a sandbox. @throws {SandboxApiException} status 404, code `…NOT_FOUND` */
  getSandboxInfo(sandboxId: string, options: CallOptions = {}): Promise<SandboxInfo> {
    return this.#lifecycle.get(sandboxId, options);
  }

  /** Deletes a sandbox. @throws {SandboxApiException} status 404 if it does not exist and no earlier attempt may have deleted it */
  async killSandbox(sandboxId: string, options: CallOptions = {}): Promise<void> {
    await this.#lifecycle.kill(sandboxId, { signal: checkOptions(options).signal });
  }

  /** Pauses a sandbox and keeps its state. On Kubernetes, it is paused some time after this resolves. */
  async pauseSandbox(sandboxId: string, options: CallOptions = {}): Promise<void> {
    return (await management()).pauseSandbox(this.#lifecycle, sandboxId, options);
  }

  /** Resumes a paused sandbox, without waiting until it is ready. @throws {SandboxApiException} status 409 if it is not paused */
  async resumeSandbox(sandboxId: string, options: CallOptions = {}): Promise<void> {
    return (await management()).resumeSandbox(this.#lifecycle, sandboxId, options);
  }

  /** Sets a sandbox's expiry to a number of seconds from now. Returns the new expiry. */
  async renewSandbox(sandboxId: string, seconds: number, options: CallOptions = {}): Promise<Date> {
    return (await management()).renewSandbox(this.#lifecycle, sandboxId, seconds, options);
  }

  /** Changes labels; `null` deletes one. Returns the changed sandbox. */
  async patchSandboxMetadata(
    sandboxId: string,
    patch: Readonly<Record<string, string | null>>,
    options: CallOptions = {},
  ): Promise<SandboxInfo> {
    return (await management()).patchMetadata(this.#lifecycle, sandboxId, patch, options);
  }

  /** Starts a snapshot of a running sandbox's files. Returns the snapshot, usually in the state `Creating`. */
  async createSnapshot(
    sandboxId: string,
    options: CallOptions & { readonly name?: string | undefined } = {},
  ): Promise<SnapshotInfo> {
    return (await management()).createSnapshot(this.#lifecycle, sandboxId, options);
  }

  /** Returns the server's description of a snapshot. @throws {SandboxApiException} status 404, `SNAPSHOT::NOT_FOUND` */
  async getSnapshot(snapshotId: string, options: CallOptions = {}): Promise<SnapshotInfo> {
    return (await management()).getSnapshot(this.#lifecycle, snapshotId, options);
  }

  /** Lists snapshots. Returns a page, which is also an iterable over this and all later pages. */
  async listSnapshots(filter: SnapshotFilter = {}, options: CallOptions = {}): Promise<Page<SnapshotInfo>> {
    return (await management()).listSnapshots(this.#lifecycle, filter, options);
  }

  /** Deletes a snapshot. Sandboxes created from it keep running. @throws {SandboxApiException} status 409 while it is being created */
  async deleteSnapshot(snapshotId: string, options: CallOptions = {}): Promise<void> {
    return (await management()).deleteSnapshot(this.#lifecycle, snapshotId, options);
  }

  /**
   * Starts to build a template from an image. Sandboxes can be created from it, by `templateId`, once {@link getTemplate}
   * returns the phase `Succeeded`. Needs a server of September 2026 on Kubernetes.
   *
   * @throws {SandboxApiException} status 404 or 501 if the server has no templates
   */
  async createTemplate(options: CreateTemplateOptions): Promise<TemplateInfo> {
    return (await templates()).createTemplate(this.#lifecycle, options);
  }

  /** Returns the server's description of a template. @throws {SandboxApiException} status 404 if it does not exist */
  async getTemplate(templateId: string, options: CallOptions = {}): Promise<TemplateInfo> {
    return (await templates()).getTemplate(this.#lifecycle, templateId, options);
  }

  /** Lists templates. Returns a page, which is also an iterable over this and all later pages. */
  async listTemplates(filter: TemplateFilter = {}, options: CallOptions = {}): Promise<Page<TemplateInfo>> {
    return (await templates()).listTemplates(this.#lifecycle, filter, options);
  }

  /** Deletes a template. Sandboxes created from it keep running. @throws {SandboxApiException} status 404 if it does not exist */
  async deleteTemplate(templateId: string, options: CallOptions = {}): Promise<void> {
    return (await templates()).deleteTemplate(this.#lifecycle, templateId, options);
  }

  /** Ends this manager's calls with `CLOSED`, and rejects later ones. The sandboxes keep running. */
  close(): Promise<void> {
    this.#lifecycle.close();
    return Promise.resolve();
  }

  /** Calls {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
