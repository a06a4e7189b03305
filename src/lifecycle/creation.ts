import {
  SandboxApiException,
  SandboxConnectionException,
  SandboxTimeoutException,
  type SandboxExceptionOptions,
} from "../errors.js";
import type { Logger } from "../logging.js";
import { onAbort, raceAbort, throwIfAborted } from "../transport/abort.js";
import { startTimer } from "../transport/timeout.js";

/** How long the answer to a creation that was given up is waited for, in seconds; Node's `fetch` gives up by then too. */
const FOLLOW_SECONDS = 300;

/** A creation, and how to take it back. */
export interface Creation {
  /** Sends the request; gives the new sandbox's id. It may take so long, whoever still waits for it. */
  post(longestSeconds: number): Promise<string>;
  /** Deletes the sandbox; never rejects. */
  discard(sandboxId: string): Promise<void>;
  /** How long the caller waits, in seconds. */
  readonly timeoutSeconds: number;
  readonly signal?: AbortSignal | undefined;
  readonly logger?: Logger | undefined;
}

/**
 * Creates a sandbox and gives its id.
 *
 * The request is never cut short, as a server that has begun to create would leave a sandbox that nobody knows. A
 * caller that gives up is let go at once, and the sandbox is deleted as soon as its id is known.
 *
 * @throws the signal's own reason; {@link SandboxTimeoutException}, {@link SandboxConnectionException} or
 * {@link SandboxApiException} with `CREATE_OUTCOME_UNKNOWN` where the answer did not come
 */
export async function createOrClean(creation: Creation): Promise<string> {
  const { timeoutSeconds, signal } = creation;
  throwIfAborted(signal);
  const giveUp = new AbortController();
  const creating = creation.post(timeoutSeconds + FOLLOW_SECONDS);
  const stop = startTimer(timeoutSeconds, () => {
    giveUp.abort(
      new SandboxTimeoutException(
        outcomeUnknown(
          `The server did not answer within createTimeoutSeconds of ${timeoutSeconds} s.`,
          "If the answer still comes, the sandbox is deleted.",
        ),
      ),
    );
  });
  const unlink = onAbort(signal, (reason) => {
    giveUp.abort(reason);
  });
  try {
    return await raceAbort(giveUp.signal, creating);
  } catch (error) {
    if (!giveUp.signal.aborted) throw explainLostAnswer(error);
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
    // What the server refused, or never got, has made no sandbox.
    const isKnown = error instanceof SandboxApiException || error instanceof SandboxConnectionException;
    if (isKnown && explainLostAnswer(error) === error) return;
    logger?.warn("A creation was given up, and its answer never came: the sandbox may exist.");
    return;
  }
  await discard(sandboxId);
}

/** Waits for work that never rejects, but not longer than this. */
export async function atMost(seconds: number, work: Promise<void>): Promise<void> {
  let stop = (): void => undefined;
  const over = new Promise<void>((resolve) => (stop = startTimer(seconds, resolve)));
  await Promise.race([work, over]);
  stop();
}

/** Says so where a failure leaves open whether there is a sandbox now. */
function explainLostAnswer(error: unknown): unknown {
  if (error instanceof SandboxConnectionException && !error.isNotSent) {
    const { requestId } = error;
    return new SandboxConnectionException({ ...outcomeUnknown(error.message), requestId, cause: error });
  }
  // A gateway that lost the server says so without a code; a server's own 504 has one, and has cleaned up. A success
  // that does not say the id may be a gateway's word for anything.
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

/** From 520 on: what Cloudflare says where it lost the server. */
function isLostStatus(status: number): boolean {
  return status < 300 || status === 502 || status === 504 || status >= 520;
}

function outcomeUnknown(
  why: string,
  then = "Look for it before you create another one.",
): SandboxExceptionOptions {
  return { code: "CREATE_OUTCOME_UNKNOWN", message: `${why} Whether the sandbox exists is unknown. ${then}` };
}

/** Whether a failure is known to have come before the request was sent. */
export function isNotSent(error: unknown): boolean {
  return error instanceof SandboxConnectionException && error.isNotSent;
}
