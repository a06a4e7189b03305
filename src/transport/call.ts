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
import { isIdempotent, isReplayable, type Fetch, type UnsentRequest } from "./request.js";
import { isRecord } from "./json.js";
import {
  readJson,
  readRetryAfter,
  toApiException,
  unexpectedResponse,
  type ResponseInfo,
} from "./response.js";
import { discardBody, isReadableBody, ResponseBody, type BodyOwner } from "./response-body.js";
import { decideRetry, mayReplay, outcomeOf, reportRetry, type Clock, type Replay } from "./retry.js";
import { IdleTimer, startTimer } from "./timeout.js";
import { prepareBody } from "./upload.js";

/** What the calls of one client need of a connection's configuration. */
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

/** What all calls of one client have in common. */
export interface CallContext {
  readonly server: ServerKind;
  readonly sandboxId: string | undefined;
  readonly config: TransportConfig;
  readonly endpoint: Endpoint;
  readonly clock: Clock;
  /** Aborts when the client closes. */
  readonly closing: AbortSignal;
  /** The calls under way. */
  readonly calls: Set<Call>;
  /** @throws what every call fails with once the client is closed */
  assertOpen(): void;
}

/** A response whose body is read as it comes. */
export interface StreamedResponse {
  readonly body: ResponseBody;
  /** The server's name for the request, where it sent one. */
  readonly requestId: string | undefined;
  /** Whether a proxy may stand between, which ends a response in order although the server behind it is gone. */
  readonly isProxied: boolean;
}

/** What a 401 of the lifecycle server most likely means when no key was sent. */
const NO_API_KEY_HINT =
  "No API key is configured: set OPEN_SANDBOX_API_KEY, or pass apiKey in the connection options.";

/** The rules of one call. */
export interface CallRules {
  /** `"json"`: the response is read whole, within each attempt. `"stream"`: the caller reads it as it comes. */
  readonly reads: "json" | "stream";
  readonly replay: Replay;
  /** How long one attempt may take, in seconds: with the whole response for `"json"`, until its headers for `"stream"`. */
  readonly timeoutSeconds: number | null;
  /** How long nothing may move in a body, in seconds: the request's for `"json"`, the response's for `"stream"`. */
  readonly idleTimeoutSeconds: number | null;
  /** Called before each wait for a retry. */
  readonly onRetry?: ((event: RetryEvent) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** The caller's own controller, used as the call's: aborting it ends the call. @default one is made */
  readonly controller?: AbortController | undefined;
}

/**
 * One call of a user: everything that it needs on its way, and the one loop over its attempts.
 *
 * It has an AbortController of its own, so that nothing of the platform listens to the caller's signal, which may
 * outlive a million requests. Every failure is a {@link SandboxException}, or the reason of the caller's signal.
 */
export class Call implements ResponseInfo, BodyOwner {
  readonly sandboxId: string | undefined;
  /** The status of the latest response; 0 before the first. */
  statusCode = 0;
  /** The server's name for the request of the latest response. */
  requestId: string | undefined;
  /** Where the user made the call. */
  readonly origin = new Error("The call was made here.");
  readonly #context: CallContext;
  readonly #rules: CallRules;
  readonly #controller: AbortController;
  /** The latest request, for messages. */
  #request: Pick<UnsentRequest, "method" | "path"> = { method: "", path: "" };
  #retryAfterSeconds: number | undefined;
  #isAbortedByCaller = false;
  #isEnded = false;
  #unlink: (() => void) | undefined;

  constructor(context: CallContext, rules: CallRules) {
    this.#context = context;
    this.#rules = rules;
    this.sandboxId = context.sandboxId;
    this.#controller = rules.controller ?? new AbortController();
  }

  /** Aborts when the call is to end early; its reason is what the call fails with. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  #hintFor({ status }: Response): string | undefined {
    const { server, config } = this.#context;
    return status === 401 && server === "lifecycle" && config.apiKey === undefined
      ? NO_API_KEY_HINT
      : undefined;
  }

  /** What the typed client sends this call's request with. */
  readonly fetch = async (described: Request): Promise<Response> => {
    // The client makes its requests with the class that it was given.
    const request = described as unknown as UnsentRequest;
    this.#request = request;
    try {
      this.#begin();
      const response = await this.#attempts(request);
      // A stream ends its call itself.
      if (this.#rules.reads === "json") this.end();
      return response;
    } catch (error) {
      this.end();
      throw this.#explain(error);
    }
  };

  /**
   * The response that {@link fetch} gave, to be read as it comes.
   *
   * @throws {SandboxApiException} `UNEXPECTED_RESPONSE` if its status allows no body
   */
  receive(response: Response): StreamedResponse {
    const { status, headers } = response;
    if (status === 204 || status === 205) {
      this.end();
      throw unexpectedResponse("Expected a response body.", this);
    }
    const { idleTimeoutSeconds: seconds } = this.#rules;
    const idle = seconds === null ? undefined : new IdleTimer(seconds, () => this.#stall(seconds));
    return {
      body: new ResponseBody(response.body, this, idle),
      requestId: this.requestId,
      isProxied:
        this.#context.endpoint.current.isProxied ||
        headers.get("via") !== null ||
        headers.get("connection")?.toLowerCase() === "close",
    };
  }

  /** Ends the call early; the first reason stays. */
  abort(reason: unknown): void {
    if (!this.#isEnded) this.#controller.abort(reason);
  }

  /** Releases the caller's signal; idempotent. */
  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#unlink?.();
    this.#context.calls.delete(this);
  }

  bodyEnded(isCancelled: boolean): void {
    // A body that is read within an attempt may be followed by another attempt.
    if (this.#rules.reads === "json") return;
    this.end();
    if (isCancelled) this.#controller.abort();
  }

  brokenBody(cause: unknown): unknown {
    if (this.#rules.reads === "json") return this.#connectionFailed(cause, "response");
    const reason = describeConnectionFailure(cause);
    return this.#explain(
      new SandboxConnectionException({
        code: "STREAM_BROKEN",
        message: `${this.#describe()}: the response stream broke: ${reason}.`,
        cause,
      }),
    );
  }

  #begin(): void {
    const { signal } = this.#rules;
    this.#context.assertOpen();
    this.#isAbortedByCaller = signal?.aborted ?? false;
    throwIfAborted(signal);
    this.#context.calls.add(this);
    if (signal === undefined) return;
    this.#unlink = onAbort(signal, (reason) => {
      this.#isAbortedByCaller = true;
      this.abort(reason);
    });
  }

