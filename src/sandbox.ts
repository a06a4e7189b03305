import { assertText, type CallOptions, checkOptions } from "./arguments.js";
import { createExecdClient, type ExecdClient } from "../generated/execd.js";
import { ConnectionConfig } from "./connection.js";
import { InvalidArgumentException, SandboxConnectionException } from "./errors.js";
import { RunQueue } from "./execution/run-queue.js";
import {
  assertConnectOptions,
  checkFurtherOptions,
  DEFAULT_CREATE_TIMEOUT_SECONDS,
  resolveCreateBody,
  type CreateOptions,
  type CreateProgress,
  type OpenOptions,
  type ReadyOptions,
} from "./lifecycle/create-options.js";
import { cleanUp, createSandbox } from "./lifecycle/creation.js";
import type { Diagnostics, DiagnosticsKind } from "./lifecycle/diagnostics.js";
import { getEndpoint, isGone, Lifecycle, type SandboxEndpoint } from "./lifecycle/lifecycle.js";
import { EXECD_PORT, findExecd, preferDirectEndpoint } from "./lifecycle/direct-endpoint.js";
import { waitUntilReady } from "./lifecycle/readiness.js";
import type { SandboxInfo, SnapshotInfo } from "./lifecycle/info.js";
import type { Capabilities } from "./services/capabilities.js";
import { Commands } from "./services/commands.js";
import { CredentialVault } from "./services/credential-vault.js";
import { Egress } from "./services/egress.js";
import { Files } from "./services/files.js";
import { Health } from "./services/health.js";
import type { SandboxLink } from "./services/link.js";
import type { SandboxMetrics } from "./services/metric-calls.js";
import { Metrics } from "./services/metrics.js";
import type { WaitOptions } from "./services/wait-for-output.js";
import { Isolated } from "./services/isolated.js";
import { Terminals } from "./services/terminals.js";
import { raceAbort, throwIfAborted } from "./transport/abort.js";
import { Transport } from "./transport/transport.js";

/** Pausing, expiry, labels and snapshots. Loaded when they are used. */
const management = () => import("./lifecycle/management.js");

/** Options of {@link Sandbox.waitUntilReady} and of the instance's {@link Sandbox.prototype.resume}. */
export interface SandboxReadyOptions extends ReadyOptions {
  /**
   * Checks whether the sandbox is ready. Throwing and returning `false` both mean that it is not ready yet.
   * @default checks that execd responds to `/ping`
   */
  readonly healthCheck?:
    ((sandbox: Sandbox, options: { readonly signal: AbortSignal }) => Promise<boolean>) | undefined;
}

/** Options of {@link Sandbox.create} and {@link CodeInterpreter.launch}. */
export interface SandboxCreateOptions extends CreateOptions, SandboxReadyOptions {}

/** Options of {@link Sandbox.connect} and {@link Sandbox.resume}. */
export interface SandboxConnectOptions extends OpenOptions, SandboxReadyOptions {
  /** The sandbox's id. Treat it as a secret: a server may proxy to a sandbox for anyone who knows it. */
  readonly sandboxId: string;
}

/** Options of {@link Sandbox.fork}: those of {@link Sandbox.create}, except for what a fork copies. */
export type SandboxForkOptions = Omit<SandboxCreateOptions, "image" | "snapshotId" | "templateId">;

/** The values that an instance needs besides its endpoint. */
interface SandboxParts {
  readonly sandboxId: string;
  readonly config: ConnectionConfig;
  readonly lifecycle: Lifecycle;
  readonly killOnDispose: boolean;
}

/**
 * A sandbox: a remote machine that runs commands and code.
 *
 * It runs until it is killed or expires, independently of this object. {@link close} releases the local resources of this
 * object; {@link kill} ends the sandbox itself. Every error is a {@link SandboxException}.
 *
 * @example
 * ```ts
 * await using sandbox = await Sandbox.create({ killOnDispose: true });
 * const { stdout } = await sandbox.commands.run("uname -a");
 * ```
 */
