import type { ConnectionConfig } from "../connection.js";
import {
  SandboxApiException,
  SandboxException,
  SandboxReadyTimeoutException,
  SandboxUnhealthyException,
} from "../errors.js";
import { onAbort, raceAbort, sleep, throwIfAborted, withLimit } from "../transport/abort.js";
import { DEFAULT_READY_TIMEOUT_SECONDS, type ReadyOptions } from "./create-options.js";
import { isGone, type Lifecycle } from "./lifecycle.js";

const DEFAULT_POLLING_INTERVAL_MILLIS = 200;
/** The interval between requests for the sandbox's state while a check is pending, in milliseconds. */
const STATE_INTERVAL_MILLIS = 1_000;

/** What {@link waitUntilReady} needs to know about a sandbox. */
export interface ReadinessSource<Found = unknown> {
  readonly sandboxId: string;
  readonly config: ConnectionConfig;
  /** Checks the sandbox once. Throwing and `false` both mean that it is not ready yet. */
  check(signal: AbortSignal): Promise<Found | false>;
  /** Requests the sandbox's state, to detect that it can no longer become ready. */
  readonly lifecycle: Pick<Lifecycle, "get">;
}

/** Final states. */
const FINAL_STATES: ReadonlySet<string> = new Set(["failed", "terminated"]);

/** The error of the last completed check, with `undefined` for `false`; `undefined` itself if no check completed. */
type Outcome = { readonly error: unknown } | undefined;

/**
 * Checks a sandbox repeatedly until it is ready.
 *
 * The wait ends early if the sandbox cannot become ready: missing or wrong credentials, or a sandbox that is gone, failed or terminated. The
 * lifecycle server is asked only after a failed check and while one takes long, so that a ready sandbox costs one
 * request.
 *
 * @param startedAt the start of the time limit, by `performance.now()`
 */
export async function waitUntilReady<Found>(
  source: ReadinessSource<Found>,
  options: ReadyOptions,
  startedAt = performance.now(),
): Promise<Found> {
  const {
    readyTimeoutSeconds: timeoutSeconds = DEFAULT_READY_TIMEOUT_SECONDS,
    healthCheckPollingIntervalMillis: pollingIntervalMillis = DEFAULT_POLLING_INTERVAL_MILLIS,
    signal,
  } = options;
  throwIfAborted(signal);
  // At least a millisecond, since 0 disables the timer.
  const seconds = Math.max(0.001, timeoutSeconds - (performance.now() - startedAt) / 1_000);
  // Applies to all steps: a check, a request to the lifecycle server and the pause between them.
  return await withLimit({ seconds, signal }, async (limit) => {
    let attempts = 0;
    let outcome: Outcome;
    try {
      for (;;) {
        attempts += 1;
        try {
          // The caller's own check may ignore the signal.
          const found = await raceAbort(limit, checkWhileAlive(source, limit));
          if (found) return found;
          outcome = { error: undefined };
        } catch (error) {
          if (limit.aborted) throw error;
          if (error instanceof SandboxUnhealthyException) throw error;
          assertHopeful(error);
          outcome = { error };
        }
        await raceAbort(limit, assertAlive(source, limit));
        await sleep(pollingIntervalMillis, limit);
      }
    } catch (error) {
      throwIfAborted(signal);
      if (!limit.aborted) throw error;
      throw timedOut(source, timeoutSeconds, attempts, outcome);
    }
  });
}

/** Runs one check, which ends early if the sandbox ends: a request to an address that no longer exists may never get a response. */
async function checkWhileAlive<Found>(
  source: ReadinessSource<Found>,
  limit: AbortSignal,
): Promise<Found | false> {
  const check = new AbortController();
  const unlink = onAbort(limit, (reason) => {
    check.abort(reason);
  });
  const failWhenEnded = async (): Promise<never> => {
    for (;;) {
      await sleep(STATE_INTERVAL_MILLIS, check.signal);
      await assertAlive(source, check.signal);
    }
  };
  try {
    return await Promise.race([source.check(check.signal), failWhenEnded()]);
  } finally {
    check.abort();
    unlink();
  }
}

/** Throws the error again if repeating the check cannot help. */
function assertHopeful(error: unknown): void {
  if (error instanceof SandboxApiException) {
    const { statusCode, error: said } = error;
    // Decide by the code: execd uses the status 404 for other errors, too.
    if (statusCode === 401 || statusCode === 403 || said.code.endsWith("SANDBOX_NOT_FOUND")) throw error;
  } else if (error instanceof SandboxException) {
    const { code } = error.error;
    // UNEXPECTED_RESPONSE: the endpoint is not a valid address. INVALID_ARGUMENT: the id cannot be part of a path.
    if (["CLOSED", "UNEXPECTED_RESPONSE", "INVALID_ARGUMENT"].includes(code)) throw error;
  }
}

async function assertAlive(source: ReadinessSource, signal: AbortSignal): Promise<void> {
  let status;
  try {
    ({ status } = await source.lifecycle.get(source.sandboxId, { signal }));
  } catch (error) {
    assertHopeful(error);
    if (isGone(error)) throw error;
    return;
  }
  if (!FINAL_STATES.has(status.state.toLowerCase())) return;
  const reason = status.message ?? status.reason;
  const why = reason === undefined ? "." : `: ${reason}`;
  throw new SandboxUnhealthyException({
    message: `The sandbox is ${status.state} and will not become ready${why}`,
    sandboxId: source.sandboxId,
  });
}

function timedOut(
  { sandboxId, config: { domain, useServerProxy } }: ReadinessSource,
  timeoutSeconds: number,
  attempts: number,
  outcome: Outcome,
): SandboxReadyTimeoutException {
  const cause = outcome?.error;
  const last = cause instanceof Error ? `failed: ${cause.message.replace(/\.$/, "")}` : "was not successful";
  return new SandboxReadyTimeoutException({
    message:
      `The sandbox was not ready within ${timeoutSeconds} s. ` +
      (outcome === undefined ? "No check completed" : `Check ${attempts} ${last}`) +
      ` (domain=${domain}, useServerProxy=${String(useServerProxy)}).` +
      (useServerProxy ? "" : " If its address cannot be reached from here, set useServerProxy."),
    sandboxId,
    cause,
  });
}
