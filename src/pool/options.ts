import { assertFunction, assertInteger, assertOneOf, assertSeconds, checkOptions } from "../arguments.js";
import {
  InvalidArgumentException,
  type CallOptions,
  type Sandbox,
  type SandboxCreateOptions,
} from "../index.js";
import type { PoolEvent } from "./events.js";

/** The shortest lifetime that servers accept, in seconds. */
const SHORTEST_LIFETIME_SECONDS = 60;
const DEFAULT_LIFETIME_SECONDS = 600;

/**
 * What `acquire` does if no sandbox is idle. `direct-create` creates one for the call, `wait` waits for the pool's next
 * one, and `fail-fast` throws `POOL_EMPTY`.
 */
export type AcquirePolicy = "direct-create" | "wait" | "fail-fast";

/**
 * Creates a sandbox for a pool. Pass the options on to `Sandbox.create`: they have the lifetime, the signal that ends the
 * creation when the pool is closed, and `onProgress`.
 */
export type PoolSandboxFactory = (
  options: Pick<SandboxCreateOptions, "timeoutSeconds" | "killOnDispose" | "signal" | "onProgress">,
) => Promise<Sandbox>;

/** Options of {@link SandboxPool.create}. */
export interface SandboxPoolOptions {
  /** How many idle sandboxes the pool keeps; 0 keeps none. @default 1 */
  readonly size?: number | undefined;
  /**
   * How to create a sandbox: the options of `Sandbox.create`, or a function. `timeoutSeconds` is the lifetime after the
   * sandbox was acquired, and cannot be `null`. `healthCheck` is also used for idle sandboxes. `killOnDispose` is `true` by
   * default.
   * @default the options of `Sandbox.create` by default
   */
  readonly create?: SandboxCreateOptions | PoolSandboxFactory | undefined;
  /**
   * Prepares each sandbox before it is used, for example starts an interpreter and loads packages. If it fails, the sandbox
   * is killed and another one is created.
   */
  readonly prepare?: ((sandbox: Sandbox, options: { readonly signal: AbortSignal }) => unknown) | undefined;
  /** The time limit of `prepare` in seconds. @default 60 */
  readonly prepareTimeoutSeconds?: number | undefined;
  /** What `acquire` does if no sandbox is idle. @default "direct-create" */
  readonly policy?: AcquirePolicy | undefined;
  /** How long `acquire` takes at most, in seconds. @default 60 */
  readonly acquireTimeoutSeconds?: number | undefined;
  /**
   * After how many seconds a sandbox expires that the pool no longer renews, at least 60. It bounds how long idle sandboxes
   * outlive a process that was killed.
   * @default 600
   */
  readonly idleTimeoutSeconds?: number | undefined;
  /** How often idle sandboxes are checked, in seconds. @default 30 */
  readonly healthCheckIntervalSeconds?: number | undefined;
  /** How many sandboxes are created at the same time for the pool. @default 4 */
  readonly concurrency?: number | undefined;
  /** The pause after a failed creation, in milliseconds. It doubles with each further failure. @default 1000 */
  readonly initialBackoffMillis?: number | undefined;
  /** The longest pause after a failed creation, in milliseconds. A server's `Retry-After` can be longer. @default 60000 */
  readonly maxBackoffMillis?: number | undefined;
  /** How long `close` waits for creations whose sandbox is not known yet, in seconds. @default 30 */
  readonly drainTimeoutSeconds?: number | undefined;
  /** Called for each event, and not awaited. Its errors have no effect. */
  readonly onPoolEvent?: ((event: PoolEvent) => void) | undefined;
}

/** Options of {@link SandboxPool.acquire} and {@link SandboxPool.use}. */
export interface AcquireOptions extends CallOptions {
  /** How long to wait for a sandbox, in seconds. @default the pool's `acquireTimeoutSeconds` */
  readonly timeoutSeconds?: number | undefined;
  /** The sandbox's lifetime from now, in seconds, at least 60. @default `create.timeoutSeconds`, else 600 */
  readonly sandboxTimeoutSeconds?: number | undefined;
  /** What to do if no sandbox is idle. @default the pool's `policy` */
  readonly policy?: AcquirePolicy | undefined;
}

