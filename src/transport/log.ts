import { isSandboxException } from "../errors.js";
import { redactUrl, type Logger } from "../logging.js";
import type { Call } from "./call.js";
import type { ServerKind } from "./endpoint.js";
import { diagnosticsChannel } from "./platform.js";
import { pathOf, type Fetch } from "./request.js";
import { requestIdOf } from "./response.js";
import { describeFailure, type Clock } from "./retry.js";

/** The name of the channel of `node:diagnostics_channel` that gets a {@link RequestTrace} for each attempt of a request. */
export const REQUEST_CHANNEL = "opensandbox-code-interpreter:request";

/** What is published of one attempt of a request, when its answer has come (the body of a stream excepted) or it failed. */
export interface RequestTrace {
  /** Which server was asked. */
  readonly server: ServerKind;
  /** The method of the request, in capitals. */
  readonly method: string;
  /** Path and query, credentials hidden. */
  readonly path: string;
  /** The sandbox that it was about, where it is known. */
  readonly sandboxId: string | undefined;
  /** The status of the answer; `undefined` where none came. */
  readonly statusCode: number | undefined;
  /** What the server calls the request, where it said so. */
  readonly requestId: string | undefined;
  /** How long the attempt took, in milliseconds; of a stream, until its headers came. */
  readonly durationMillis: number;
  /** What the attempt failed with: an error of the SDK, or the reason of an abort. */
  readonly error: unknown;
}

/** Writes one record per attempt, and publishes it to whoever traces. */
export function withLogging(
  next: Fetch,
  options: {
    readonly logger: Logger | undefined;
    readonly server: ServerKind;
    readonly sandboxId: string | undefined;
    readonly call: Call;
    readonly clock: Clock;
  },
): Fetch {
  const { logger, server, sandboxId, call, clock } = options;
  const channel = diagnosticsChannel(REQUEST_CHANNEL);
  if (logger === undefined && channel?.hasSubscribers !== true) return next;
  return async (request) => {
    const { method } = request;
    const path = redactUrl(pathOf(request));
    const startedAt = clock.now();
    const record = (
      outcome: string,
      trace: Pick<RequestTrace, "statusCode" | "requestId" | "error">,
    ): void => {
      const durationMillis = clock.now() - startedAt;
      const id = trace.requestId === undefined ? "" : `, request id ${trace.requestId}`;
      logger?.debug(`${server} ${method} ${path}: ${outcome}, ${Math.round(durationMillis)} ms${id}`);
      channel?.publish({ server, method, path, sandboxId, durationMillis, ...trace } satisfies RequestTrace);
    };
    try {
      const response = await next(request);
      const { status: statusCode } = response;
      record(`status ${statusCode}`, { statusCode, requestId: requestIdOf(response), error: undefined });
      return response;
    } catch (error) {
      const outcome = call.isAbortedByCaller ? "aborted" : describeFailure(error);
      const isOwn = isSandboxException(error);
      const statusCode = isOwn && "statusCode" in error ? Number(error.statusCode) : undefined;
      record(outcome, { statusCode, requestId: isOwn ? error.requestId : undefined, error });
      throw error;
    }
  };
}