export class Sandbox {
  /** The sandbox's id. Treat it as a secret: a server may proxy to a sandbox for anyone who knows it. */
  readonly id: string;
  /** The connection to the lifecycle server. */
  readonly connectionConfig: ConnectionConfig;
  /** Runs shell commands. */
  readonly commands: Commands;
  /** Reads, writes and finds files. */
  readonly files: Files;
  /** Runs programs on pseudo-terminals. */
  readonly terminals: Terminals;
  /** Reads and changes the network policy. */
  readonly egress: Egress;
  /** Holds credentials that are put into outgoing requests outside the sandbox. */
  readonly credentialVault: CredentialVault;
  /** Runs shell code in boxes of their own inside the sandbox. */
  readonly isolated: Isolated;
  /** Measures the use of processors and memory. */
  readonly metrics: Metrics;
  /** Checks whether the sandbox responds. */
  readonly health: Health;
  /**
   * The parts that the services of this instance share.
   * @internal
   */
  readonly link: SandboxLink;
  readonly #parts: SandboxParts;
  readonly #execd: Transport<ExecdClient>;
  /** Where execd was when the instance was made. */
  #endpoint: SandboxEndpoint;
  /** Whether the latest {@link kill} has succeeded. */
  #hasKilled: Promise<boolean> | undefined;

