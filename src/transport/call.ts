import { isRecord } from "../json.js";
import {
  addErrorContext,
  isSandboxException,
  SandboxConnectionException,
  SandboxException,
  SandboxInternalException,
  SandboxTimeoutException,
  withCallerStack,
} from "../errors.js";
import { redactUrl, type Logger } from "../logging.js";
import type { RetryEvent, RetryPolicy } from "../retry-policy.js";
import { onAbort, raceAbort, throwIfAborted } from "./abort.js";
import { describeConnectionFailure, toConnectionException } from "./connection-failure.js";
import type { Endpoint, EndpointConfig, ServerKind } from "./endpoint.js";
import { traceAttempt } from "./log.js";
import type { Channel } from "./platform.js";
import {
  isIdempotent,
  isReplayable,
  isStreamedBody,
  type Fetch,
  type PlatformInit,
  type UnsentRequest,
} from "./request.js";
import {
  readJson,
  readRetryAfter,
  toApiException,
  unexpectedResponse,
  type ResponseInfo,
} from "./response.js";
import {
  discardBody,
  isReadableBody,
  ResponseBody,
  type BodyOwner,
  type StreamedResponse,
} from "./response-body.js";
import { decideRetry, mayReplay, outcomeOf, reportRetry, type Clock, type Replay } from "./retry.js";
import { startTimer, IdleTimer } from "./timeout.js";

/** The part of a connection's configuration that calls need. */
export interface TransportConfig extends EndpointConfig {
  readonly requestTimeoutSeconds: number | null;
  readonly streamIdleTimeoutSeconds: number | null;
  /** The most bytes that a response which is read whole may have. */
  readonly maxResponseBytes: number;
  readonly retryPolicy: RetryPolicy;
  /** @default the global `fetch` */
  readonly fetch: Fetch | undefined;
  readonly logger: Logger | undefined;
}

/** The values that all calls of one client share. */
export interface CallContext {
  readonly server: ServerKind;
  readonly sandboxId: string | undefined;
  readonly config: TransportConfig;
  /** Of the configuration, read once: its getter is not a field. */
  readonly fetch: Fetch | undefined;
  /** Of the configuration, read once. */
  readonly logger: Logger | undefined;
  readonly endpoint: Endpoint;
  readonly clock: Clock;
  /** Aborted when the client closes. */
  readonly closing: AbortSignal;
  /** The calls that are running. */
  readonly calls: Set<Call>;
  /** Gets a record of each attempt. */
  readonly channel: Channel | undefined;
  /** Further options of `fetch`. */
  readonly init: PlatformInit;
}

/** The most likely cause of a 401 from the lifecycle server if no key was sent. */
const NO_API_KEY_HINT = "No API key is configured: set OPEN_SANDBOX_API_KEY or apiKey.";

/** The rules of one call. */
export interface CallRules {
  /** `"json"`: the response is read whole, within each attempt. `"stream"`: the caller reads it as it arrives. */
  readonly reads: "json" | "stream";
  readonly replay: Replay;
  /**
   * How long one attempt may take, in seconds: with the whole response for `"json"`. For `"stream"`, the longest wait for
   * the headers and then for each chunk.
   */
  readonly timeoutSeconds: number | null;
  /** The longest time in which nothing of the request's body is sent, in seconds; `null` disables it. @default null */
  readonly uploadIdleTimeoutSeconds?: number | null | undefined;
  /** Hides secrets of the request in errors. */
  readonly redact?: ((text: string) => string) | undefined;
  /** Called before each wait for a retry. */
  readonly onRetry?: ((event: RetryEvent) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** The caller's own controller, used as the call's: aborting it ends the call. @default one is made */
  readonly controller?: AbortController | undefined;
}

/**
 * A user's call: its state, and the loop over its attempts.
 *
 * It has an AbortController of its own, so that nothing of the platform listens to the caller's signal, which may
 * outlive a million requests. Every failure is a {@link SandboxException}, or the reason of the caller's signal.
 */
export class Call implements ResponseInfo, BodyOwner {
  readonly sandboxId: string | undefined;
  readonly rules: CallRules;
  /** The status of the latest response; 0 before the first. */
  statusCode = 0;
  /** The server's name for the request of the latest response. */
  requestId: string | undefined;
  /** The headers of the latest response. */
  responseHeaders: Headers | undefined;
  /** An error with the stack of the user's call. */
  readonly #origin: Error | undefined;
  /** Aborted when the call ends early. Its reason is the error of the call. */
  readonly signal: AbortSignal;
  readonly #context: CallContext;
  readonly #controller: AbortController;
  /** The latest request, for messages. */
  #request: Pick<UnsentRequest, "method" | "path"> = { method: "", path: "" };
  #retryAfterSeconds: number | undefined;
  #isAbortedByCaller = false;
  #isEnded = false;
  #stopFollowingSignal: (() => void) | undefined;

