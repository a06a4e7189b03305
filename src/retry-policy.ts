import { assertFunction, assertInteger, assertList, checkOptions, refuse } from "./arguments.js";
import type { SandboxException } from "./errors.js";

/** Describes a retry. It is passed to {@link RetryPolicyOptions.onRetry} before the wait. */
export interface RetryEvent {
  /** The number of the retry, from 1. */
  readonly attempt: number;
  /** The wait before the retry, in milliseconds. */
  readonly waitMillis: number;
  readonly method: string;
  /** The path and query, with credentials hidden. */
  readonly path: string;
  /** The error of the previous attempt. */
  readonly error: SandboxException;
}

/** Options of {@link RetryPolicy}. */
export interface RetryPolicyOptions {
  /** The maximum number of retries of a request; 0 disables retries. @default 3 */
  readonly maxRetries?: number | undefined;
  /** The shortest wait before a retry, in milliseconds. @default 500 */
  readonly initialBackoffMillis?: number | undefined;
  /** The longest wait before a retry, in milliseconds; a server's `Retry-After` may ask for up to 60 s. @default 30000 */
  readonly maxBackoffMillis?: number | undefined;
  /** The time after the start of the call when retries end, in seconds; `0` or `null` means no limit. @default null */
  readonly deadlineSeconds?: number | null | undefined;
  /**
   * Statuses after which POST and PATCH requests are also retried. If the server may have processed a request in spite of
   * the status, the request can take effect twice.
   * @default []
   */
  readonly retryablePostStatuses?: readonly number[] | undefined;
  /** Called before each wait, and not awaited. Its errors are logged and have no other effect. */
  readonly onRetry?: ((event: RetryEvent) => void) | undefined;
}

/**
 * Determines whether and when a failed request is retried.
 *
 * GET, HEAD, PUT and DELETE are retried after a failed connection and after 408, 425, 429, 502, 503 and 504 (and 500 from
 * the lifecycle server). POST and PATCH are retried only if it is certain that nothing was sent: the failure was in DNS,
 * connecting or TLS. Runs are never sent twice, nor are bodies that can be read only once. A connection that is refused at
 * a loopback address is not retried, since nothing listens there; neither is a response that says that the server does not
 * support something. Waits grow with decorrelated jitter. A `Retry-After`
 * header is honored up to 60 s.
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
  /** See {@link RetryPolicyOptions}. */
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
    assertInteger(maxRetries, "retryPolicy.maxRetries");
    assertAmount("initialBackoffMillis", initialBackoffMillis);
    const { maxBackoffMillis = Math.max(30_000, initialBackoffMillis) } = options;
    assertAmount("maxBackoffMillis", maxBackoffMillis, initialBackoffMillis);
    if (deadlineSeconds !== null) assertAmount("deadlineSeconds", deadlineSeconds);
    assertFunction(onRetry, "retryPolicy.onRetry");
    assertList(retryablePostStatuses, "retryPolicy.retryablePostStatuses");
    for (const status of retryablePostStatuses) {
      if (status < 400 || status > 599 || !Number.isInteger(status)) {
        refuse("retryPolicy.retryablePostStatuses", "a list of error statuses, 400 to 599", status);
      }
    }
    this.maxRetries = maxRetries;
    this.initialBackoffMillis = initialBackoffMillis;
    this.maxBackoffMillis = maxBackoffMillis;
    this.deadlineSeconds = deadlineSeconds === 0 ? null : deadlineSeconds;
    this.retryablePostStatuses = Object.freeze([...retryablePostStatuses]);
    this.onRetry = onRetry;
    Object.freeze(this);
  }
}

function assertAmount(name: string, value: unknown, minimum = 0): asserts value is number {
  if (typeof value !== "number" || !Number.isFinite(value) || value < minimum) {
    refuse(`retryPolicy.${name}`, `a finite number of at least ${minimum}`, value);
  }
}