  /** Sends the request until it succeeds, or until what it fails with is final. */
  async #attempts(request: UnsentRequest): Promise<Response> {
    const { server, config, endpoint, clock, closing } = this.#context;
    const { retryPolicy: policy, logger } = config;
    const startedAt = clock.now();
    let previousWaitMillis: number | undefined;
    let hasRefreshed = false;
    for (let retries = 0; ;) {
      const target = endpoint.current;
      const trace = traceAttempt(this.#context, request);
      try {
        const response = await this.#attempt(request);
        trace?.(this);
        return response;
      } catch (error) {
        trace?.(this, error, this.#isAbortedByCaller);
        // The abort is what the caller wants to know of, even if another failure came first.
        this.signal.throwIfAborted();
        const url = target.url + request.path;
        const outcome = outcomeOf(error, { url, retryAfterSeconds: this.#retryAfterSeconds });
        if (outcome === undefined) throw error;
        const state = {
          method: request.method,
          server,
          replay: isReplayable(request.body) ? this.#rules.replay : "never",
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
        this.#rules.onRetry?.(event);
        await clock.sleep(waitMillis, this.signal);
      }
    }
  }

  /** Sends the request once, and gives a response that is a success. */
  async #attempt(request: UnsentRequest): Promise<Response> {
    const { reads, timeoutSeconds, idleTimeoutSeconds } = this.#rules;
    const isUpload = reads === "json" && idleTimeoutSeconds !== null;
    const idle = isUpload
      ? new IdleTimer(idleTimeoutSeconds, () => this.#stall(idleTimeoutSeconds))
      : undefined;
    const stopTimer =
      timeoutSeconds === null ? undefined : startTimer(timeoutSeconds, () => this.#timeOut(timeoutSeconds));
    try {
      idle?.start();
      const response = await this.#send(request, idle);
      this.statusCode = response.status;
      this.requestId = response.headers.get("x-request-id") ?? undefined;
      if (!response.ok) {
        this.#retryAfterSeconds = readRetryAfter(response);
        throw await toApiException(response, request, this, this.#hintFor(response));
      }
      if (reads === "stream") return response;
      return await readJson(
        new ResponseBody(response.body, this),
        this.#context.config.maxResponseBytes,
        this,
      );
    } finally {
      stopTimer?.();
      idle?.dispose();
    }
  }

  /** Binds the request to the server's present address and sends it. */
  async #send(request: UnsentRequest, idle: IdleTimer | undefined): Promise<Response> {
    const { endpoint, config } = this.#context;
    const { signal } = this;
    const url = endpoint.current.url + request.path;
    const headers = { ...endpoint.current.headers };
    let pending: Promise<Response> | undefined;
    try {
      const init: RequestInit = {
        method: request.method,
        headers,
        body: request.body,
        signal,
        redirect: "manual",
      };
      prepareBody(init, headers, { idle, hasCustomFetch: config.fetch !== undefined });
      // What the request itself says, such as the type of its body, outranks what is said for all requests.
      for (const [name, value] of request.headers) headers[name] = value;
      if (config.fetch === undefined) {
        pending = globalThis.fetch(url, init);
        return await pending;
      }
      pending = config.fetch(url, init);
      const response = await raceAbort(signal, pending);
      assertResponse(response);
      return response;
    } catch (error) {
      // What fails before `fetch` has returned a promise has not been sent.
      if (!signal.aborted) throw this.#connectionFailed(error, "request", pending === undefined);
      // A custom `fetch` that does not honour the signal may still give a response.
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

  /** Adds what is known of the call to what it fails with. */
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
    return withCallerStack(failure, this.origin);
  }

  #describe(): string {
    return `${this.#request.method} ${redactUrl(this.#request.path)}`;
  }

  #timeOut(seconds: number): void {
    if (this.#rules.reads === "stream") {
      this.#stall(seconds);
      return;
    }
    const message = `${this.#describe()} did not complete within ${seconds} s.`;
    const isRetryable = isIdempotent(this.#request.method);
    this.abort(new SandboxTimeoutException({ code: "REQUEST_TIMEOUT", message, isRetryable }));
  }

  #stall(seconds: number): void {
    const message = `${this.#describe()}: no data was transferred for ${seconds} s.`;
    this.#context.config.logger?.warn(message);
    const failure = new SandboxTimeoutException({ code: "STREAM_STALLED", message });
    // Also while a body is read, after the call has returned its response.
    addErrorContext(failure, { sandboxId: this.sandboxId, requestId: this.requestId });
    this.abort(failure);
  }
}

/** Refuses what a custom `fetch` must not give: nothing, or a response that it has read itself. */
function assertResponse(response: unknown): asserts response is Response {
  const { status, headers, body }: Record<string, unknown> = isRecord(response) ? response : {};
  if (typeof status === "number" && isRecord(headers) && isReadableBody(body)) return;
  throw new SandboxException({
    code: "UNEXPECTED_RESPONSE",
    message: "The custom `fetch` did not return a Response with an unread body.",
  });
}