  constructor(context: CallContext, rules: CallRules) {
    this.#context = context;
    this.rules = rules;
    this.sandboxId = context.sandboxId;
    this.#controller = rules.controller ?? new AbortController();
    // A run has its own, and a stack costs as much as the rest of a call.
    this.#origin = rules.controller === undefined ? new Error("The call was made here.") : undefined;
    this.signal = this.#controller.signal;
  }

  /** Sends the request of this call, for the typed client. */
  readonly fetch = async (described: Request): Promise<Response> => {
    // The client makes its requests with the class that it was given.
    const request = described as unknown as UnsentRequest;
    this.#request = request;
    try {
      const { closing, calls } = this.#context;
      if (closing.aborted) throw closedException(this.#context);
      if (this.rules.signal !== undefined) this.#stopFollowingSignal = this.#follow(this.rules.signal);
      calls.add(this);
      const response = await this.#attempts(request);
      // A stream ends its call itself.
      if (this.rules.reads === "json") this.end();
      return response;
    } catch (error) {
      this.end();
      throw this.#explain(error);
    }
  };

  get redact(): CallRules["redact"] {
    return this.rules.redact;
  }

  /**
   * Returns the response to this call, to be read as it arrives. For calls that read a stream.
   *
   * @throws {SandboxApiException} `UNEXPECTED_RESPONSE` if the status of the response allows no body
   */
  receive({ status, headers, body }: Response): StreamedResponse {
    if (status === 204 || status === 205) {
      this.end();
      throw unexpectedResponse("Expected a response body.", this);
    }
    const isProxied =
      this.#context.endpoint.current.isProxied ||
      headers.has("via") ||
      headers.get("connection")?.toLowerCase() === "close";
    const { timeoutSeconds } = this.rules;
    // A download's time limit also bounds the wait for each chunk.
    const idle = timeoutSeconds === null ? undefined : this.#idleTimer(timeoutSeconds);
    return { body: new ResponseBody(body, this, idle), headers, requestId: this.requestId, isProxied };
  }

  /** Ends the call early. Only the first reason counts. */
  abort(reason: unknown): void {
    if (!this.#isEnded) this.#controller.abort(reason);
  }

  /** Releases the caller's signal; idempotent. */
  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#stopFollowingSignal?.();
    this.#context.calls.delete(this);
  }

  bodyEnded(isCancelled: boolean): void {
    // A body that is read within an attempt may be followed by another attempt.
    if (this.rules.reads === "json") return;
    this.end();
    if (isCancelled) this.#controller.abort();
  }

  brokenBody(cause: unknown): unknown {
    if (this.rules.reads === "json") return this.#connectionFailed(cause, "response");
    const reason = describeConnectionFailure(cause);
    return this.#explain(
      new SandboxConnectionException({
        code: "STREAM_BROKEN",
        message: `${this.#describe()}: the response stream broke: ${reason}.`,
        cause,
      }),
    );
  }

