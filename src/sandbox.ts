import { assertText, type CallOptions, checkOptions } from "./arguments.js";
import { createExecdClient, type ExecdClient } from "../generated/execd.js";
import { ConnectionConfig } from "./connection.js";
import { InvalidArgumentException, SandboxConnectionException, SandboxInternalException } from "./errors.js";
import { RunQueue } from "./execution/run-queue.js";
import {
  assertConnectOptions,
  DEFAULT_CREATE_TIMEOUT_SECONDS,
  resolveCreateBody,
  type CreateOptions,
  type CreateProgress,
  type OpenOptions,
  type ReadyOptions,
} from "./lifecycle/create-options.js";
import { atMost } from "./lifecycle/creation.js";
import type { Diagnostics, DiagnosticsKind } from "./lifecycle/diagnostics.js";
import { isGone, Lifecycle, type SandboxEndpoint } from "./lifecycle/lifecycle.js";
import { waitUntilReady } from "./lifecycle/readiness.js";
import type { SandboxInfo } from "./lifecycle/sandbox-info.js";
import type { SnapshotInfo } from "./lifecycle/snapshot-info.js";
import { Commands } from "./services/commands.js";
import { Files } from "./services/files.js";
import { Health } from "./services/health.js";
import type { SandboxLink } from "./services/link.js";
import { Metrics, type SandboxMetrics } from "./services/metrics.js";
import { raceAbort, throwIfAborted } from "./transport/abort.js";
import { Transport } from "./transport/client.js";

/** The port of execd in every sandbox. */
const EXECD_PORT = 44_772;
/** How long a failed creation waits for its sandbox to be deleted, in seconds; the deletion goes on after that. */
const CLEAN_UP_SECONDS = 5;

/** Options of {@link Sandbox.waitUntilReady} and of the instance's {@link Sandbox.prototype.resume}. */
export interface SandboxReadyOptions extends ReadyOptions {
  /**
   * Checks whether the sandbox can be used; throwing and `false` both mean "not yet".
   * @default execd responds to `/ping`
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

/** What an instance is made of, besides its endpoint. */
interface SandboxFacts {
  readonly sandboxId: string;
  readonly config: ConnectionConfig;
  readonly lifecycle: Lifecycle;
  readonly killOnDispose: boolean;
}

/**
 * A sandbox: a remote machine that runs what it is told.
 *
 * It lives until it is killed or its time is over, whatever becomes of this object. {@link close} frees what this
 * object holds here; {@link kill} ends the sandbox itself. Every error is a {@link SandboxException}.
 *
 * @example
 * ```ts
 * await using sandbox = await Sandbox.create({ killOnDispose: true });
 * const { stdout } = await sandbox.commands.run("uname -a");
 * ```
 */
export class Sandbox {
  /** The sandbox's id. Treat it as a secret: a server may proxy to a sandbox for whoever knows it. */
  readonly id: string;
  /** How the lifecycle server is reached. */
  readonly connectionConfig: ConnectionConfig;
  /** Runs shell commands. */
  readonly commands: Commands;
  /** Reads, writes and finds files. */
  readonly files: Files;
  /** Watches processor and memory. */
  readonly metrics: Metrics;
  /** Asks whether the sandbox answers. */
  readonly health: Health;
  /**
   * What the services of this instance share.
   * @internal
   */
  readonly link: SandboxLink;
  readonly #lifecycle: Lifecycle;
  readonly #execd: Transport<ExecdClient>;
  /** Where execd was when the instance was made. */
  readonly #endpoint: SandboxEndpoint;
  readonly #killOnDispose: boolean;
  #killing: Promise<void> | undefined;
  #mayBeKilled = false;

