import {
  assertInteger,
  assertOptionalText,
  assertSeconds,
  assertStringMap,
  assertText,
  type CallOptions,
  checkOptions,
} from "../arguments.js";
import { createLifecycleClient, type LifecycleClient } from "../../generated/lifecycle.js";
import type { ConnectionConfig } from "../connection.js";
import {
  addErrorContext,
  InvalidArgumentException,
  SandboxApiException,
  SandboxConnectionException,
} from "../errors.js";
import type { Call } from "../transport/call.js";
import { Transport, type JsonOptions } from "../transport/transport.js";
import { defined } from "../transport/request.js";
import { expectDate, expectRecord, expectText } from "../transport/response.js";
import { assertLabels } from "./labels.js";
import { assertPageFilter, toPage, type Page, type PageFilter } from "./page.js";
import { toSandboxInfo, toSnapshotInfo, type SandboxInfo, type SnapshotInfo } from "./info.js";

const LARGEST_PORT = 65_535;

/** The address of a port of a sandbox. */
export interface SandboxEndpoint {
  /** The absolute URL of the port, with a path if the server's gateway or proxy needs one. */
  readonly url: string;
  /** Headers that requests to it must carry; they may hold credentials. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Which sandboxes to list. */
export interface SandboxFilter extends PageFilter {
  /** Sandboxes in any of these states; a state that the server does not know matches nothing. */
  readonly states?: readonly string[] | undefined;
  /** Sandboxes with all of these labels. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/** Which snapshots to list. */
export interface SnapshotFilter extends PageFilter {
  /** Snapshots of this sandbox. */
  readonly sandboxId?: string | undefined;
  /** Snapshots with exactly this name; older servers ignore it. */
  readonly name?: string | undefined;
  /** Snapshots in any of these states. */
  readonly states?: readonly string[] | undefined;
}

/** The operations of the lifecycle server, as the facades use them. */
export class Lifecycle {
  readonly config: ConnectionConfig;
  readonly transport: Transport<LifecycleClient>;
  readonly #client: LifecycleClient;

  constructor(config: ConnectionConfig) {
    this.config = config;
    this.transport = new Transport({
      server: "lifecycle",
      config,
      endpoint: { url: config.baseUrl, headers: {} },
      createClient: createLifecycleClient,
    });
    this.#client = this.transport.client;
  }

  /** Ends the running calls; later ones throw `CLOSED`. */
  close(): void {
    this.transport.close();
  }

  get(sandboxId: string, options: CallOptions = {}): Promise<SandboxInfo> {
    return this.about(sandboxId, options, async (call) => {
      const { data } = await this.#client.GET("/sandboxes/{sandboxId}", {
        params: { path: { sandboxId } },
        fetch: call.fetch,
      });
      return toSandboxInfo(expectRecord(data, call), call);
    });
  }

  async list(filter: SandboxFilter, options: CallOptions): Promise<Page<SandboxInfo>> {
    assertPageFilter(checkOptions(filter, "filter"));
    const { page, pageSize, states, metadata = {} } = filter;
    assertStringMap(metadata, "metadata");
    const query = defined({
      page,
      pageSize,
      state: states && [...states],
      // A query string inside the query: the client encodes it a second time.
      metadata: new URLSearchParams(metadata).toString() || undefined,
    });
    const call = this.transport.json(options);
    const { data } = await this.#client.GET("/sandboxes", { params: { query }, fetch: call.fetch });
    const load = (number: number, own: CallOptions) => this.list({ ...filter, page: number }, own);
    return toPage(expectRecord(data, call), (item) => toSandboxInfo(item, call), load, { call, options });
  }

  /**
   * Ends a sandbox. Rejects if it is gone already, unless an earlier attempt may have ended it: one of this call, or,
   * with `isRepeated`, one of an earlier call.
   */
  async kill(
    sandboxId: string,
    options: CallOptions & { readonly isRepeated?: boolean } = {},
  ): Promise<void> {
    let mayBeGone = options.isRepeated ?? false;
    const onRetry: JsonOptions["onRetry"] = ({ error }) => (mayBeGone ||= !isNotSent(error));
    try {
      await this.about(sandboxId, { signal: options.signal, onRetry }, async ({ fetch }) => {
        await this.#client.DELETE("/sandboxes/{sandboxId}", { params: { path: { sandboxId } }, fetch });
      });
    } catch (error) {
      if (!(mayBeGone && isGone(error))) throw error;
    }
  }

  pause(sandboxId: string, options: CallOptions): Promise<void> {
    return this.about(sandboxId, options, async (call) => {
      const params = { path: { sandboxId } };
      await this.#client.POST("/sandboxes/{sandboxId}/pause", { params, fetch: call.fetch });
    });
  }

  resume(sandboxId: string, options: CallOptions): Promise<void> {
    return this.about(sandboxId, options, async (call) => {
      const params = { path: { sandboxId } };
      await this.#client.POST("/sandboxes/{sandboxId}/resume", { params, fetch: call.fetch });
    });
  }

