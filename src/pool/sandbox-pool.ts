import { assertSeconds, checkOptions, refuse } from "../arguments.js";
import type { CallOptions, Sandbox } from "../index.js";
import { onProcessEnd } from "../process-end.js";
import { raceAbort, throwIfAborted, withLimit } from "../transport/abort.js";
import { callAsync, endSandbox, isGone } from "./creation.js";
import { PoolClosedException, PoolEmptyException, poolTimeout } from "./errors.js";
import type { DiscardReason, PoolEvent, PoolStats } from "./events.js";
import { WaitQueue } from "./wait-queue.js";
import {
  assertSize,
  resolveAcquireOptions,
  resolvePoolOptions,
  type AcquireConfig,
  type AcquireOptions,
  type PoolConfig,
  type SandboxPoolOptions,
} from "./options.js";
import { Supply, unref } from "./supply.js";

/** How long a custom health check may take, in seconds; as long as `sandbox.isHealthy`. */
const HEALTHY_WITHIN_SECONDS = 5;

/** A sandbox that is ready. */
interface Idle {
  readonly sandbox: Sandbox;
  /** When it expires, in milliseconds by `performance.now()`, since the server's clock may differ. */
  expiresAt: number;
  /** The check in progress. */
  check?: Promise<void> | undefined;
}

/** A sandbox for a caller, and where it came from. */
interface Obtained {
  readonly sandbox: Sandbox;
  readonly source: "idle" | "created";
}

/**
 * Keeps sandboxes ready. Each is used once: the caller that acquires a sandbox kills it, and the pool creates another one.
 *
 * The pool belongs to this process and needs nothing from the server but its ordinary operations. Idle sandboxes are
 * checked, renewed and replaced. If the process is killed, they end when they expire.
 *
 * @example
 * ```ts
 * await using pool = SandboxPool.create({ size: 3 });
 * const { stdout } = await pool.use((sandbox) => sandbox.commands.run("uname -a"));
 * ```
 */
export class SandboxPool {
  readonly #config: PoolConfig;
  readonly #supply: Supply;
  #size: number;
  /** The oldest first. */
  readonly #idle = new Set<Idle>();
  readonly #waiting = new WaitQueue<Idle>();
  readonly #waitingUntilFull = new WaitQueue<undefined>();
  /** The sandboxes of {@link use}. */
  readonly #inUse = new Set<Sandbox>();
  /** The requests that {@link close} waits for. */
  readonly #busy = new Set<Promise<unknown>>();
  readonly #closing = new AbortController();
  readonly #checkTimer: ReturnType<typeof setInterval>;
  readonly #forgetProcessEnd: () => void;
  readonly #totals = { acquired: 0, acquiredIdle: 0, discarded: 0 };
  #closed: Promise<void> | undefined;