  private constructor(facts: SandboxFacts, endpoint: SandboxEndpoint) {
    const { sandboxId, config, lifecycle, killOnDispose } = facts;
    this.id = sandboxId;
    this.connectionConfig = config;
    this.#lifecycle = lifecycle;
    this.#killOnDispose = killOnDispose;
    this.#endpoint = endpoint;
    this.#execd = new Transport({
      server: "execd",
      config,
      sandboxId,
      endpoint: { ...endpoint, refresh: (signal) => lifecycle.endpoint(sandboxId, EXECD_PORT, { signal }) },
      createClient: createExecdClient,
    });
    this.link = { sandboxId, config, execd: this.#execd, runs: new RunQueue() };
    this.commands = new Commands(this.link);
    this.files = new Files(this.link);
    this.metrics = new Metrics(this.link);
    this.health = new Health(this.link);
  }

  /**
   * Creates a sandbox and waits until it is ready.
   *
   * What fails, or is aborted, after the request has left takes the sandbox with it: it is deleted, in the background
   * where its id is not known yet.
   *
   * @throws {InvalidArgumentException} before anything is sent
   * @throws {SandboxReadyTimeoutException} `READY_TIMEOUT`
   * @throws {SandboxUnhealthyException} `UNHEALTHY` where it failed or terminated meanwhile
   * @throws {SandboxException} `CREATE_OUTCOME_UNKNOWN` where the server's answer never came
   */
  static async create(options: SandboxCreateOptions = {}): Promise<Sandbox> {
    const body = resolveCreateBody(options);
    assertConnectOptions(options);
    const { createTimeoutSeconds = DEFAULT_CREATE_TIMEOUT_SECONDS, signal, onProgress } = options;
    const config = ConnectionConfig.from(options.connectionConfig);
    const lifecycle = new Lifecycle(config);
    const startedAt = performance.now();
    const sandboxId = await lifecycle.create(body, createTimeoutSeconds, { signal });
    const report = async (phase: CreateProgress["phase"]): Promise<void> => {
      const elapsedMillis = Math.round(performance.now() - startedAt);
      await raced((async () => onProgress?.({ phase, sandboxId, elapsedMillis }))(), signal);
    };
    try {
      await report("created");
      const facts = { sandboxId, config, lifecycle, killOnDispose: options.killOnDispose ?? false };
      return await Sandbox.#open(facts, options, report);
    } catch (error) {
      // Not through the instance's own client: a health check may have closed it.
      const removal = new Lifecycle(config).discard(sandboxId);
      // Whoever aborts does not want to wait.
      if (signal?.aborted !== true) await atMost(CLEAN_UP_SECONDS, removal);
      lifecycle.close();
      throw error;
    }
  }

  /**
   * Connects to a sandbox that exists and waits until it is ready.
   *
   * @throws {SandboxApiException} status 404 where there is none
   * @throws {SandboxReadyTimeoutException} `READY_TIMEOUT`; the sandbox is left as it is
   */
  static async connect(options: SandboxConnectOptions): Promise<Sandbox> {
    return await Sandbox.#connect(options, () => Promise.resolve());
  }

  /**
   * Resumes a paused sandbox, connects to it and waits until it is ready.
   *
   * @throws {SandboxApiException} status 409 where it is not paused
   */
  static async resume(options: SandboxConnectOptions): Promise<Sandbox> {
    return await Sandbox.#connect(options, (lifecycle) => lifecycle.resume(options.sandboxId, options));
  }

