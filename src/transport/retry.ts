import { checkOptions, shown } from "../arguments.js";
import {
  InvalidArgumentException,
  SandboxApiException,
  SandboxConnectionException,
  SandboxException,
} from "../errors.js";
import { redactUrl, type Logger } from "../logging.js";
import { sleep } from "./abort.js";
import { isNotSent } from "./connection-failure.js";
import { bodyOf, isIdempotent, pathOf, type Fetch } from "./request.js";
import { retryAfterSecondsOf } from "./response.js";

/** Beyond it, a server's `Retry-After` is not waited for: the next attempt comes after this time. */
const LONGEST_RETRY_AFTER_SECONDS = 60;
const RETRYABLE_STATUSES: readonly number[] = [408, 425, 429, 502, 503, 504];

/** A retry that is about to be waited for. */
export interface RetryEvent {
  /** Which retry it is, from 1. */
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
   * Statuses after which POST and PATCH are sent again too. Only those that prove that the server did nothing (429,
   * 503 of some) keep a request from taking effect twice.
   * @default []
   */
  readonly retryablePostStatuses?: readonly number[] | undefined;
  /** Called before each wait, which does not wait for it. What it throws, or rejects with, is logged, and changes nothing. */
  readonly onRetry?: ((event: RetryEvent) => void) | undefined;
}

/**
 * When, and how often, a failed request is sent again.
 *
 * GET, HEAD, PUT and DELETE are, after a failed connection and after 408, 425, 429, 502, 503 and 504 (from the
 * lifecycle server after 500 too). POST and PATCH are only where the failure is known to precede sending: DNS,
 * connecting, TLS. Streams are never sent again once they may have been sent, nor are bodies that can be read once.
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

  /** @throws {InvalidArgumentException} for a negative or non-finite number, or a status that is none */
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

/** Which of the policy's rules a call is under. */
export type Replay =
  /** Those for its method. */
  | "by-method"
  /** Sent again only where the failure is known to precede sending. */
  | "if-not-sent"
  /** Sent once. */
  | "never";

/** Everything a decision is made from. */
export interface RetryFacts {
  readonly method: string;
  readonly server: "lifecycle" | "execd" | "egress";
  readonly replay: Replay;
  readonly outcome:
    | { readonly statusCode: number; readonly code: string; readonly retryAfterSeconds?: number | undefined }
    | { readonly isNotSent: boolean };
  /** How many retries there have been. */
  readonly retries: number;
  /** The wait before the last attempt; `undefined` before the first retry. */
  readonly previousWaitMillis: number | undefined;
  readonly elapsedMillis: number;
  /** From 0 up to 1. */
  readonly random: number;
}

/** How long to wait before the request is sent again, in milliseconds; `undefined` = not at all. */
export function decideRetry(facts: RetryFacts, policy: RetryPolicy): number | undefined {
  if (facts.retries >= policy.maxRetries || !mayReplay(facts, policy)) return undefined;
  const { outcome, previousWaitMillis, random } = facts;
  const { initialBackoffMillis, maxBackoffMillis, deadlineSeconds } = policy;
  const ceiling = (previousWaitMillis ?? initialBackoffMillis) * 3;
  const jittered = initialBackoffMillis + random * Math.max(0, ceiling - initialBackoffMillis);
  const asked = "statusCode" in outcome ? outcome.retryAfterSeconds : undefined;
  const waitMillis =
    asked === undefined
      ? Math.round(Math.min(maxBackoffMillis, jittered))
      : Math.min(asked, LONGEST_RETRY_AFTER_SECONDS) * 1_000;
  if (deadlineSeconds !== null && facts.elapsedMillis + waitMillis > deadlineSeconds * 1_000)
    return undefined;
  return waitMillis;
}

