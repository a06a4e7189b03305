import { redactUrl, type Logger } from "../logging.js";
import type { Call } from "./call.js";
import { pathOf, type Fetch } from "./request.js";
import { requestIdOf } from "./response.js";
import { describeFailure, type Clock } from "./retry.js";
import { isSandboxException } from "../errors.js";

/** Writes one record per attempt. */
export function withLogging(
  next: Fetch,
  options: {
    readonly logger: Logger | undefined;
    readonly server: string;
    readonly call: Call;
    readonly clock: Clock;
  },
): Fetch {
  const { logger, server, call, clock } = options;
  if (logger === undefined) return next;
  return async (request) => {
    const startedAt = clock.now();
    const record = (outcome: string, requestId: string | undefined): void => {
      const id = requestId === undefined ? "" : `, request id ${requestId}`;
      const millis = Math.round(clock.now() - startedAt);
      logger.debug(
        `${server} ${request.method} ${redactUrl(pathOf(request))}: ${outcome}, ${millis} ms${id}`,
      );
    };
    try {
      const response = await next(request);
      record(`status ${response.status}`, requestIdOf(response));
      return response;
    } catch (error) {
      const outcome = call.isAbortedByCaller ? "aborted" : describeFailure(error);
      record(outcome, isSandboxException(error) ? error.requestId : undefined);
      throw error;
    }
  };
}
