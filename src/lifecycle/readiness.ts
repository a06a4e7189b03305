import {
  SandboxApiException,
  SandboxException,
  SandboxReadyTimeoutException,
  SandboxUnhealthyException,
} from "../errors.js";
import { onAbort, raceAbort, sleep } from "../transport/abort.js";
import { startTimer } from "../transport/timeout.js";
import { isGone } from "./lifecycle.js";

/** What waiting for a sandbox needs to know of it. */
export interface ReadinessSource {
  readonly sandboxId: string;
  /** One check; throwing and `false` both mean "not yet". */
  check(signal: AbortSignal): Promise<boolean>;
  /** The lifecycle server's word on the sandbox. */
  status(signal: AbortSignal): Promise<{ readonly state: string; readonly message: string | undefined }>;
  /** What a person needs to know of the connection when it fails. */
  readonly connectionContext: string;
}

/** How long to wait, and how often to look. */
export interface ReadinessTiming {
  readonly timeoutSeconds: number;
  readonly pollingIntervalMillis: number;
  readonly signal?: AbortSignal | undefined;
}

/** States that never turn into another one. */
const FINAL_STATES: ReadonlySet<string> = new Set(["failed", "terminated"]);

/**
 * Checks a sandbox again and again until it is ready.
 *
 * It gives up before its time where waiting cannot help: no or wrong credentials, a sandbox that is gone, failed or
 * terminated. The lifecycle server is asked only after a failed check, so that a ready sandbox costs one request.
 */
export async function waitUntilReady(source: ReadinessSource, timing: ReadinessTiming): Promise<void> {
  const { timeoutSeconds, pollingIntervalMillis, signal } = timing;
  signal?.throwIfAborted();
  // Bounds whatever is under way: a check, a question to the lifecycle server or the pause between them.
  const limit = new AbortController();
  const stop = startTimer(timeoutSeconds, () => {
    limit.abort();
  });
  const unlink = onAbort(signal, (reason) => {
    limit.abort(reason);
  });
  let attempts = 0;
  let lastError: unknown;
  try {
    for (;;) {
      attempts += 1;
      try {
        // A check of the caller's own may not know the signal.
        if (await raceAbort(limit.signal, source.check(limit.signal))) return;
        lastError = undefined;
      } catch (error) {
        if (limit.signal.aborted) throw error;
        assertHopeful(error);
        lastError = error;
      }
      await raceAbort(limit.signal, assertAlive(source, limit.signal));
      await sleep(pollingIntervalMillis, limit.signal);
    }
  } catch (error) {
    signal?.throwIfAborted();
    if (!limit.signal.aborted) throw error;
    throw timedOut(source, timeoutSeconds, attempts, lastError);
  } finally {
    stop();
    unlink();
  }
}

/** Throws on where the error will not go away by itself. */
function assertHopeful(error: unknown): void {
  if (error instanceof SandboxApiException) {
    const { statusCode, error: said } = error;
    // A server proxy says so too, so that the code decides: execd has other 404s.
    if (statusCode === 401 || statusCode === 403 || said.code.endsWith("SANDBOX_NOT_FOUND")) throw error;
  } else if (error instanceof SandboxException) {
    const { code } = error.error;
    // The second: the server gave an endpoint that is no address.
    if (code === "CLOSED" || code === "UNEXPECTED_RESPONSE") throw error;
  }
}

async function assertAlive(source: ReadinessSource, signal: AbortSignal): Promise<void> {
  let status;
  try {
    status = await source.status(signal);
  } catch (error) {
    assertHopeful(error);
    if (isGone(error)) throw error;
    return;
  }
  if (!FINAL_STATES.has(status.state.toLowerCase())) return;
  const why = status.message === undefined ? "." : `: ${status.message}`;
  throw new SandboxUnhealthyException({
    message: `The sandbox is ${status.state} and will not become ready${why}`,
    sandboxId: source.sandboxId,
  });
}

function timedOut(
  source: ReadinessSource,
  timeoutSeconds: number,
  attempts: number,
  lastError: unknown,
): SandboxReadyTimeoutException {
  const detail =
    lastError === undefined
      ? "Health check returned false continuously."
      : `Last health check error: ${lastError instanceof Error ? lastError.message : "not an Error"}`;
  return new SandboxReadyTimeoutException({
    message: `Sandbox health check timed out after ${timeoutSeconds}s (${attempts} attempts). ${detail} ${source.connectionContext}`,
    sandboxId: source.sandboxId,
    cause: lastError,
  });
}