  /** Moves the expiry of a sandbox to `seconds` from now; returns the time that the server set. */
  renew(sandboxId: string, seconds: number, options: CallOptions): Promise<Date> {
    return this.about(sandboxId, options, async (call) => {
      if (typeof seconds !== "number") throw new InvalidArgumentException("seconds must be a number.");
      assertSeconds(seconds, "seconds");
      const expiresAt = new Date(Date.now() + seconds * 1_000);
      if (Number.isNaN(expiresAt.getTime())) throw new InvalidArgumentException("seconds is too large.");
      const { data } = await this.#client.POST("/sandboxes/{sandboxId}/renew-expiration", {
        params: { path: { sandboxId } },
        body: { expiresAt: expiresAt.toISOString() },
        fetch: call.fetch,
      });
      return expectDate(expectRecord(data, call).expiresAt, "expiresAt", call);
    });
  }

  patchMetadata(
    sandboxId: string,
    patch: Readonly<Record<string, string | null>>,
    options: CallOptions,
  ): Promise<SandboxInfo> {
    return this.about(sandboxId, options, async (call) => {
      assertLabels(patch, "patch", { isPatch: true });
      const { data } = await this.#client.PATCH("/sandboxes/{sandboxId}/metadata", {
        params: { path: { sandboxId } },
        body: { ...patch },
        fetch: call.fetch,
      });
      return toSandboxInfo(expectRecord(data, call), call);
    });
  }

  createSnapshot(
    sandboxId: string,
    options: CallOptions & { readonly name?: string | undefined },
  ): Promise<SnapshotInfo> {
    return this.about(sandboxId, options, async (call) => {
      const { name } = options;
      assertOptionalText(name, "name");
      const { data } = await this.#client.POST("/sandboxes/{sandboxId}/snapshots", {
        params: { path: { sandboxId } },
        body: defined({ name }),
        fetch: call.fetch,
      });
      return toSnapshotInfo(expectRecord(data, call), call);
    });
  }

  async getSnapshot(snapshotId: string, options: CallOptions): Promise<SnapshotInfo> {
    assertText(snapshotId, "snapshotId");
    const call = this.transport.json(options);
    const { data } = await this.#client.GET("/snapshots/{snapshotId}", {
      params: { path: { snapshotId } },
      fetch: call.fetch,
    });
    return toSnapshotInfo(expectRecord(data, call), call);
  }

  async listSnapshots(filter: SnapshotFilter, options: CallOptions): Promise<Page<SnapshotInfo>> {
    assertPageFilter(checkOptions(filter, "filter"));
    const { page, pageSize, states, sandboxId, name } = filter;
    assertOptionalText(sandboxId, "sandboxId");
    assertOptionalText(name, "name");
    const query = defined({ page, pageSize, state: states && [...states], sandboxId, name });
    const call = this.transport.json(options);
    const { data } = await this.#client.GET("/snapshots", { params: { query }, fetch: call.fetch });
    const load = (number: number, own: CallOptions) => this.listSnapshots({ ...filter, page: number }, own);
    return toPage(expectRecord(data, call), (item) => toSnapshotInfo(item, call), load, { call, options });
  }

  async deleteSnapshot(snapshotId: string, options: CallOptions): Promise<void> {
    assertText(snapshotId, "snapshotId");
    const params = { path: { snapshotId } };
    const { fetch } = this.transport.json(options);
    await this.#client.DELETE("/snapshots/{snapshotId}", { params, fetch });
  }

  /** Makes a call about one sandbox, whose id is added to its errors. */
  async about<Outcome>(
    sandboxId: string,
    options: JsonOptions,
    send: (call: Call) => Promise<Outcome>,
  ): Promise<Outcome> {
    assertText(sandboxId, "sandboxId");
    try {
      return await send(this.transport.json(options));
    } catch (error) {
      addErrorContext(error, { sandboxId });
      throw error;
    }
  }
}

/**
 * Returns the address of a port of a sandbox. Not a method, so that `SandboxManager` alone does not bundle it.
 *
 * @param options.expires makes it a signed address that is valid until then, in seconds since 1970
 */
export function getEndpoint(
  lifecycle: Lifecycle,
  sandboxId: string,
  port: number,
  options: CallOptions & { readonly expires?: number | undefined } = {},
): Promise<SandboxEndpoint> {
  const { transport, config } = lifecycle;
  return lifecycle.about(sandboxId, options, async (call) => {
    if (typeof port !== "number") throw new InvalidArgumentException("port must be a number.");
    assertInteger(port, "port", 1, LARGEST_PORT);
    const { expires } = options;
    // The server accepts only one of the two.
    const query =
      expires === undefined ? { use_server_proxy: config.useServerProxy } : { expires: String(expires) };
    const { data } = await transport.client.GET("/sandboxes/{sandboxId}/endpoints/{port}", {
      params: { path: { sandboxId, port }, query },
      fetch: call.fetch,
    });
    const { headers, ...found } = expectRecord(data, call);
    const endpoint = expectText(found.endpoint, "endpoint", call);
    return { url: config.resolveEndpointUrl(endpoint), headers: headers ?? {} };
  });
}

/**
 * Tells whether an error says that a sandbox does not exist (any more). A Kubernetes server's 404 for one that has no
 * address yet, while it is being scheduled, does not.
 */
export function isGone(error: unknown): boolean {
  return (
    error instanceof SandboxApiException &&
    error.statusCode === 404 &&
    !error.error.code.endsWith("POD_IP_NOT_AVAILABLE")
  );
}

/** Tells whether a request is known not to have been sent. */
export function isNotSent(error: unknown): boolean {
  return error instanceof SandboxConnectionException && error.isNotSent;
}
