import { SandboxApiException, SandboxException } from "../errors.js";
import { redactUrl, type Logger } from "../logging.js";
import type { ServerKind } from "./endpoint.js";
import type { Channel } from "./platform.js";
import type { UnsentRequest } from "./request.js";
import type { ResponseInfo } from "./response.js";

/** The name of the channel of `node:diagnostics_channel` to which a {@link RequestTrace} is published for each attempt. */
export const REQUEST_CHANNEL = "opensandbox-code-interpreter:request";

/** Describes an attempt of a request. Published when it fails, or when its response has arrived (without a stream's body). */
export interface RequestTrace {
  /** The server that the request was for. */
  readonly server: ServerKind;
  /** The method of the request, in capitals. */
  readonly method: string;
  /** The path and query, with credentials hidden. */
  readonly path: string;
  /** The sandbox that the request was about, if known. */
  readonly sandboxId: string | undefined;
  /** The status of the response; `undefined` if there was none. */
  readonly statusCode: number | undefined;
  /** The server's name for the request, if it sent one. */
  readonly requestId: string | undefined;
  /** How long the attempt took, in milliseconds; for a stream, until its headers arrived. */
  readonly durationMillis: number;
  /** The error of the attempt: an exception of the SDK, or the reason of an abort. */
  readonly error: unknown;
}

/** What is traced of the client that makes an attempt. */
interface TracedClient {
  readonly server: ServerKind;
  readonly clock: { now(): number };
  readonly logger: Logger | undefined;
  readonly channel: Channel | undefined;
}

/** Logs and publishes the end of an attempt. */
export function traceAttempt(
  { server, clock, logger, channel }: TracedClient,
  attempt: {
    readonly request: UnsentRequest;
    readonly response: ResponseInfo;
    readonly startedAt: number;
    readonly error?: unknown;
    readonly isAborted?: boolean;
  },
): void {
  const { request, response, startedAt, error, isAborted = false } = attempt;
  const { method } = request;
  const path = redactUrl(request.path);
  const durationMillis = clock.now() - startedAt;
  const known: Partial<ResponseInfo> =
    error === undefined ? response : error instanceof SandboxException ? error : {};
  const { statusCode, requestId } = known;
  const outcome =
    error === undefined ? `status ${response.statusCode}` : isAborted ? "aborted" : describeFailure(error);
  const id = requestId === undefined ? "" : `, request id ${requestId}`;
  logger?.debug(`${server} ${method} ${path}: ${outcome}, ${Math.round(durationMillis)} ms${id}`);
  const { sandboxId } = response;
  channel?.publish({
    server,
    method,
    path,
    sandboxId,
    statusCode,
    requestId,
    durationMillis,
    error,
  } satisfies RequestTrace);
}

/** Describes a failure for the log, without the server's message, which may repeat what it was sent. */
export function describeFailure(error: unknown): string {
  if (error instanceof SandboxApiException) return `status ${error.statusCode} (${error.error.code})`;
  return error instanceof SandboxException ? `${error.error.code}: ${error.message}` : "an abort";
}
