import { InvalidArgumentException, type SandboxException } from "./errors.js";
import { checkOptions, shown } from "./arguments.js";

/** A retry, before the wait for it. */
export interface RetryEvent {
  /** The number of the retry, from 1. */
  readonly attempt: number;
  /** How long the wait before it is, in milliseconds. */
  readonly waitMillis: number;
  readonly method: string;
  /** Path and query, credentials hidden. */
  readonly path: string;
  /** What the attempt before failed with. */
  readonly error: SandboxException;
}

/** Options of {@link RetryPolicy}. */
export interface RetryPolicyOptions {
  /** How often a request is sent again, at most; 0 disables retries. @default 3 */
  readonly maxRetries?: number | undefined;
  /** The shortest wait before a retry, in milliseconds. @default 500 */
  readonly initialBackoffMillis?: number | undefined;
  /** The longest wait before a retry, in milliseconds; a server's `Retry-After` may ask for up to 60 s. @default 30000 */
  readonly maxBackoffMillis?: number | undefined;
  /** No retry begins later than this after the call did, in seconds; `0` or `null` disables. @default null */
  readonly deadlineSeconds?: number | null | undefined;
  /**
   * Statuses after which POST and PATCH are sent again too. With a status that does not prove that the server did
   * nothing, a request may take effect twice.
   * @default []
   */
  readonly retryablePostStatuses?: readonly number[] | undefined;
  /** Called before each wait, and not awaited. What it throws, or rejects with, is logged and changes nothing. */
  readonly onRetry?: ((event: RetryEvent) => void) | undefined;
}

/**
 * When, and how often, a failed request is sent again.
 *
 * GET, HEAD, PUT and DELETE are retried after a failed connection and after 408, 425, 429, 502, 503 and 504 (from the
 * lifecycle server after 500 too). POST and PATCH are retried only if the failure is known to precede sending: DNS,
 * connecting, TLS. Runs are never sent again once they may have been sent, nor are bodies that can be read only once.
 * A connection that is refused at a loopback address is not retried: nothing listens there.
 * Waits grow with decorrelated jitter; a `Retry-After` of the server is honoured up to 60 s.
 *
 * @example
 * ```ts
 * new ConnectionConfig({ retryPolicy: { maxRetries: 5, onRetry: ({ attempt, path }) => console.warn(attempt, path) } });
 * new ConnectionConfig({ retryPolicy: RetryPolicy.disabled });
 * ```
 */
export class RetryPolicy {
  /** Sends every request once. */
  static readonly disabled: RetryPolicy = new RetryPolicy({ maxRetries: 0 });

  readonly maxRetries: number;
  readonly initialBackoffMillis: number;
  readonly maxBackoffMillis: number;
  readonly deadlineSeconds: number | null;
  readonly retryablePostStatuses: readonly number[];
  /** As in {@link RetryPolicyOptions}. */
  readonly onRetry: ((event: RetryEvent) => void) | undefined;

  /** @throws {InvalidArgumentException} if a number is negative or not finite, or a status is not an error status */
  constructor(options: RetryPolicyOptions = {}) {
    const {
      maxRetries = 3,
      initialBackoffMillis = 500,
      deadlineSeconds = null,
      retryablePostStatuses = [],
      onRetry,
    } = checkOptions(options, "retryPolicy");
    assertAmount("maxRetries", maxRetries);
    if (!Number.isInteger(maxRetries)) refuse("maxRetries", "must be a whole number", maxRetries);
    assertAmount("initialBackoffMillis", initialBackoffMillis);
    const { maxBackoffMillis = Math.max(30_000, initialBackoffMillis) } = options;
    assertAmount("maxBackoffMillis", maxBackoffMillis);
    if (maxBackoffMillis < initialBackoffMillis) {
      refuse("maxBackoffMillis", "must not be below initialBackoffMillis", maxBackoffMillis);
    }
    if (deadlineSeconds !== null) assertAmount("deadlineSeconds", deadlineSeconds);
    if (onRetry !== undefined && typeof onRetry !== "function") {
      refuse("onRetry", "must be a function", onRetry);
    }
    this.maxRetries = maxRetries;
    this.initialBackoffMillis = initialBackoffMillis;
    this.maxBackoffMillis = maxBackoffMillis;
    this.deadlineSeconds = deadlineSeconds === 0 ? null : deadlineSeconds;
    this.retryablePostStatuses = Object.freeze(readStatuses(retryablePostStatuses));
    this.onRetry = onRetry;
    Object.freeze(this);
  }
}

function assertAmount(name: string, value: unknown): asserts value is number {
  if (typeof value !== "number" || !Number.isFinite(value) || value < 0) {
    refuse(name, "must be a finite number that is not negative", value);
  }
}

function readStatuses(value: unknown): number[] {
  if (!Array.isArray(value)) return refuse("retryablePostStatuses", "must be an array", typeof value);
  return value.map((status: unknown) =>
    typeof status === "number" && Number.isInteger(status) && status >= 400 && status <= 599
      ? status
      : refuse("retryablePostStatuses", "must hold error statuses, 400 to 599", status),
  );
}

function refuse(name: string, rule: string, value: unknown): never {
  throw new InvalidArgumentException(`retryPolicy.${name} ${rule}; got ${shown(value)}.`);
}
