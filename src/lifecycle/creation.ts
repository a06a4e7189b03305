import type { CallOptions } from "../arguments.js";
import type { ConnectionConfig } from "../connection.js";
import {
  SandboxApiException,
  SandboxConnectionException,
  SandboxTimeoutException,
  type SandboxExceptionOptions,
} from "../errors.js";
import { raceAbort, throwIfAborted, withLimit } from "../transport/abort.js";
import { describeFailure } from "../transport/log.js";
import { expectRecord, expectText } from "../transport/response.js";
import type { CreateBody } from "./create-options.js";
import { Lifecycle } from "./lifecycle.js";

/** How long to wait for the response to an aborted creation, in seconds. Node's `fetch` also times out by then. */
const FOLLOW_SECONDS = 300;

/** How long a failed creation waits for its sandbox to be deleted, in seconds; the deletion continues after that. */
const CLEAN_UP_SECONDS = 5;

/** Options of {@link createSandbox}. */
interface CreationOptions extends CallOptions {
  /** How long the caller waits, in seconds. */
  readonly timeoutSeconds: number;
}

/**
 * Creates a sandbox and returns its id.
 *
 * The request itself is never aborted: the server could create a sandbox of which the caller never learns.
 * On abort or timeout the returned promise rejects at once, and the sandbox is deleted as soon as its id is known.
 *
 * @throws the signal's reason; {@link SandboxTimeoutException}, {@link SandboxConnectionException} or
 * {@link SandboxApiException} with `CREATE_OUTCOME_UNKNOWN` if the response did not arrive
 */
export async function createSandbox(
  lifecycle: Lifecycle,
  body: CreateBody,
  { timeoutSeconds, signal }: CreationOptions,
): Promise<string> {
  throwIfAborted(signal);
  const creating = post(lifecycle, body, timeoutSeconds + FOLLOW_SECONDS);
  const reason = () =>
    new SandboxTimeoutException(
      outcomeUnknown(
        `The server did not respond within createTimeoutSeconds of ${timeoutSeconds} s.`,
        "If the response still arrives, the sandbox is deleted.",
      ),
    );
  return await withLimit({ seconds: timeoutSeconds, reason, signal }, async (limit) => {
    try {
      return await raceAbort(limit, creating);
    } catch (error) {
      if (!limit.aborted) throw explainLostResponse(error);
      void followAndDiscard(creating, lifecycle);
      throw error;
    }
  });
}

async function post({ transport }: Lifecycle, body: CreateBody, timeoutSeconds: number): Promise<string> {
  const call = transport.json({ timeoutSeconds });
  const { data } = await transport.client.POST("/sandboxes", { body, fetch: call.fetch });
  return expectText(expectRecord(data, call).id, "id", call);
}

async function followAndDiscard(creating: Promise<string>, lifecycle: Lifecycle): Promise<void> {
  let sandboxId: string;
  try {
    sandboxId = await creating;
  } catch (error) {
    // A request that the server refused, or never received, has created no sandbox.
    const isKnown = error instanceof SandboxApiException || error instanceof SandboxConnectionException;
    if (isKnown && explainLostResponse(error) === error) return;
    lifecycle.transport.logger?.warn("No response to an aborted creation arrived: the sandbox may exist.");
    return;
  }
  await discardSandbox(lifecycle, sandboxId);
}

/** Deletes the sandbox of a failed creation. Never rejects. */
async function discardSandbox(lifecycle: Lifecycle, sandboxId: string): Promise<void> {
  try {
    await lifecycle.kill(sandboxId, { isRepeated: true });
  } catch (error) {
    const message = `The sandbox ${sandboxId}, whose creation failed, could not be deleted`;
    lifecycle.transport.logger?.warn(`${message}: ${describeFailure(error)}.`);
  }
}

/** Deletes the sandbox of a failed creation. Waits for that for a moment, unless the caller has aborted. */
export async function cleanUp(
  config: ConnectionConfig,
  sandboxId: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  // Not through the instance's own client: a health check may have closed it.
  const removal = discardSandbox(new Lifecycle(config), sandboxId);
  if (signal?.aborted === true) return;
  await withLimit({ seconds: CLEAN_UP_SECONDS }, (limit) => raceAbort(limit, removal)).catch(() => undefined);
}

/** Replaces an error after which it is unknown whether the sandbox exists. */
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
