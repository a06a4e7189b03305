import {
  SandboxApiException,
  SandboxConnectionException,
  SandboxTimeoutException,
  type SandboxExceptionOptions,
} from "../errors.js";
import type { Logger } from "../logging.js";
import { onAbort, raceAbort, throwIfAborted } from "../transport/abort.js";
import { startTimer } from "../transport/timeout.js";

/** How long to wait for the response to an aborted creation, in seconds; Node's `fetch` times out by then too. */
const FOLLOW_SECONDS = 300;

/** A creation, and how to undo it. */
export interface Creation {
  /** Sends the request with this time limit, whether or not the caller still waits; resolves to the new sandbox's id. */
  post(longestSeconds: number): Promise<string>;
  /** Deletes the sandbox; never rejects. */
  discard(sandboxId: string): Promise<void>;
  /** How long the caller waits, in seconds. */
  readonly timeoutSeconds: number;
  readonly signal?: AbortSignal | undefined;
  readonly logger?: Logger | undefined;
}

/**
 * Creates a sandbox and returns its id.
 *
 * The request itself is never aborted: a server that has begun to create would leave behind a sandbox that no one knows.
 * On abort or timeout the returned promise rejects at once, and the sandbox is deleted as soon as its id is known.
 *
 * @throws the signal's own reason; {@link SandboxTimeoutException}, {@link SandboxConnectionException} or
 * {@link SandboxApiException} with `CREATE_OUTCOME_UNKNOWN` if the response did not arrive
 */
export async function createOrClean(creation: Creation): Promise<string> {
  const { timeoutSeconds, signal } = creation;
  throwIfAborted(signal);
  const waiting = new AbortController();
  const creating = creation.post(timeoutSeconds + FOLLOW_SECONDS);
  const stop = startTimer(timeoutSeconds, () => {
    waiting.abort(
      new SandboxTimeoutException(
        outcomeUnknown(
          `The server did not respond within createTimeoutSeconds of ${timeoutSeconds} s.`,
          "If the response still arrives, the sandbox is deleted.",
        ),
      ),
    );
  });
  const unlink = onAbort(signal, (reason) => {
    waiting.abort(reason);
  });
  try {
    return await raceAbort(waiting.signal, creating);
  } catch (error) {
    if (!waiting.signal.aborted) throw explainLostResponse(error);
    void followAndDiscard(creating, creation);
    throw error;
  } finally {
    stop();
    unlink();
  }
}

async function followAndDiscard(
  creating: Promise<string>,
  { discard, logger }: Pick<Creation, "discard" | "logger">,
): Promise<void> {
  let sandboxId: string;
  try {
    sandboxId = await creating;
  } catch (error) {
    // A request that the server refused, or never received, has created no sandbox.
    const isKnown = error instanceof SandboxApiException || error instanceof SandboxConnectionException;
    if (isKnown && explainLostResponse(error) === error) return;
    logger?.warn("No response to an aborted creation arrived: the sandbox may exist.");
    return;
  }
  await discard(sandboxId);
}

/** Waits for work that never rejects, for at most this long. */
export async function atMost(seconds: number, work: Promise<void>): Promise<void> {
  let stop = (): void => undefined;
  const over = new Promise<void>((resolve) => (stop = startTimer(seconds, resolve)));
  await Promise.race([work, over]);
  stop();
}

/** Replaces a failure after which it is unknown whether the sandbox exists. */
function explainLostResponse(error: unknown): unknown {
  if (error instanceof SandboxConnectionException && !error.isNotSent) {
    const { requestId } = error;
    return new SandboxConnectionException({ ...outcomeUnknown(error.message), requestId, cause: error });
  }
  // A gateway that lost the server sends no code; the server's own 504 has one, and means that it has cleaned up.
  // A success without an id may come from a gateway.
  if (
    error instanceof SandboxApiException &&
    isLostStatus(error.statusCode) &&
    error.error.code === "UNEXPECTED_RESPONSE"
  ) {
    const { statusCode, requestId, rawBody } = error;
    return new SandboxApiException({
      ...outcomeUnknown(error.message),
      statusCode,
      requestId,
      rawBody,
      cause: error,
    });
  }
  return error;
}

/** Statuses from 520 on are Cloudflare's for a lost server. */
function isLostStatus(status: number): boolean {
  return status < 300 || status === 502 || status === 504 || status >= 520;
}

function outcomeUnknown(
  why: string,
  then = "Look for it before you create another one.",
): SandboxExceptionOptions {
  return { code: "CREATE_OUTCOME_UNKNOWN", message: `${why} Whether the sandbox exists is unknown. ${then}` };
}

/** Tells whether a request is known not to have been sent. */
export function isNotSent(error: unknown): boolean {
  return error instanceof SandboxConnectionException && error.isNotSent;
}
