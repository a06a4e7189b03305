import {
  isSandboxException,
  SandboxApiException,
  SandboxConnectionException,
  SandboxRateLimitException,
  type Sandbox,
} from "../index.js";
import { raceAbort, withLimit } from "../transport/abort.js";
import { Creation, UNREACHABLE_SECONDS } from "./creation.js";
import type { PoolEvent } from "./events.js";
import type { PoolConfig } from "./options.js";

/** Statuses that another attempt does not change: bad options, bad credentials, an unknown image or pool. */
const FINAL_STATUSES: readonly number[] = [400, 401, 403, 404, 422, 501];

/** What a {@link Supply} needs of its pool. */
interface Demand {
  /** How many sandboxes the pool lacks. Those that are being created still count as lacking. */
  missing(): number;
  /** Takes a new sandbox. `expiresAt` is in milliseconds by `performance.now()`. */
  add(sandbox: Sandbox, expiresAt: number): void;
  /** Is told of an error after which another attempt cannot help. */
  fail(error: unknown): void;
  emit(event: PoolEvent): void;
}

/** Creates the sandboxes of a pool: several at a time, and ever more slowly while creations fail. */
export class Supply {
  readonly #config: PoolConfig;
  readonly #demand: Demand;
  readonly #creations = new Set<Creation>();
  /** How many of the creations are for the pool, not for a caller. */
  #filling = 0;
  #backoffTimer: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;
  /** See {@link PoolStats}. */
  readonly stats = {
    created: 0,
    createFailures: 0,
    consecutiveFailures: 0,
    lastError: undefined as unknown,
  };

  constructor(config: PoolConfig, demand: Demand) {
    this.#config = config;
    this.#demand = demand;
  }

  /** How many sandboxes are being created. */
  get creating(): number {
    return this.#creations.size;
  }

  /** Starts as many creations for the pool as are missing and allowed. */
  fill(): void {
    if (this.#isClosed || this.#backoffTimer !== undefined) return;
    // After a failure, one attempt at a time.
    const allowed = this.stats.consecutiveFailures === 0 ? this.#config.concurrency : 1;
    while (this.#filling < allowed && this.#filling < this.#demand.missing()) void this.#addOne();
  }

  /** Starts to create a sandbox. The caller of this method takes it. */
  create(lifetimeSeconds: number): Creation {
    const startedAt = performance.now();
    const creation = new Creation(this.#config, lifetimeSeconds);
    this.#creations.add(creation);
    void creation.done.then(
      ({ id }) => {
        this.#creations.delete(creation);
        this.stats.created += 1;
        this.stats.consecutiveFailures = 0;
        this.stats.lastError = undefined;
        const durationMillis = performance.now() - startedAt;
        this.#demand.emit({ type: "created", sandboxId: id, durationMillis });
      },
      (error: unknown) => {
        this.#creations.delete(creation);
        if (!creation.isCancelled) this.#backOff(error);
      },
    );
    return creation;
  }

  /**
   * Cancels all creations. A request that the server is processing cannot be taken back: this waits until the ids of the
   * sandboxes are known, and deletes them.
   */
  async close(reason: unknown): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#backoffTimer);
    const creations = [...this.#creations];
    const idsKnown = Promise.all(creations.map((creation) => creation.idKnown));
    const { drainTimeoutSeconds } = this.#config;
    // Then the creations have hardly reached the server either.
    const isUnreachable = this.stats.lastError instanceof SandboxConnectionException;
    const seconds = isUnreachable ? Math.min(drainTimeoutSeconds, UNREACHABLE_SECONDS) : drainTimeoutSeconds;
    await withLimit({ seconds }, (limit) => raceAbort(limit, idsKnown)).catch(() => undefined);
    await Promise.all(creations.map((creation) => creation.cancelAndDelete(reason)));
  }

  async #addOne(): Promise<void> {
    this.#filling += 1;
    const { idleTimeoutSeconds } = this.#config;
    // Taken before the request, since the server counts from the creation.
    const expiresAt = performance.now() + idleTimeoutSeconds * 1_000;
    try {
      const sandbox = await this.create(idleTimeoutSeconds).done;
      this.#filling -= 1;
      this.#demand.add(sandbox, expiresAt);
    } catch {
      this.#filling -= 1;
    }
    this.fill();
  }

  #backOff(error: unknown): void {
    const { stats } = this;
    const { initialBackoffMillis, maxBackoffMillis } = this.#config;
    const grown = Math.min(initialBackoffMillis * 2 ** stats.consecutiveFailures, maxBackoffMillis);
    const asked = error instanceof SandboxRateLimitException ? (error.retryAfterSeconds ?? 0) * 1_000 : 0;
    const retryInMillis = Math.max(grown, asked);
    stats.createFailures += 1;
    stats.consecutiveFailures += 1;
    stats.lastError = error;
    if (!this.#isClosed) this.#pause(retryInMillis);
    this.#demand.emit({ type: "create_failed", error, retryInMillis });
    if (isFinal(error)) this.#demand.fail(error);
  }

  #pause(millis: number): void {
    clearTimeout(this.#backoffTimer);
    this.#backoffTimer = setTimeout(() => {
      this.#backoffTimer = undefined;
      this.fill();
    }, millis);
    unref(this.#backoffTimer);
  }
}

function isFinal(error: unknown): boolean {
  if (error instanceof SandboxApiException) return FINAL_STATUSES.includes(error.statusCode);
  return isSandboxException(error) && error.code === "INVALID_ARGUMENT";
}

/** Lets the process end although a timer runs. A timer is a number in browsers. */
export function unref(timer: { unref?: () => void } | number): void {
  if (typeof timer === "object") timer.unref?.();
}
