import {
  assertInteger,
  assertOptionalText,
  assertSeconds,
  assertStringMap,
  assertText,
  type CallOptions,
  checkOptions,
} from "../arguments.js";
import { createDiagnosticsClient, type DiagnosticsClient } from "../../generated/diagnostics.js";
import { createLifecycleClient, type LifecycleClient } from "../../generated/lifecycle.js";
import type { ConnectionConfig } from "../connection.js";
import { addErrorContext, InvalidArgumentException, SandboxApiException } from "../errors.js";
import { Transport } from "../transport/client.js";
import { describeFailure } from "../transport/log.js";
import { defined } from "../transport/request.js";
import { expectDate, expectRecord, expectText } from "../transport/response.js";
import type { CreateBody } from "./create-options.js";
import { createOrClean, isNotSent } from "./creation.js";
import { toDiagnostics, type Diagnostics, type DiagnosticsKind } from "./diagnostics.js";
import { assertLabels } from "./labels.js";
import { assertPageFilter, assertStates, toPage, type Page, type PageFilter } from "./page.js";
import { toSandboxInfo, type SandboxInfo } from "./sandbox-info.js";
import { toSnapshotInfo, type SnapshotInfo } from "./snapshot-info.js";

const LARGEST_PORT = 65_535;

/** Where a port of a sandbox is reached. */
export interface SandboxEndpoint {
  /** The absolute URL of the port, with a path if the server's gateway or proxy needs one. */
  readonly url: string;
  /** Headers that requests to it must carry; they may hold credentials. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Which sandboxes to list. */
export interface SandboxFilter extends PageFilter {
  /** Any of these states; a state that the server does not know matches nothing. */
  readonly states?: readonly string[] | undefined;
  /** All of these labels. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/** Which snapshots to list. */
export interface SnapshotFilter extends PageFilter {
  /** Of this sandbox. */
  readonly sandboxId?: string | undefined;
  /** Of exactly this name; older servers ignore it. */
  readonly name?: string | undefined;
  /** Any of these states. */
  readonly states?: readonly string[] | undefined;
}

/** What a call is made with. */
interface LifecycleCalls {
  readonly client: LifecycleClient;
  readonly json: Transport<unknown>["json"];
}

/** The lifecycle server's operations, as the facades use them. */
export class Lifecycle {
  readonly #config: ConnectionConfig;
  readonly #transport: Transport<{
    readonly sandboxes: LifecycleClient;
    readonly diagnostics: DiagnosticsClient;
  }>;