  static async #connect(
    options: SandboxConnectOptions,
    before: (lifecycle: Lifecycle) => Promise<void>,
  ): Promise<Sandbox> {
    assertText(checkOptions(options).sandboxId, "sandboxId");
    assertConnectOptions(options);
    const config = ConnectionConfig.from(options.connectionConfig);
    const lifecycle = new Lifecycle(config);
    const { sandboxId, killOnDispose = false } = options;
    try {
      await before(lifecycle);
      return await Sandbox.#open({ sandboxId, config, lifecycle, killOnDispose }, options);
    } catch (error) {
      lifecycle.close();
      throw error;
    }
  }

  /** Resolves execd's endpoint and waits until the sandbox is ready there; both may take several attempts. */
  static async #open(
    facts: SandboxFacts,
    options: Omit<SandboxConnectOptions, "sandboxId">,
    report?: (phase: "endpoint" | "ready") => Promise<void> | void,
  ): Promise<Sandbox> {
    const { sandboxId, lifecycle } = facts;
    const startedAt = performance.now();
    const resolved: SandboxEndpoint[] = [];
    const resolve = async (signal: AbortSignal): Promise<boolean> => {
      resolved.push(await lifecycle.endpoint(sandboxId, EXECD_PORT, { signal }));
      return true;
    };
    await waitUntilReady({ ...facts, check: resolve }, options, startedAt);
    const [endpoint] = resolved;
    if (endpoint === undefined)
      throw new SandboxInternalException({ message: "The endpoint was lost.", sandboxId });
    const sandbox = new Sandbox(facts, endpoint);
    try {
      await report?.("endpoint");
      if (options.skipHealthCheck !== true) await sandbox.#waitUntilReady(options, startedAt);
      await report?.("ready");
      return sandbox;
    } catch (error) {
      sandbox.#execd.close();
      throw error;
    }
  }

  /** What the lifecycle server knows of the sandbox. @throws {SandboxApiException} status 404 where it is gone */
  getInfo(options: CallOptions = {}): Promise<SandboxInfo> {
    return this.#lifecycle.get(this.id, options);
  }

  /** Whether the sandbox answers: one question, not repeated. @throws {SandboxException} `CLOSED`, and an abort's reason */
  isHealthy(options: CallOptions = {}): Promise<boolean> {
    return this.health.isHealthy(options);
  }

  /** Processor and memory now; takes the server about a second. */
  getMetrics(options: CallOptions = {}): Promise<SandboxMetrics> {
    return this.metrics.getMetrics(options);
  }

  /**
   * Waits until the sandbox is ready, also where it has another address since it was paused or restarted.
   *
   * @throws {SandboxReadyTimeoutException} `READY_TIMEOUT`
   * @throws {SandboxUnhealthyException} `UNHEALTHY` where it failed or terminated
   * @throws {SandboxApiException} status 401, 403 and 404, at once
   */
  async waitUntilReady(options: SandboxReadyOptions = {}): Promise<void> {
    assertConnectOptions(options);
    await this.#waitUntilReady(options);
  }

  /**
   * Stops everything in the sandbox, with its state. It does not answer then, and its time goes on.
   *
   * On Kubernetes it is paused some time after this resolves: {@link getInfo} tells.
   */
  pause(options: CallOptions = {}): Promise<void> {
    return this.#lifecycle.pause(this.id, options);
  }

  /**
   * Lets a paused sandbox go on and waits until it is ready; resolves to this instance, which then uses the sandbox's
   * new address. A failed resume changes nothing here.
   *
   * @throws {SandboxApiException} status 409 where it is not paused
   */
  async resume(options: SandboxReadyOptions = {}): Promise<this> {
    assertConnectOptions(options);
    await this.#lifecycle.resume(this.id, options);
    const candidate = await Sandbox.#open(this.#facts, options, () => this.#execd.assertOpen());
    this.#execd.retarget(candidate.#endpoint);
    candidate.#execd.close();
    return this;
  }

  /**
   * Moves the sandbox's end to so many seconds from now, also where that is earlier. A sandbox that was created without
   * an end cannot get one (409).
   *
   * @returns when it ends now
   */
  renew(seconds: number, options: CallOptions = {}): Promise<Date> {
    return this.#lifecycle.renew(this.id, seconds, options);
  }

  /**
   * Changes labels; `null` deletes one.
   *
   * Servers on Docker forget with the next patch that a label was deleted: delete it again in each one.
   *
   * @returns the sandbox as it is then
   */
  patchMetadata(
    patch: Readonly<Record<string, string | null>>,
    options: CallOptions = {},
  ): Promise<SandboxInfo> {
    return this.#lifecycle.patchMetadata(this.id, patch, options);
  }

  /** Returns where a port of the sandbox is reached. Does not check whether a program listens there. */
  getEndpoint(port: number, options: CallOptions = {}): Promise<SandboxEndpoint> {
    return this.#lifecycle.endpoint(this.id, port, options);
  }

  /**
   * An address of a port that whoever has it can use, until a time. Only gateways on Kubernetes give one.
   *
   * @param expires a `Date`, or seconds since 1970; in the future
   * @throws {SandboxApiException} status 400, `SANDBOX::API_NOT_SUPPORTED`, elsewhere
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
    return await this.#lifecycle.endpoint(this.id, port, { ...checkOptions(options), expires: seconds });
  }

  /**
   * Begins to save the sandbox's files. The sandbox must be running.
   *
   * @returns the snapshot, mostly in the state `Creating`; `SandboxManager.getSnapshot` tells when it is `Ready`
   */
  createSnapshot(options: CallOptions & { readonly name?: string | undefined } = {}): Promise<SnapshotInfo> {
    return this.#lifecycle.createSnapshot(this.id, options);
  }

  /**
   * What the runtime recorded of the sandbox.
   *
   * @param options.scope which part, such as `container`; servers have their own
   * @throws {SandboxApiException} status 501, `DIAGNOSTICS_NOT_IMPLEMENTED`, from servers of today
   */
  getDiagnostics(
    kind: DiagnosticsKind,
    options: CallOptions & { readonly scope: string },
  ): Promise<Diagnostics> {
    return this.#lifecycle.getDiagnostics(this.id, kind, options);
  }

  /**
   * Ends the sandbox for good. Later calls to its files, commands and code reject with `CLOSED` at once. A second call,
   * and one that follows a failed one, takes "it is gone" for success.
   *
   * @throws {SandboxApiException} status 404 where it was gone before the first call
   */
  async kill(options: CallOptions = {}): Promise<void> {
    throwIfAborted(checkOptions(options).signal);
    const isRepeated = this.#mayBeKilled;
    const before = this.#killing;
    const killing = (async () => {
      // A call that is under way says how it went; only where it failed there is something left to do.
      if (before !== undefined && (await raced(succeeds(before), options.signal))) return;
      this.#mayBeKilled = true;
      await this.#lifecycle.kill(this.id, { ...options, isRepeated });
      // Otherwise calls would be repeated to an address where nothing is any more.
      this.#execd.close();
    })();
    this.#killing = killing;
    await killing;
  }

  /** Ends this instance's own calls and streams with `CLOSED`, as every later call. The sandbox lives on. */
  close(): Promise<void> {
    this.#execd.close();
    this.#lifecycle.close();
    return Promise.resolve();
  }

  /** Closes; with `killOnDispose` it kills first, where a sandbox that is gone already is no error. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      if (this.#killOnDispose && !this.#execd.closed) await this.kill();
    } catch (error) {
      if (!isGone(error)) throw error;
    } finally {
      await this.close();
    }
  }

  get #facts(): SandboxFacts {
    return {
      sandboxId: this.id,
      config: this.connectionConfig,
      lifecycle: this.#lifecycle,
      killOnDispose: this.#killOnDispose,
    };
  }

  async #waitUntilReady(options: SandboxReadyOptions, startedAt?: number): Promise<void> {
    const { healthCheck } = options;
    // An address that has just been resolved is the right one.
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
    await waitUntilReady({ ...this.#facts, check }, options, startedAt);
  }
}

async function raced<Value>(work: Promise<Value>, signal: AbortSignal | undefined): Promise<Value> {
  return await (signal === undefined ? work : raceAbort(signal, work));
}

function succeeds(work: Promise<void>): Promise<boolean> {
  return work.then(
    () => true,
    () => false,
  );
}