  /** Ends the call when the caller's signal aborts; returns a function that stops this. */
  #follow(signal: AbortSignal): () => void {
    this.#isAbortedByCaller = signal.aborted;
    throwIfAborted(signal);
    return onAbort(signal, (reason) => {
      this.#isAbortedByCaller = true;
      this.abort(reason);
    });
  }

  /** Sends the request until it succeeds or fails with an error that is not retried. */
  async #attempts(request: UnsentRequest): Promise<Response> {
    const { server, config, endpoint, clock, closing, logger, channel } = this.#context;
    const { retryPolicy: policy } = config;
    const startedAt = clock.now();
    let previousWaitMillis: number | undefined;
    let hasRefreshed = false;
    for (let retries = 0; ;) {
      const target = endpoint.current;
      const attempt = { request, response: this, startedAt: clock.now() };
      const trace = logger !== undefined || channel?.hasSubscribers === true ? traceAttempt : undefined;
      try {
        const response = await this.#attempt(request);
        trace?.(this.#context, attempt);
        return response;
      } catch (error) {
        trace?.(this.#context, { ...attempt, error, isAborted: this.#isAbortedByCaller });
        // After an abort, fail with its reason, even if another failure came first.
        this.signal.throwIfAborted();
        const url = target.url + request.path;
        const outcome = outcomeOf(error, { url, retryAfterSeconds: this.#retryAfterSeconds });
        if (outcome === undefined) throw error;
        const state = {
          method: request.method,
          server,
          replay: isReplayable(request.body) ? this.rules.replay : "never",
          outcome,
          retries,
          previousWaitMillis,
          elapsedMillis: clock.now() - startedAt,
          random: clock.random(),
        } as const;
        if (!mayReplay(state, policy)) throw error;
        if ("isNotSent" in outcome && !hasRefreshed) {
          // The sandbox may have moved. Where it has, the request is sent there at once.
          hasRefreshed = true;
          if (endpoint.current === target) await raceAbort(this.signal, endpoint.refresh(closing));
          if (endpoint.current !== target) continue;
        }
        const waitMillis = decideRetry(state, policy);
        if (waitMillis === undefined) throw error;
        retries += 1;
        previousWaitMillis = waitMillis;
        const event: RetryEvent = {
          attempt: retries,
          waitMillis,
          method: request.method,
          path: redactUrl(request.path),
          // Only exceptions of the library have an outcome.
          error: error as SandboxException,
        };
        reportRetry(event, { server, policy, logger });
        this.rules.onRetry?.(event);
        await clock.sleep(waitMillis, this.signal);
      }
    }
  }

  /** Sends the request once. Returns the response if it is a success. */
  async #attempt(request: UnsentRequest): Promise<Response> {
    const { reads, timeoutSeconds, uploadIdleTimeoutSeconds = null } = this.rules;
    const { server, config } = this.#context;
    const idle = uploadIdleTimeoutSeconds === null ? undefined : this.#idleTimer(uploadIdleTimeoutSeconds);
    const stopTimer =
      timeoutSeconds === null ? undefined : startTimer(timeoutSeconds, () => this.#timeOut(timeoutSeconds));
    try {
      idle?.start();
      const response = await this.#send(request, idle);
      this.statusCode = response.status;
      this.responseHeaders = response.headers;
      this.requestId = response.headers.get("x-request-id") ?? undefined;
      if (!response.ok) {
        this.#retryAfterSeconds = readRetryAfter(response);
        const lacksKey = response.status === 401 && server === "lifecycle" && config.apiKey === undefined;
        throw await toApiException(response, request, this, {
          retryAfterSeconds: this.#retryAfterSeconds,
          hint: lacksKey ? NO_API_KEY_HINT : undefined,
        });
      }
      if (reads === "stream") return response;
      return await readJson(new ResponseBody(response.body, this), config.maxResponseBytes, this);
    } finally {
      stopTimer?.();
      idle?.dispose();
    }
  }

  /** Sends the request to the server's present address. */
  async #send({ method, path, headers: own, body }: UnsentRequest, idle?: IdleTimer): Promise<Response> {
    const { endpoint, fetch, init } = this.#context;
    const { signal } = this;
    const headers = { ...endpoint.current.headers };
    let pending: Promise<Response> | undefined;
    try {
      const sent = isStreamedBody(body)
        ? body.send(headers, { idle, isCustomFetch: fetch !== undefined })
        : body;
      // Headers of the request itself, such as the type of its body, take precedence.
      for (const [name, value] of own) headers[name] = value;
      const all: PlatformInit = { ...init, method, headers, body: sent, signal, redirect: "manual" };
      if (body !== null) all.duplex = "half";
      pending = (fetch ?? globalThis.fetch)(endpoint.current.url + path, all);
      // A custom `fetch` may not honour the signal.
      if (fetch === undefined) return await pending;
      const response = await raceAbort(signal, pending);
      assertResponse(response);
      return response;
    } catch (error) {
      // What fails before `fetch` has returned a promise has not been sent.
      if (!signal.aborted) throw this.#connectionFailed(error, "request", pending === undefined);
      // A custom `fetch` that does not honour the signal may still return a response.
      pending?.then(discardBody).catch(() => undefined);
      throw signal.reason;
    }
  }

  #connectionFailed(cause: unknown, phase: "request" | "response", isNotSent = false): SandboxException {
    const { endpoint, server } = this.#context;
    const { method, path } = this.#request;
    const url = endpoint.current.url + path;
    return toConnectionException(cause, { method, url, server, phase, isNotSent });
  }

  /** Adds the context of the call to its error. */
  #explain(error: unknown): unknown {
    if (this.#isAbortedByCaller) return error;
    const { sandboxId, requestId } = this;
    const failure = isSandboxException(error)
      ? error
      : new SandboxInternalException({
          message: `${this.#describe()}: ${String(error)}`,
          cause: error,
          sandboxId,
        });
    addErrorContext(failure, { sandboxId, requestId });
    return withCallerStack(failure, this.#origin);
  }

  #describe(): string {
    return `${this.#request.method} ${redactUrl(this.#request.path)}`;
  }

  #timeOut(seconds: number): void {
    if (this.rules.reads === "stream") {
      this.#stall(seconds);
      return;
    }
    const message = `${this.#describe()} did not complete within ${seconds} s.`;
    const isRetryable = isIdempotent(this.#request.method);
    this.abort(new SandboxTimeoutException({ code: "REQUEST_TIMEOUT", message, isRetryable }));
  }

  /** Returns a timer that ends the call if no byte is transferred for this long. */
  #idleTimer(seconds: number): IdleTimer {
    return new IdleTimer(seconds, () => this.#stall(seconds));
  }

  #stall(seconds: number): void {
    const message = `${this.#describe()}: no data was transferred for ${seconds} s.`;
    this.#context.logger?.warn(message);
    const failure = new SandboxTimeoutException({ code: "STREAM_STALLED", message });
    // Also while a body is read, after the call has returned its response.
    addErrorContext(failure, { sandboxId: this.sandboxId, requestId: this.requestId });
    this.abort(failure);
  }
}

/** Creates the exception for calls of a closed client. */
export function closedException({ server, sandboxId }: CallContext): SandboxException {
  const what = server === "lifecycle" ? "The client" : "The sandbox's client";
  return new SandboxException({ code: "CLOSED", message: `${what} is closed.`, sandboxId });
}

/** Asserts that a custom `fetch` returned a response with an unread body. */
function assertResponse(response: unknown): asserts response is Response {
  const { status, headers, body }: Record<string, unknown> = isRecord(response) ? response : {};
  if (typeof status === "number" && isRecord(headers) && isReadableBody(body)) return;
  throw new SandboxException({
    code: "UNEXPECTED_RESPONSE",
    message: "The custom `fetch` did not return a Response with an unread body.",
  });
}