function mayReplay({ method, server, replay, outcome }: RetryFacts, policy: RetryPolicy): boolean {
  if (replay === "never") return false;
  if (!("statusCode" in outcome)) {
    return outcome.isNotSent || (replay === "by-method" && isIdempotent(method));
  }
  if (replay === "if-not-sent") return false;
  const { statusCode, code } = outcome;
  if (!isIdempotent(method)) return policy.retryablePostStatuses.includes(statusCode);
  // execd answers 500 to bad arguments. Its codes are bare words; the lifecycle server's have a component in front,
  // as in `DOCKER::SANDBOX_NOT_FOUND`, and its crashes say nothing but "Internal Server Error".
  if (statusCode === 500)
    return server === "lifecycle" && (code === "UNEXPECTED_RESPONSE" || code.includes("::"));
  return RETRYABLE_STATUSES.includes(statusCode);
}

/** Time and chance; tests bring their own. */
export interface Clock {
  /** In milliseconds, from any fixed point. */
  now(): number;
  random(): number;
  sleep(millis: number, signal: AbortSignal): Promise<void>;
}

export const systemClock: Clock = { now: () => performance.now(), random: () => Math.random(), sleep };

/** What {@link withRetry} needs to know about a call. */
export interface RetryOptions {
  readonly policy: RetryPolicy;
  readonly server: RetryFacts["server"];
  readonly replay: Replay;
  /** The call's own signal: it ends waits, and what it ended is not retried. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly logger?: Logger | undefined;
  /** As the policy's hook, for this call. */
  readonly onRetry?: ((event: RetryEvent) => void) | undefined;
}

/** Sends a request again as the policy says. Failures of `next` are exceptions already, its answers successes. */
export function withRetry(next: Fetch, options: RetryOptions): Fetch {
  const { policy, server, replay, signal, clock, logger } = options;
  return async (request) => {
    const { method } = request;
    const startedAt = clock.now();
    let previousWaitMillis: number | undefined;
    for (let retries = 0; ; retries += 1) {
      try {
        return await next(request);
      } catch (error) {
        // Whoever has given up wants to know about that, even if another failure came first.
        signal.throwIfAborted();
        const outcome = outcomeOf(error);
        if (outcome === undefined) throw error;
        const waitMillis = decideRetry(
          {
            method,
            server,
            replay: bodyOf(request).isReplayable ? replay : "never",
            outcome: outcome.facts,
            retries,
            previousWaitMillis,
            elapsedMillis: clock.now() - startedAt,
            random: clock.random(),
          },
          policy,
        );
        if (waitMillis === undefined) throw error;
        const path = redactUrl(pathOf(request));
        const event = { attempt: retries + 1, waitMillis, method, path, error: outcome.error };
        logger?.warn(
          `${server} ${method} ${path}: retry ${event.attempt} of ${policy.maxRetries} in ${waitMillis} ms, ` +
            `after ${describeFailure(outcome.error)}`,
        );
        options.onRetry?.(event);
        callHook(policy, event, logger);
        previousWaitMillis = waitMillis;
        await clock.sleep(waitMillis, signal);
      }
    }
  };
}

/** A failure for the log. What a server said stays out: it may repeat what it was sent. */
export function describeFailure(error: unknown): string {
  if (error instanceof SandboxApiException) return `status ${error.statusCode} (${error.error.code})`;
  return error instanceof SandboxException ? `${error.error.code}: ${error.message}` : "an abort";
}

function outcomeOf(
  error: unknown,
): { readonly error: SandboxException; readonly facts: RetryFacts["outcome"] } | undefined {
  if (error instanceof SandboxApiException) {
    const {
      statusCode,
      error: { code },
    } = error;
    return { error, facts: { statusCode, code, retryAfterSeconds: retryAfterSecondsOf(error) } };
  }
  if (error instanceof SandboxConnectionException) return { error, facts: { isNotSent: isNotSent(error) } };
  return undefined;
}

function callHook(policy: RetryPolicy, event: RetryEvent, logger: Logger | undefined): void {
  const report = (error: unknown): void => logger?.warn(`retryPolicy.onRetry threw: ${String(error)}`);
  try {
    const outcome: unknown = policy.onRetry?.(event);
    // It is not waited for; but the rejection of an async function would end the process.
    Promise.resolve(outcome).catch(report);
  } catch (error) {
    report(error);
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
  throw new InvalidArgumentException(`retryPolicy.${name} ${rule}, not ${shown(value)}.`);
}
