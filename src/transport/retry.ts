import { SandboxApiException, SandboxConnectionException } from "../errors.js";
import type { Logger } from "../logging.js";
import type { RetryEvent, RetryPolicy } from "../retry-policy.js";
import { isRefusedByLoopback } from "./connection-failure.js";
import type { ServerKind } from "./endpoint.js";
import { describeFailure } from "./log.js";
import { isIdempotent } from "./request.js";
import { RETRYABLE_STATUSES } from "./response.js";

/** The longest wait that a server can ask for with `Retry-After`. */
const LONGEST_RETRY_AFTER_SECONDS = 60;

/** Determines when a request may be sent again. */
export type Replay =
  /** According to its method. */
  | "by-method"
  /** Only if it is certain that the request was not sent. */
  | "if-not-sent"
  /** Never. */
  | "never";

/** The parts of a failure on which a retry depends. */
export type RetryOutcome =
  | { readonly statusCode: number; readonly code: string; readonly retryAfterSeconds?: number | undefined }
  | {
      readonly isNotSent: boolean;
      /** Whether nothing listens at this address of the local machine. */
      readonly isRefusedByLoopback?: boolean;
    };

/** The input of {@link decideRetry}. */
export interface RetryState {
  readonly method: string;
  readonly server: ServerKind;
  readonly replay: Replay;
  readonly outcome: RetryOutcome;
  /** The number of retries so far. */
  readonly retries: number;
  /** The wait before the last attempt; `undefined` before the first retry. */
  readonly previousWaitMillis: number | undefined;
  readonly elapsedMillis: number;
  /** From 0 to 1, exclusive. */
  readonly random: number;
}

/** Returns how long to wait before the request is sent again, in milliseconds; `undefined` if it must not be sent again. */
export function decideRetry(state: RetryState, policy: RetryPolicy): number | undefined {
  const { outcome, previousWaitMillis, random } = state;
  if (state.retries >= policy.maxRetries || !mayReplay(state, policy)) return undefined;
  // No lifecycle server runs on this machine, and waiting does not change that. A sandbox may still be starting.
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

/** Returns whether it is safe to send the request again. */
export function mayReplay({ method, server, replay, outcome }: RetryState, policy: RetryPolicy): boolean {
  if (replay === "never") return false;
  if (!("statusCode" in outcome)) {
    return outcome.isNotSent || (replay === "by-method" && isIdempotent(method));
  }
  if (replay === "if-not-sent") return false;
  const { statusCode, code } = outcome;
  if (!isIdempotent(method)) return policy.retryablePostStatuses.includes(statusCode);
  // execd responds with 500 to invalid arguments, with a code that is a single word. The codes of the lifecycle server have
  // a prefix, as in `DOCKER::SANDBOX_NOT_FOUND`. If it crashes, it sends "Internal Server Error" without a code.
  if (statusCode === 500) {
    return server === "lifecycle" && (code === "UNEXPECTED_RESPONSE" || code.includes("::"));
  }
  return RETRYABLE_STATUSES.includes(statusCode);
}

/** The source of time and random numbers. Tests replace it. */
export interface Clock {
  /** Returns the time in milliseconds since any fixed moment. */
  now(): number;
  /** Returns a number from 0 to 1, exclusive. */
  random(): number;
  sleep(millis: number, signal: AbortSignal): Promise<void>;
}

/** Returns the parts of an error on which a retry depends; `undefined` for errors that are never retried. */
export function outcomeOf(
  error: unknown,
  { url, retryAfterSeconds }: { readonly url: string; readonly retryAfterSeconds: number | undefined },
): RetryOutcome | undefined {
  if (error instanceof SandboxApiException) {
    if (isUnsupported(error, url)) return undefined;
    return { statusCode: error.statusCode, code: error.error.code, retryAfterSeconds };
  }
  if (!(error instanceof SandboxConnectionException)) return undefined;
  return { isNotSent: error.isNotSent, isRefusedByLoopback: isRefusedByLoopback(error.cause, url) };
}

/** Returns whether a 503 of execd is not an outage but says that the sandbox cannot do something, which waiting does not change. */
function isUnsupported({ statusCode, code }: SandboxApiException, url: string): boolean {
  // A gateway may send the second code during an outage.
  return (
    statusCode === 503 &&
    (code === "NOT_SUPPORTED" || (code === "SERVICE_UNAVAILABLE" && url.includes("/v1/isolated/")))
  );
}

/** Reports a retry to the logger and to the `onRetry` function of the policy. */
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
    // Not awaited. Without a handler, the rejection of an async function would end the process.
    Promise.resolve(outcome).catch(warn);
  } catch (cause) {
    warn(cause);
  }
}

/**
 * Sends a deletion. Succeeds if what is to be deleted is gone because an earlier attempt may have deleted it.
 *
 * @param send sends the request, with this function as its `onRetry`
 * @param mayBeGone whether an attempt of an earlier call may have deleted it
 */
export async function deleteOnce(
  send: (onRetry: (event: RetryEvent) => void) => Promise<unknown>,
  isGone: (error: unknown) => boolean,
  mayBeGone = false,
): Promise<void> {
  try {
    await send(({ error }) => {
      mayBeGone ||= !(error instanceof SandboxConnectionException && error.isNotSent);
    });
  } catch (error) {
    if (!(mayBeGone && isGone(error))) throw error;
  }
}