  constructor(config: ConnectionConfig) {
    this.#config = config;
    this.#transport = new Transport({
      server: "lifecycle",
      config,
      endpoint: { url: config.baseUrl, headers: {} },
      createClient: (facts) => ({
        sandboxes: createLifecycleClient(facts),
        diagnostics: createDiagnosticsClient(facts),
      }),
    });
  }

  /** Ends the calls under way; later ones throw `CLOSED`. */
  close(): void {
    this.#transport.close();
  }

  /** Creates a sandbox and returns its id; see {@link createOrClean}. */
  create(body: CreateBody, timeoutSeconds: number, { signal }: CallOptions): Promise<string> {
    return createOrClean({
      post: async (longestSeconds) => {
        const { client, json } = this.#calls;
        const call = json({ timeoutSeconds: longestSeconds });
        const { data } = await client.POST("/sandboxes", { body, fetch: call.fetch });
        return expectText(expectRecord(data, call).id, "id", call);
      },
      discard: (sandboxId) => this.discard(sandboxId),
      timeoutSeconds,
      signal,
      logger: this.#config.logger,
    });
  }

  get(sandboxId: string, options: CallOptions = {}): Promise<SandboxInfo> {
    return this.#about(sandboxId, async ({ client, json }) => {
      const params = { path: { sandboxId } };
      const call = json(options);
      const { data } = await client.GET("/sandboxes/{sandboxId}", { params, fetch: call.fetch });
      return toSandboxInfo(expectRecord(data, call), call);
    });
  }

  async list(filter: SandboxFilter, options: CallOptions): Promise<Page<SandboxInfo>> {
    assertPageFilter(checkOptions(filter, "filter"));
    assertStates(filter.states);
    assertStringMap(filter.metadata, "metadata");
    const { page, pageSize, states, metadata = {} } = filter;
    const { client, json } = this.#calls;
    const query = defined({
      page,
      pageSize,
      state: states && [...states],
      // A query string inside the query: the client encodes it a second time.
      metadata: new URLSearchParams(metadata).toString() || undefined,
    });
    const call = json(options);
    const { data } = await client.GET("/sandboxes", { params: { query }, fetch: call.fetch });
    const load = (number: number, own: CallOptions) => this.list({ ...filter, page: number }, own);
    return toPage(expectRecord(data, call), (item) => toSandboxInfo(item, call), load, { call, options });
  }

  /**
   * Ends a sandbox. Rejects if it is gone already, unless an earlier attempt may have ended it: one of this call, or,
   * with `isRepeated`, one of an earlier call.
   */
  kill(sandboxId: string, options: CallOptions & { readonly isRepeated?: boolean } = {}): Promise<void> {
    return this.#about(sandboxId, async ({ client, json }) => {
      const { signal } = options;
      let mayBeGone = options.isRepeated ?? false;
      try {
        await client.DELETE("/sandboxes/{sandboxId}", {
          params: { path: { sandboxId } },
          fetch: json({ signal, onRetry: ({ error }) => (mayBeGone ||= !isNotSent(error)) }).fetch,
        });
      } catch (error) {
        if (!(mayBeGone && isGone(error))) throw error;
      }
    });
  }

  /** Ends the sandbox of a creation that failed; never rejects. */
  async discard(sandboxId: string): Promise<void> {
    try {
      await this.kill(sandboxId, { isRepeated: true });
    } catch (error) {
      this.#config.logger?.warn(
        `The sandbox ${sandboxId}, whose creation failed, could not be deleted: ${describeFailure(error)}.`,
      );
    }
  }

  pause(sandboxId: string, options: CallOptions): Promise<void> {
    return this.#about(sandboxId, async ({ client, json }) => {
      const params = { path: { sandboxId } };
      await client.POST("/sandboxes/{sandboxId}/pause", { params, fetch: json(options).fetch });
    });
  }

  resume(sandboxId: string, options: CallOptions): Promise<void> {
    return this.#about(sandboxId, async ({ client, json }) => {
      const params = { path: { sandboxId } };
      await client.POST("/sandboxes/{sandboxId}/resume", { params, fetch: json(options).fetch });
    });
  }

  /** Moves the end of a sandbox to `seconds` from now; returns the time that the server set. */
  renew(sandboxId: string, seconds: number, options: CallOptions): Promise<Date> {
    return this.#about(sandboxId, async ({ client, json }) => {
      if (typeof seconds !== "number") throw new InvalidArgumentException("seconds must be a number.");
      assertSeconds(seconds, "seconds");
      const expiresAt = new Date(Date.now() + seconds * 1_000);
      if (Number.isNaN(expiresAt.getTime())) throw new InvalidArgumentException("seconds is too large.");
      const call = json(options);
      const { data } = await client.POST("/sandboxes/{sandboxId}/renew-expiration", {
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
    return this.#about(sandboxId, async ({ client, json }) => {
      assertLabels(patch, "patch", { isPatch: true });
      const call = json(options);
      const { data } = await client.PATCH("/sandboxes/{sandboxId}/metadata", {
        params: { path: { sandboxId } },
        body: { ...patch },
        fetch: call.fetch,
      });
      return toSandboxInfo(expectRecord(data, call), call);
    });
  }

  /** @param options.expires makes it a signed address that holds until then, in seconds since 1970 */
  endpoint(
    sandboxId: string,
    port: number,
    options: CallOptions & { readonly expires?: number | undefined } = {},
  ): Promise<SandboxEndpoint> {
    return this.#about(sandboxId, async ({ client, json }) => {
      const { expires, signal } = checkOptions(options);
      assertPort(port);
      const call = json({ signal });
      const { data } = await client.GET("/sandboxes/{sandboxId}/endpoints/{port}", {
        params: {
          path: { sandboxId, port },
          // The server accepts only one of the two.
          query:
            expires === undefined
              ? { use_server_proxy: this.#config.useServerProxy }
              : { expires: String(expires) },
        },
        fetch: call.fetch,
      });
      const { headers, ...found } = expectRecord(data, call);
      const endpoint = expectText(found.endpoint, "endpoint", call);
      return { url: this.#config.resolveEndpointUrl(endpoint), headers: headers ?? {} };
    });
  }

  createSnapshot(
    sandboxId: string,
    options: CallOptions & { readonly name?: string | undefined },
  ): Promise<SnapshotInfo> {
    return this.#about(sandboxId, async ({ client, json }) => {
      const { name, signal } = checkOptions(options);
      assertOptionalText(name, "name");
      const call = json({ signal });
      const { data } = await client.POST("/sandboxes/{sandboxId}/snapshots", {
        params: { path: { sandboxId } },
        body: defined({ name }),
        fetch: call.fetch,
      });
      return toSnapshotInfo(expectRecord(data, call), call);
    });
  }

  async getSnapshot(snapshotId: string, options: CallOptions): Promise<SnapshotInfo> {
    assertText(snapshotId, "snapshotId");
    const { client, json } = this.#calls;
    const call = json(options);
    const { data } = await client.GET("/snapshots/{snapshotId}", {
      params: { path: { snapshotId } },
      fetch: call.fetch,
    });
    return toSnapshotInfo(expectRecord(data, call), call);
  }

  async listSnapshots(filter: SnapshotFilter, options: CallOptions): Promise<Page<SnapshotInfo>> {
    assertPageFilter(checkOptions(filter, "filter"));
    assertStates(filter.states);
    const { page, pageSize, states, sandboxId, name } = filter;
    assertOptionalText(sandboxId, "sandboxId");
    assertOptionalText(name, "name");
    const { client, json } = this.#calls;
    const query = defined({ page, pageSize, state: states && [...states], sandboxId, name });
    const call = json(options);
    const { data } = await client.GET("/snapshots", { params: { query }, fetch: call.fetch });
    const load = (number: number, own: CallOptions) => this.listSnapshots({ ...filter, page: number }, own);
    return toPage(expectRecord(data, call), (item) => toSnapshotInfo(item, call), load, { call, options });
  }

  async deleteSnapshot(snapshotId: string, options: CallOptions): Promise<void> {
    assertText(snapshotId, "snapshotId");
    const { client, json } = this.#calls;
    const params = { path: { snapshotId } };
    await client.DELETE("/snapshots/{snapshotId}", { params, fetch: json(options).fetch });
  }

  getDiagnostics(
    sandboxId: string,
    kind: DiagnosticsKind,
    options: CallOptions & { readonly scope: string },
  ): Promise<Diagnostics> {
    return this.#about(sandboxId, async ({ json }) => {
      const { scope, signal } = checkOptions(options);
      assertText(scope, "scope");
      const { diagnostics: client } = this.#transport.client;
      const call = json({ signal });
      const init = { params: { path: { sandboxId }, query: { scope } }, fetch: call.fetch };
      const { data } =
        kind === "logs"
          ? await client.GET("/sandboxes/{sandboxId}/diagnostics/logs", init)
          : await client.GET("/sandboxes/{sandboxId}/diagnostics/events", init);
      return toDiagnostics(expectRecord(data, call), call);
    });
  }

  get #calls(): LifecycleCalls {
    return { client: this.#transport.client.sandboxes, json: this.#transport.json };
  }

  /** Makes a call about one sandbox, and adds the sandbox's id to its errors. */
  async #about<Outcome>(
    sandboxId: string,
    call: (calls: LifecycleCalls) => Promise<Outcome>,
  ): Promise<Outcome> {
    assertText(sandboxId, "sandboxId");
    try {
      return await call(this.#calls);
    } catch (error) {
      addErrorContext(error, { sandboxId });
      throw error;
    }
  }
}

/**
 * Whether an error says that a sandbox does not exist (any more). A Kubernetes server's 404 for one that has no address
 * yet, while it is being scheduled, does not.
 */
export function isGone(error: unknown): boolean {
  return (
    error instanceof SandboxApiException &&
    error.statusCode === 404 &&
    !error.error.code.endsWith("POD_IP_NOT_AVAILABLE")
  );
}

function assertPort(port: unknown): void {
  if (typeof port !== "number") throw new InvalidArgumentException("port must be a number.");
  assertInteger(port, "port", 1, LARGEST_PORT);
}