/** {@link SandboxPoolOptions}, checked and with defaults. */
export interface PoolConfig {
  readonly size: number;
  readonly create: SandboxCreateOptions | PoolSandboxFactory;
  readonly prepare: SandboxPoolOptions["prepare"];
  readonly prepareTimeoutSeconds: number;
  readonly policy: AcquirePolicy;
  readonly acquireTimeoutSeconds: number;
  readonly sandboxTimeoutSeconds: number;
  readonly idleTimeoutSeconds: number;
  readonly healthCheckIntervalSeconds: number;
  readonly concurrency: number;
  readonly initialBackoffMillis: number;
  readonly maxBackoffMillis: number;
  readonly drainTimeoutSeconds: number;
  readonly onPoolEvent: SandboxPoolOptions["onPoolEvent"];
}

/** @throws {InvalidArgumentException} if an option is invalid */
export function resolvePoolOptions(options: SandboxPoolOptions): PoolConfig {
  const {
    size = 1,
    create = {},
    prepare,
    prepareTimeoutSeconds = 60,
    policy = "direct-create",
    acquireTimeoutSeconds = 60,
    idleTimeoutSeconds = DEFAULT_LIFETIME_SECONDS,
    healthCheckIntervalSeconds = 30,
    concurrency = 4,
    initialBackoffMillis = 1_000,
    maxBackoffMillis = 60_000,
    drainTimeoutSeconds = 30,
    onPoolEvent,
  } = checkOptions(options);
  assertSize(size);
  const own = typeof create === "function" ? {} : checkOptions(create, "create");
  if (own.timeoutSeconds === null) {
    throw new InvalidArgumentException("create.timeoutSeconds must be a number: a pool's sandboxes expire.");
  }
  if (own.signal !== undefined) {
    throw new InvalidArgumentException("create.signal must not be set: close() ends the pool's creations.");
  }
  const sandboxTimeoutSeconds = own.timeoutSeconds ?? DEFAULT_LIFETIME_SECONDS;
  assertLifetime(sandboxTimeoutSeconds, "create.timeoutSeconds");
  assertFunction(prepare, "prepare");
  assertSeconds(prepareTimeoutSeconds, "prepareTimeoutSeconds");
  assertPolicy(policy);
  assertSeconds(acquireTimeoutSeconds, "acquireTimeoutSeconds");
  assertLifetime(idleTimeoutSeconds, "idleTimeoutSeconds");
  assertSeconds(healthCheckIntervalSeconds, "healthCheckIntervalSeconds");
  assertInteger(concurrency, "concurrency", 1);
  assertInteger(initialBackoffMillis, "initialBackoffMillis", 1);
  assertInteger(maxBackoffMillis, "maxBackoffMillis", initialBackoffMillis);
  assertSeconds(drainTimeoutSeconds, "drainTimeoutSeconds");
  assertFunction(onPoolEvent, "onPoolEvent");
  return {
    size,
    create,
    prepare,
    prepareTimeoutSeconds,
    policy,
    acquireTimeoutSeconds,
    sandboxTimeoutSeconds,
    idleTimeoutSeconds,
    // Idle sandboxes are renewed at half of their lifetime, at a check.
    healthCheckIntervalSeconds: Math.min(healthCheckIntervalSeconds, idleTimeoutSeconds / 4),
    concurrency,
    initialBackoffMillis,
    maxBackoffMillis,
    drainTimeoutSeconds,
    onPoolEvent,
  };
}

/** {@link AcquireOptions}, checked and with the pool's defaults. */
export interface AcquireConfig {
  readonly signal: AbortSignal | undefined;
  readonly timeoutSeconds: number;
  readonly sandboxTimeoutSeconds: number;
  readonly policy: AcquirePolicy;
}

/** @throws {InvalidArgumentException} if an option is invalid */
export function resolveAcquireOptions(options: AcquireOptions, config: PoolConfig): AcquireConfig {
  const {
    signal,
    timeoutSeconds = config.acquireTimeoutSeconds,
    sandboxTimeoutSeconds = config.sandboxTimeoutSeconds,
    policy = config.policy,
  } = checkOptions(options);
  assertSeconds(timeoutSeconds, "timeoutSeconds");
  assertLifetime(sandboxTimeoutSeconds, "sandboxTimeoutSeconds");
  assertPolicy(policy);
  return { signal, timeoutSeconds, sandboxTimeoutSeconds, policy };
}

export function assertSize(size: number): void {
  assertInteger(size, "size", 0);
}

function assertLifetime(seconds: number, name: string): void {
  assertInteger(seconds, name, SHORTEST_LIFETIME_SECONDS);
}

function assertPolicy(policy: AcquirePolicy): void {
  assertOneOf(policy, "policy", ["direct-create", "wait", "fail-fast"]);
}