  private constructor(config: PoolConfig) {
    this.#config = config;
    this.#size = config.size;
    this.#supply = new Supply(config, {
      missing: () => this.#size + this.#waiting.length - this.#idle.size,
      add: (sandbox, expiresAt) => this.#add({ sandbox, expiresAt }),
      fail: (error) => this.#endWaiting(error),
      emit: (event) => this.#emit(event),
    });
    this.#forgetProcessEnd = onProcessEnd(() => this.#endWithProcess());
    this.#checkTimer = setInterval(() => this.#checkAll(), config.healthCheckIntervalSeconds * 1_000);
    unref(this.#checkTimer);
    this.#supply.fill();
  }

  /**
   * Creates a pool, which starts to create sandboxes at once. You need not wait for them: {@link acquire} works from the
   * beginning.
   *
   * @throws {InvalidArgumentException} if an option is invalid
   */
  static create(options: SandboxPoolOptions = {}): SandboxPool {
    return new SandboxPool(resolvePoolOptions(options));
  }

  /** The state of the pool and what it has done so far. */
  get stats(): PoolStats {
    return {
      size: this.#size,
      idle: this.#idle.size,
      creating: this.#supply.creating,
      waiting: this.#waiting.length,
      inUse: this.#inUse.size,
      ...this.#totals,
      ...this.#supply.stats,
    };
  }

  /**
   * Returns a sandbox that nobody else has. It is yours: kill it when you have finished, for example by `await using`.
   *
   * An idle sandbox is checked and its expiry is set first. If that fails, the next one is taken.
   *
   * @throws {PoolEmptyException} `POOL_EMPTY` with the policy `fail-fast`
   * @throws {SandboxTimeoutException} `POOL_TIMEOUT`
   * @throws {PoolClosedException} `POOL_CLOSED`
   * @throws {SandboxException} what a creation failed with: with `direct-create` at once, with `wait` if another attempt
   * cannot help
   */
  async acquire(options: AcquireOptions = {}): Promise<Sandbox> {
    const config = resolveAcquireOptions(options, this.#config);
    const startedAt = performance.now();
    const { sandbox, source } = await this.#withinTimeLimit(config, (limit) => this.#obtain(config, limit));
    this.#totals.acquired += 1;
    if (source === "idle") this.#totals.acquiredIdle += 1;
    const waitMillis = performance.now() - startedAt;
    this.#emit({ type: "acquired", sandboxId: sandbox.id, source, waitMillis });
    return sandbox;
  }

  /**
   * Acquires a sandbox, passes it to a function and kills it when the function has ended, also if it throws. If the signal
   * is aborted meanwhile, the sandbox is killed at once.
   *
   * @returns what the function returns
   * @throws what {@link acquire} and the function throw, and the signal's reason
   */
  async use<Value>(
    work: (sandbox: Sandbox) => Value | PromiseLike<Value>,
    options: AcquireOptions = {},
  ): Promise<Value> {
    if (typeof work !== "function") refuse("work", "a function", work);
    const sandbox = await this.acquire(options);
    this.#inUse.add(sandbox);
    try {
      return await raceAbort(options.signal, callAsync(work, sandbox));
    } finally {
      this.#inUse.delete(sandbox);
      await this.#discard(sandbox, "used");
    }
  }

  /**
   * Waits until as many sandboxes are idle as the pool's size.
   *
   * @param options.timeoutSeconds how long to wait, in seconds; by default the pool's `acquireTimeoutSeconds`
   * @throws {SandboxTimeoutException} `POOL_TIMEOUT`
   * @throws {PoolClosedException} `POOL_CLOSED`
   * @throws {SandboxException} what a creation failed with, if another attempt cannot help
   */
  async waitUntilFull(
    options: CallOptions & { readonly timeoutSeconds?: number | undefined } = {},
  ): Promise<void> {
    const { signal, timeoutSeconds = this.#config.acquireTimeoutSeconds } = checkOptions(options);
    assertSeconds(timeoutSeconds, "timeoutSeconds");
    await this.#withinTimeLimit({ signal, timeoutSeconds }, async (limit) => {
      if (this.#idle.size < this.#size) await this.#waitingUntilFull.wait(limit);
    });
  }

  /** Changes how many idle sandboxes the pool keeps. Surplus ones are killed, the oldest first. */
  resize(size: number): void {
    assertSize(size);
    this.#assertOpen();
    this.#size = size;
    for (const idle of this.#idle) {
      if (this.#idle.size <= size) break;
      this.#idle.delete(idle);
      void this.#discard(idle.sandbox, "surplus");
    }
    this.#tellIfFull();
    this.#supply.fill();
  }

  /**
   * Closes the pool: kills its idle sandboxes and ends its creations. Calls that wait reject with `POOL_CLOSED`. Sandboxes
   * that were acquired are not affected. If the server cannot be reached, this does not wait for it: the sandboxes expire.
   * Calling this again returns the same promise.
   */
  close(): Promise<void> {
    // Later, so that a callback that closes the pool gets this promise, too.
    this.#closed ??= Promise.resolve().then(() => this.#close());
    return this.#closed;
  }

  /** Calls {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#forgetProcessEnd();
    clearInterval(this.#checkTimer);
    const reason = new PoolClosedException();
    this.#closing.abort(reason);
    this.#endWaiting(reason);
    for (const { sandbox } of this.#idle) void this.#discard(sandbox, "cancelled");
    this.#idle.clear();
    await this.#supply.close(reason);
    while (this.#busy.size > 0) await Promise.allSettled(this.#busy);
  }

  async #endWithProcess(): Promise<void> {
    const closing = this.close();
    await Promise.resolve(); // the pool is closing when this continues
    await Promise.all([...this.#inUse].map((sandbox) => this.#discard(sandbox, "cancelled")));
    await closing;
  }

  /** Runs work with a signal that the caller's signal and the time limit abort. */
  async #withinTimeLimit<Value>(
    { signal, timeoutSeconds: seconds }: Pick<AcquireConfig, "signal" | "timeoutSeconds">,
    work: (limit: AbortSignal) => Promise<Value>,
  ): Promise<Value> {
    this.#assertOpen();
    throwIfAborted(signal);
    const reason = () => poolTimeout(seconds, this.#supply.stats.lastError);
    return await withLimit({ seconds, reason, signal }, work);
  }

  async #obtain({ policy, sandboxTimeoutSeconds }: AcquireConfig, limit: AbortSignal): Promise<Obtained> {
    for (;;) {
      const [first] = this.#idle;
      if (first === undefined && policy !== "wait") break;
      if (first !== undefined) this.#idle.delete(first);
      const idle = first ?? (await this.#waitForIdle(limit));
      const handingOver = this.#handOver(idle, sandboxTimeoutSeconds, limit);
      // The replacement is created afterwards, so that the caller does not wait for the processor.
      const isWorking = await this.#track(handingOver).finally(() => this.#supply.fill());
      if (isWorking) return { sandbox: idle.sandbox, source: "idle" };
    }
    if (policy === "fail-fast") throw new PoolEmptyException(this.#supply.stats.lastError);
    return { sandbox: await this.#createDirectly(sandboxTimeoutSeconds, limit), source: "created" };
  }

  #waitForIdle(limit: AbortSignal): Promise<Idle> {
    const waiting = this.#waiting.wait(limit);
    this.#supply.fill();
    return waiting;
  }

  /** Checks a sandbox that leaves the pool and sets its expiry. Resolves to `false` if it does not work. */
  async #handOver({ sandbox, check }: Idle, lifetimeSeconds: number, limit: AbortSignal): Promise<boolean> {
    let failure: DiscardReason = "unhealthy";
    try {
      // A renewal in progress could set the expiry after this one.
      await check;
      const checking = this.#isHealthy(sandbox, limit);
      const renewing = sandbox.renew(lifetimeSeconds, { signal: limit });
      const [isHealthy] = await Promise.all([checking, renewing]);
      if (isHealthy && !limit.aborted && this.#closed === undefined) return true;
    } catch (error) {
      if (isGone(error)) failure = "gone";
    }
    const isCancelled = limit.aborted || this.#closed !== undefined;
    void this.#discard(sandbox, isCancelled ? "cancelled" : failure);
    throwIfAborted(limit);
    this.#assertOpen();
    return false;
  }

  async #createDirectly(lifetimeSeconds: number, limit: AbortSignal): Promise<Sandbox> {
    const creation = this.#supply.create(lifetimeSeconds);
    try {
      return await raceAbort(this.#closing.signal, raceAbort(limit, creation.done));
    } catch (error) {
      // `close` cancels it itself, and waits until the sandbox is deleted.
      if (this.#closed === undefined) creation.cancel(error);
      void creation.done.then(
        (sandbox) => this.#discard(sandbox, "cancelled"),
        () => undefined,
      );
      throw error;
    }
  }

  #add(idle: Idle): void {
    if (this.#closed !== undefined) void this.#discard(idle.sandbox, "cancelled");
    else if (this.#waiting.resolveNext(idle)) return;
    else if (this.#idle.size >= this.#size) void this.#discard(idle.sandbox, "surplus");
    else {
      this.#idle.add(idle);
      this.#tellIfFull();
    }
  }

  #tellIfFull(): void {
    while (this.#idle.size >= this.#size && this.#waitingUntilFull.resolveNext(undefined));
  }

  #endWaiting(error: unknown): void {
    this.#waiting.rejectAll(error);
    this.#waitingUntilFull.rejectAll(error);
  }

  #checkAll(): void {
    for (const idle of this.#idle) {
      idle.check ??= this.#track(this.#check(idle)).finally(() => {
        idle.check = undefined;
      });
    }
  }

  /** Checks and renews an idle sandbox. Never rejects. */
  async #check(idle: Idle): Promise<void> {
    const { sandbox } = idle;
    const { signal } = this.#closing;
    const lifetimeMillis = this.#config.idleTimeoutSeconds * 1_000;
    let failure: DiscardReason | undefined;
    try {
      const now = performance.now();
      if (!(await this.#isHealthy(sandbox, signal))) failure = "unhealthy";
      // A caller that has acquired it meanwhile renews it, too.
      else if (idle.expiresAt - now < lifetimeMillis / 2 && this.#idle.has(idle)) {
        await sandbox.renew(this.#config.idleTimeoutSeconds, { signal });
        idle.expiresAt = now + lifetimeMillis;
        this.#emit({ type: "renewed", sandboxId: sandbox.id });
      }
    } catch (error) {
      if (signal.aborted) return;
      // If only the lifecycle server is out of reach, the sandbox still works. The next check tries again.
      if (isGone(error)) failure = "gone";
      else this.#emit({ type: "sandbox_error", sandboxId: sandbox.id, error });
    }
    if (failure === undefined || !this.#idle.delete(idle)) return;
    void this.#discard(sandbox, failure);
    this.#supply.fill();
  }

  async #isHealthy(sandbox: Sandbox, signal: AbortSignal): Promise<boolean> {
    const { create } = this.#config;
    const healthCheck = typeof create === "function" ? undefined : create.healthCheck;
    if (healthCheck === undefined) return await sandbox.isHealthy({ signal });
    try {
      return await withLimit({ seconds: HEALTHY_WITHIN_SECONDS, signal }, (limit) =>
        raceAbort(limit, callAsync(healthCheck, sandbox, { signal: limit })),
      );
    } catch {
      throwIfAborted(signal);
      return false;
    }
  }

  /** Kills a sandbox. Never rejects. */
  #discard(sandbox: Sandbox, reason: DiscardReason): Promise<void> {
    if (reason !== "used") this.#totals.discarded += 1;
    this.#emit({ type: "discarded", sandboxId: sandbox.id, reason });
    const ending = endSandbox(sandbox, this.#closing.signal).then((error) => {
      if (error !== undefined) this.#emit({ type: "sandbox_error", sandboxId: sandbox.id, error });
    });
    return this.#track(ending);
  }

  #track<Value>(work: Promise<Value>): Promise<Value> {
    const tracked = work.finally(() => this.#busy.delete(tracked));
    this.#busy.add(tracked);
    return tracked;
  }

  #emit(event: PoolEvent): void {
    const { onPoolEvent } = this.#config;
    // The pool has to go on, whatever its user's callback does. It may also be an async function.
    if (onPoolEvent !== undefined) callAsync(onPoolEvent, event).catch(() => undefined);
  }

  #assertOpen(): void {
    if (this.#closed !== undefined) throw new PoolClosedException();
  }
}