  private constructor(parts: SandboxParts, endpoint: SandboxEndpoint) {
    const { sandboxId, config } = parts;
    this.id = sandboxId;
    this.connectionConfig = config;
    this.#parts = parts;
    this.#endpoint = endpoint;
    this.#execd = new Transport({
      server: "execd",
      config,
      sandboxId,
      endpoint: { ...endpoint, refresh: (signal) => findExecd(parts, signal) },
      createClient: createExecdClient,
    });
    this.link = {
      sandboxId,
      config,
      execd: this.#execd,
      lifecycle: parts.lifecycle.transport,
      findPort: (port, options) => getEndpoint(parts.lifecycle, sandboxId, port, options),
      killed: () => this.#hasKilled,
      runs: new RunQueue(),
    };
    this.commands = new Commands(this.link);
    this.files = new Files(this.link);
    this.terminals = new Terminals(this.link);
    this.egress = new Egress(this.link);
    this.credentialVault = new CredentialVault(this.link);
    this.isolated = new Isolated(this.link);
    this.metrics = new Metrics(this.link);
    this.health = new Health(this.link);
  }

  /**
   * Creates a sandbox and waits until it is ready.
   *
   * If the call fails or is aborted after the request was sent, the sandbox is deleted. If its id is not known yet, this
   * happens in the background.
   *
   * @throws {InvalidArgumentException} before anything is sent
   * @throws {SandboxReadyTimeoutException} `READY_TIMEOUT`
   * @throws {SandboxUnhealthyException} `UNHEALTHY` if it failed or terminated meanwhile
   * @throws {SandboxException} `CREATE_OUTCOME_UNKNOWN` if the server's response never arrived
   */
  static async create(options: SandboxCreateOptions = {}): Promise<Sandbox> {
    const body = resolveCreateBody(options);
    assertConnectOptions(options);
    const {
      createTimeoutSeconds: timeoutSeconds = DEFAULT_CREATE_TIMEOUT_SECONDS,
      signal,
      onProgress,
    } = options;
    const config = ConnectionConfig.from(options.connectionConfig);
    const startedAt = performance.now();
    await checkFurtherOptions(options);
    const lifecycle = new Lifecycle(config);
    const sandboxId = await createSandbox(lifecycle, body, { timeoutSeconds, signal });
    const report = async (phase: CreateProgress["phase"]): Promise<void> => {
      const elapsedMillis = Math.round(performance.now() - startedAt);
      await raceAbort(signal, (async () => onProgress?.({ phase, sandboxId, elapsedMillis }))());
    };
    try {
      await report("created");
      const parts = { sandboxId, config, lifecycle, killOnDispose: options.killOnDispose ?? false };
      return await Sandbox.#open(parts, options, report);
    } catch (error) {
      await cleanUp(config, sandboxId, signal);
      lifecycle.close();
      throw error;
    }
  }

  /**
   * Connects to an existing sandbox and waits until it is ready.
   *
   * @throws {SandboxApiException} status 404 if it does not exist
   * @throws {SandboxReadyTimeoutException} `READY_TIMEOUT`; the sandbox is not changed
   */
  static async connect(options: SandboxConnectOptions): Promise<Sandbox> {
    return await Sandbox.#connect(options, () => Promise.resolve());
  }

  /**
   * Connects to the sandbox with a name, which is resumed if it is paused. If there is none, creates it with these options.
   * Callers that ask for the same name at the same time, also in other processes, get the same sandbox.
   *
   * The name is a label, so it has at most 63 letters, digits, `-`, `_` and `.`. An existing sandbox is used as it is,
   * whatever its image and limits. Its expiry is moved if it would end within `timeoutSeconds`.
   *
   * @throws what {@link Sandbox.create} and {@link Sandbox.connect} throw
   *
   * @example
   * ```ts
   * const sandbox = await Sandbox.getOrCreate("user-42", { timeoutSeconds: 1_800 });
   * ```
   */
  static async getOrCreate(name: string, options: SandboxCreateOptions = {}): Promise<Sandbox> {
    return (await import("./lifecycle/get-or-create.js")).getOrCreate(name, options, Sandbox);
  }

  /**
   * Resumes a paused sandbox, connects to it and waits until it is ready.
   *
   * @throws {SandboxApiException} status 409 if it is not paused
   */
  static async resume(options: SandboxConnectOptions): Promise<Sandbox> {
    return await Sandbox.#connect(options, resume);
  }

  static async #connect(options: SandboxConnectOptions, before: typeof resume): Promise<Sandbox> {
    assertText(checkOptions(options).sandboxId, "sandboxId");
    assertConnectOptions(options);
    const config = ConnectionConfig.from(options.connectionConfig);
    const lifecycle = new Lifecycle(config);
    const { sandboxId, killOnDispose = false } = options;
    try {
      await before(lifecycle, sandboxId, options);
      return await Sandbox.#open({ sandboxId, config, lifecycle, killOnDispose }, options);
    } catch (error) {
      lifecycle.close();
      throw error;
    }
  }

  /** Resolves execd's endpoint and waits until the sandbox is ready. Both can take several attempts. */
  static async #open(
    parts: SandboxParts,
    options: Omit<SandboxConnectOptions, "sandboxId">,
    report?: (phase: "endpoint" | "ready") => Promise<void> | void,
  ): Promise<Sandbox> {
    const { sandboxId, lifecycle } = parts;
    const startedAt = performance.now();
    const check = (signal: AbortSignal) => getEndpoint(lifecycle, sandboxId, EXECD_PORT, { signal });
    const endpoint = await waitUntilReady({ ...parts, check }, options, startedAt);
    const sandbox = new Sandbox(parts, endpoint);
    try {
      await report?.("endpoint");
      if (options.skipHealthCheck !== true) await sandbox.#waitUntilReady(options, startedAt);
      sandbox.#endpoint = await preferDirectEndpoint(endpoint, parts, options.signal);
      if (sandbox.#endpoint !== endpoint) sandbox.#execd.retarget(sandbox.#endpoint);
      await report?.("ready");
      return sandbox;
    } catch (error) {
      sandbox.#execd.close();
      throw error;
    }
  }

  /** Returns the lifecycle server's description of the sandbox. @throws {SandboxApiException} status 404 if it does not exist */
  getInfo(options: CallOptions = {}): Promise<SandboxInfo> {
    return this.#parts.lifecycle.get(this.id, options);
  }

  /**
   * Finds out what the servers of this sandbox can do, by requests that change nothing. Later calls on this instance return
   * the same result.
   *
   * @example
   * ```ts
   * const capabilities = await sandbox.capabilities();
   * if (!capabilities.has("networkPolicy")) console.log(capabilities.all.networkPolicy.reason);
   * ```
   */
  async capabilities(options: CallOptions = {}): Promise<Capabilities> {
    const { findCapabilities } = await import("./services/capabilities.js");
    return await findCapabilities(this.link, options);
  }

  /** Checks once whether the sandbox responds. @throws {SandboxException} `CLOSED`, and the reason of an abort */
  isHealthy(options: CallOptions = {}): Promise<boolean> {
    return this.health.isHealthy(options);
  }

  /** Measures the use of processors and memory. This takes the server about a second. */
  getMetrics(options: CallOptions = {}): Promise<SandboxMetrics> {
    return this.metrics.getMetrics(options);
  }

  /**
   * Waits until the sandbox is ready, even if its address has changed after a pause or a restart.
   *
   * @throws {SandboxReadyTimeoutException} `READY_TIMEOUT`
   * @throws {SandboxUnhealthyException} `UNHEALTHY` if it failed or terminated
   * @throws {SandboxApiException} status 401, 403 or 404, without further attempts
   */
  async waitUntilReady(options: SandboxReadyOptions = {}): Promise<void> {
    assertConnectOptions(options);
    await this.#waitUntilReady(options);
  }

  /**
   * Pauses all processes in the sandbox and keeps its state. A paused sandbox does not respond, and can expire.
   *
   * On Kubernetes, it is paused some time after this resolves. {@link getInfo} returns the current state.
   */
  async pause(options: CallOptions = {}): Promise<void> {
    return (await management()).pauseSandbox(this.#parts.lifecycle, this.id, options);
  }

  /**
   * Resumes the paused sandbox and waits until it is ready. Resolves to this instance, which then uses the sandbox's new
   * address. If it fails, this instance is unchanged.
   *
   * @throws {SandboxApiException} status 409 if it is not paused
   */
  async resume(options: SandboxReadyOptions = {}): Promise<this> {
    assertConnectOptions(options);
    await resume(this.#parts.lifecycle, this.id, options);
    const candidate = await Sandbox.#open(this.#parts, options, () => this.#execd.assertOpen());
    this.#execd.retarget(candidate.#endpoint);
    candidate.#execd.close();
    return this;
  }

  /**
   * Sets the sandbox's expiry to `seconds` from now, even if that is earlier than before. For a sandbox that was created
   * without an expiry, the server responds with 409.
   *
   * @returns the new expiry
   */
  async renew(seconds: number, options: CallOptions = {}): Promise<Date> {
    return (await management()).renewSandbox(this.#parts.lifecycle, this.id, seconds, options);
  }

  /**
   * Changes labels; `null` deletes one.
   *
   * On Docker, a deleted label reappears with the next patch: delete it in each patch.
   *
   * @returns the sandbox after the change
   */
  async patchMetadata(
    patch: Readonly<Record<string, string | null>>,
    options: CallOptions = {},
  ): Promise<SandboxInfo> {
    return (await management()).patchMetadata(this.#parts.lifecycle, this.id, patch, options);
  }

  /** Returns the address of a port of the sandbox. Does not check whether a program listens there. */
  getEndpoint(port: number, options: CallOptions = {}): Promise<SandboxEndpoint> {
    return getEndpoint(this.#parts.lifecycle, this.id, port, options);
  }

  /**
   * Waits until a program in the sandbox listens on a port, with one request.
   *
   * @throws {SandboxTimeoutException} `WAIT_TIMEOUT`
   *
   * @example
   * ```ts
   * await using server = await sandbox.commands.start("python3 -m http.server 8000");
   * await sandbox.waitForPort(8000);
   * const { url, headers } = await sandbox.getEndpoint(8000);
   * ```
   */
  async waitForPort(port: number, options: WaitOptions = {}): Promise<void> {
    // Loaded when it is used, as most programs do without.
    const { waitForPort } = await import("./services/wait-for-port.js");
    await waitForPort(this.commands, this.id, port, options);
  }

  /**
   * Returns a signed address of a port. Anyone who has it can use it until it expires. Only gateways on Kubernetes support
   * it.
   *
   * @param expires a time in the future: a `Date`, or seconds since 1970-01-01 UTC
   * @throws {SandboxApiException} status 400, `SANDBOX::API_NOT_SUPPORTED`, if the server does not support it
   */
  async getSignedEndpoint(
    port: number,
    expires: Date | number,
    options: CallOptions = {},
  ): Promise<SandboxEndpoint> {
    const seconds = expires instanceof Date ? Math.floor(expires.getTime() / 1_000) : expires;
    if (!Number.isSafeInteger(seconds) || seconds * 1_000 <= Date.now()) {
      throw new InvalidArgumentException(
        "expires must be a time in the future: a Date, or whole seconds since 1970.",
      );
    }
    return await getEndpoint(this.#parts.lifecycle, this.id, port, {
      ...checkOptions(options),
      expires: seconds,
    });
  }

  /**
   * Starts a snapshot of the sandbox's files. The sandbox must be running.
   *
   * @returns the snapshot, usually in the state `Creating`; poll `SandboxManager.getSnapshot` until it is `Ready`
   */
  async createSnapshot(
    options: CallOptions & { readonly name?: string | undefined } = {},
  ): Promise<SnapshotInfo> {
    return (await management()).createSnapshot(this.#parts.lifecycle, this.id, options);
  }

  /**
   * Creates another sandbox with a copy of this one's files. Both go on independently.
   *
   * It is a snapshot from which a sandbox is created; the snapshot is deleted afterwards, also after a failure or an abort.
   * So processes, variables of the code and labels are not copied, and neither are limits: pass them again. The
   * entrypoint and the connection are those of this sandbox, unless you pass others.
   *
   * @throws {SandboxApiException} status 409 if the sandbox is not running; 501 if the server has no snapshots
   * @throws {SandboxException} `SNAPSHOT_FAILED`, and what {@link Sandbox.create} throws
   *
   * @example
   * ```ts
   * await using attempt = await sandbox.fork({ killOnDispose: true });
   * await attempt.commands.run("rm -r src");
   * ```
   */
  async fork(options: SandboxForkOptions = {}): Promise<Sandbox> {
    const { fork } = await import("./lifecycle/fork.js");
    const create = (given: SandboxCreateOptions) => Sandbox.create(given);
    return await fork(this.id, this.connectionConfig, options, create);
  }

  /**
   * Returns the logs or events that the runtime recorded for the sandbox.
   *
   * @param options.scope the part of the sandbox, such as `container`; the names depend on the server
   * @throws {SandboxApiException} status 501, `DIAGNOSTICS_NOT_IMPLEMENTED`, if the server does not support it
   */
  async getDiagnostics(
    kind: DiagnosticsKind,
    options: CallOptions & { readonly scope: string },
  ): Promise<Diagnostics> {
    const { getDiagnostics } = await import("./lifecycle/diagnostics.js");
    return await getDiagnostics(this.#parts.lifecycle, this.id, kind, options);
  }

  /**
   * Deletes the sandbox. Later calls to its files, commands and code reject with `CLOSED` at once. Calling this again
   * succeeds if the sandbox has been deleted.
   *
   * @throws {SandboxApiException} status 404 if the sandbox did not exist at the first call
   */
  async kill(options: CallOptions = {}): Promise<void> {
    throwIfAborted(checkOptions(options).signal);
    const before = this.#hasKilled;
    const killing = (async () => {
      // Wait for an earlier call; only if that failed, send another request.
      if (before !== undefined && (await raceAbort(options.signal, before))) return;
      await this.#parts.lifecycle.kill(this.id, { ...options, isRepeated: before !== undefined });
      // Otherwise calls would be retried to an address that no longer exists.
      this.#execd.close();
    })();
    this.#hasKilled = killing.then(() => true).catch(() => false);
    await killing;
  }

  /** Ends this instance's calls and streams with `CLOSED`, and rejects later calls. The sandbox keeps running. */
  close(): Promise<void> {
    this.#execd.close();
    this.#parts.lifecycle.close();
    return Promise.resolve();
  }

  /** Closes this instance. With `killOnDispose`, kills the sandbox first; succeeds if the sandbox does not exist. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      if (this.#parts.killOnDispose && !this.#execd.closed) await this.kill();
    } catch (error) {
      if (!isGone(error)) throw error;
    } finally {
      await this.close();
    }
  }

  async #waitUntilReady(options: SandboxReadyOptions, startedAt?: number): Promise<void> {
    const { healthCheck } = options;
    // An address that has just been resolved is current.
    let mayHaveMoved = startedAt === undefined;
    const check = async (signal: AbortSignal): Promise<boolean> => {
      try {
        if (healthCheck !== undefined) return await healthCheck(this, { signal });
        await this.health.ping({ signal });
        return true;
      } catch (error) {
        if (mayHaveMoved && error instanceof SandboxConnectionException) {
          mayHaveMoved = false;
          await this.#execd.refresh(signal);
        }
        throw error;
      }
    };
    await waitUntilReady({ ...this.#parts, check }, options, startedAt);
  }
}

async function resume(lifecycle: Lifecycle, sandboxId: string, options: CallOptions): Promise<void> {
  await (await management()).resumeSandbox(lifecycle, sandboxId, options);
}
