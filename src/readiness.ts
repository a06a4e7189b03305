import {
  SandboxApiException,
  SandboxException,
  SandboxReadyTimeoutException,
  SandboxUnhealthyException,
} from "./errors.js";
import { onAbort } from "./transport/abort.js";

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
/** A Kubernetes server's "not yet" while the sandbox has no address; every other lifecycle 404 means that it is gone. */
const NO_ADDRESS_YET = "POD_IP_NOT_AVAILABLE";

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
  const timer = setTimeout(() => {
    limit.abort();
  }, timeoutSeconds * 1_000);
  const unlink = onAbort(signal, (reason) => {
    limit.abort(reason);
  });
  let attempts = 0;
  let lastError: unknown;
  try {
    for (;;) {
      attempts += 1;
      try {
        if (await unlessAborted(source.check(limit.signal), limit.signal)) return;
        lastError = undefined;
      } catch (error) {
        if (limit.signal.aborted) throw error;
        assertHopeful(error);
        lastError = error;
      }
      await unlessAborted(assertAlive(source, limit.signal), limit.signal);
      await pause(pollingIntervalMillis, limit.signal);
    }
  } catch (error) {
    signal?.throwIfAborted();
    if (!limit.signal.aborted) throw error;
    throw timedOut(source, timeoutSeconds, attempts, lastError);
  } finally {
    clearTimeout(timer);
    unlink();
  }
}

/** Whether an error means that the sandbox may be ready later. */
export function isNotYet(error: unknown): boolean {
  return (
    error instanceof SandboxApiException &&
    error.statusCode === 404 &&
    error.error.code.endsWith(NO_ADDRESS_YET)
  );
}

function assertHopeful(error: unknown): void {
  if (error instanceof SandboxApiException && (error.statusCode === 401 || error.statusCode === 403))
    throw error;
  if (error instanceof SandboxException && error.error.code === "CLOSED") throw error;
}

async function assertAlive(source: ReadinessSource, signal: AbortSignal): Promise<void> {
  let status;
  try {
    status = await source.status(signal);
  } catch (error) {
    assertHopeful(error);
    if (error instanceof SandboxApiException && error.statusCode === 404 && !isNotYet(error)) throw error;
    return;
  }
  if (!FINAL_STATES.has(status.state.toLowerCase())) return;
  const why = status.message === undefined ? "" : `: ${status.message}`;
  throw new SandboxUnhealthyException({
    message: `Sandbox ${source.sandboxId} is ${status.state} and will not become ready${why}`,
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
      : `Last health check error: ${lastError instanceof Error ? lastError.message : String(lastError)}`;
  return new SandboxReadyTimeoutException({
    message: `Sandbox health check timed out after ${timeoutSeconds}s (${attempts} attempts). ${detail} ${source.connectionContext}`,
    sandboxId: source.sandboxId,
    cause: lastError,
  });
}

/** Settles with `work`, or rejects when the signal fires: a check of the caller's own may not know the signal. */
function unlessAborted<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    const unlink = onAbort(signal, reject);
    if (signal.aborted) reject(signal.reason as Error);
    work.then(resolve, reject).finally(unlink);
  });
}

function pause(millis: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason as Error);
      return;
    }
    const unlink = onAbort(signal, (reason) => {
      clearTimeout(timer);
      reject(reason as Error);
    });
    const timer = setTimeout(() => {
      unlink();
      resolve();
    }, millis);
  });
}
