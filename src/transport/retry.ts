import { SandboxApiException, SandboxConnectionException } from "../errors.js";
import type { Logger } from "../logging.js";
import type { RetryEvent, RetryPolicy } from "../retry-policy.js";
import { isRefusedByLoopback } from "./connection-failure.js";
import type { ServerKind } from "./endpoint.js";
import { describeFailure } from "./log.js";
import { isIdempotent } from "./request.js";
import { RETRYABLE_STATUSES } from "./response.js";

/** Beyond it, a server's `Retry-After` is not honoured: the next attempt comes after this time. */
const LONGEST_RETRY_AFTER_SECONDS = 60;

/** Which of the policy's rules a call is under. */
export type Replay =
  /** Those for its method. */
  | "by-method"
  /** Sent again only if the failure is known to precede sending. */
  | "if-not-sent"
  /** Sent once. */
  | "never";

/** What an attempt failed with, as far as a retry depends on it. */
export type RetryOutcome =
  | { readonly statusCode: number; readonly code: string; readonly retryAfterSeconds?: number | undefined }
  | {
      readonly isNotSent: boolean;
      /** Nothing listens at an address of this machine. */
      readonly isRefusedByLoopback?: boolean;
    };

/** Everything that a decision is made from. */
export interface RetryState {
  readonly method: string;
  readonly server: ServerKind;
  readonly replay: Replay;
  readonly outcome: RetryOutcome;
  /** How many retries there have been. */
  readonly retries: number;
  /** The wait before the last attempt; `undefined` before the first retry. */
  readonly previousWaitMillis: number | undefined;
  readonly elapsedMillis: number;
  /** From 0 up to 1. */
  readonly random: number;
}

/** Decides how long to wait before the request is sent again, in milliseconds; `undefined` if it is not. */
export function decideRetry(state: RetryState, policy: RetryPolicy): number | undefined {
  const { outcome, previousWaitMillis, random } = state;
  if (state.retries >= policy.maxRetries || !mayReplay(state, policy)) return undefined;
  // No lifecycle server runs here, which no wait changes. A sandbox may be starting.
  if (state.server === "lifecycle" && "isNotSent" in outcome && outcome.isRefusedByLoopback === true) {
    return undefined;
  }
  const { initialBackoffMillis, maxBackoffMillis, deadlineSeconds } = policy;
  const ceiling = (previousWaitMillis ?? initialBackoffMillis) * 3;
  const jittered = initialBackoffMillis + random * Math.max(0, ceiling - initialBackoffMillis);
  const asked = "statusCode" in outcome ? outcome.retryAfterSeconds : undefined;
  const waitMillis =
    asked === undefined
      ? Math.round(Math.min(maxBackoffMillis, jittered))
      : Math.min(asked, LONGEST_RETRY_AFTER_SECONDS) * 1_000;
  if (deadlineSeconds !== null && state.elapsedMillis + waitMillis > deadlineSeconds * 1_000)
    return undefined;
  return waitMillis;
}

/** Returns whether sending the request once more does no harm. */
export function mayReplay({ method, server, replay, outcome }: RetryState, policy: RetryPolicy): boolean {
  if (replay === "never") return false;
  if (!("statusCode" in outcome)) {
    return outcome.isNotSent || (replay === "by-method" && isIdempotent(method));
  }
  if (replay === "if-not-sent") return false;
  const { statusCode, code } = outcome;
  if (!isIdempotent(method)) return policy.retryablePostStatuses.includes(statusCode);
  // execd responds with 500 to bad arguments. Its codes are bare words; the lifecycle server's have a component in
  // front, as in `DOCKER::SANDBOX_NOT_FOUND`, and its crashes are only "Internal Server Error".
  if (statusCode === 500) {
    return server === "lifecycle" && (code === "UNEXPECTED_RESPONSE" || code.includes("::"));
  }
  return RETRYABLE_STATUSES.includes(statusCode);
}

/** Time and chance; tests bring their own. */
export interface Clock {
  /** In milliseconds, from any fixed point. */
  now(): number;
  random(): number;
  sleep(millis: number, signal: AbortSignal): Promise<void>;
}

/** Returns what a retry depends on in an error; `undefined` for errors after which there is none. */
export function outcomeOf(
  error: unknown,
  { url, retryAfterSeconds }: { readonly url: string; readonly retryAfterSeconds: number | undefined },
): RetryOutcome | undefined {
  if (error instanceof SandboxApiException) {
    return { statusCode: error.statusCode, code: error.error.code, retryAfterSeconds };
  }
  if (!(error instanceof SandboxConnectionException)) return undefined;
  return { isNotSent: error.isNotSent, isRefusedByLoopback: isRefusedByLoopback(error.cause, url) };
}

/** Tells the log and the policy's hook of a retry. */
export function reportRetry(
  event: RetryEvent,
  options: { readonly server: ServerKind; readonly policy: RetryPolicy; readonly logger: Logger | undefined },
): void {
  const { server, policy, logger } = options;
  const { method, path, attempt, waitMillis, error } = event;
  logger?.warn(
    `${server} ${method} ${path}: retry ${attempt} of ${policy.maxRetries} in ${waitMillis} ms, ` +
      `after ${describeFailure(error)}`,
  );
  const warn = (cause: unknown): void => logger?.warn(`retryPolicy.onRetry threw: ${String(cause)}`);
  try {
    const outcome: unknown = policy.onRetry?.(event);
    // It is not awaited; but the rejection of an async function would end the process.
    Promise.resolve(outcome).catch(warn);
  } catch (cause) {
    warn(cause);
  }
}
