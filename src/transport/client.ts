import { checkOptions } from "../arguments.js";
import { createQuerySerializer, defaultPathSerializer } from "openapi-fetch";
import type { ConnectionConfig } from "../connection.js";
import {
  addErrorContext,
  InvalidArgumentException,
  isSandboxException,
  SandboxException,
  SandboxInternalException,
  SandboxTimeoutException,
} from "../errors.js";
import { redactUrl } from "../logging.js";
import { bufferAnswer } from "./answer.js";
import { Call } from "./call.js";
import {
  Endpoint,
  sendTo,
  withFailover,
  type EndpointSource,
  type ServerKind,
  type Target,
} from "./endpoint.js";
import { isRecord } from "./json.js";
import { withLogging } from "./log.js";
import { isIdempotent, pathOf, PLACEHOLDER_ORIGIN, UnsentRequest, type Fetch } from "./request.js";
import {
  expectRecords,
  refuseRedirects,
  rememberRequestId,
  rememberSandbox,
  throwOnError,
  unexpectedResponse,
} from "./response.js";
import { systemClock, withRetry, type Clock, type Replay, type RetryEvent } from "./retry.js";
import { guardStream } from "./stream-body.js";
import { IdleClock, withTimeout } from "./timeout.js";

/** What a generated client is made from. */
export interface ClientFacts {
  readonly baseUrl: string;
  readonly fetch: Fetch;
  readonly Request: typeof UnsentRequest;
  readonly pathSerializer: (path: string, values: Record<string, unknown>) => string;
  readonly querySerializer: (query: unknown) => string;
}

/** What a {@link Transport} is made from. */
export interface TransportFacts<Client> {
  readonly server: ServerKind;
  readonly config: ConnectionConfig;
  readonly endpoint: EndpointSource;
  /** The generated factory. All of its options must reach the client. */
  readonly createClient: (facts: ClientFacts) => Client;
  /** Added to errors. */
  readonly sandboxId?: string | undefined;
  /** Time and chance, for tests. */
  readonly clock?: Clock | undefined;
}

/** What is spread into the options of a typed client's method, or is all of them. */
// The client takes options with any further keys, which an interface, open to additions, is never known to fit.
// eslint-disable-next-line @typescript-eslint/consistent-type-definitions
export type CallInit = { readonly fetch: Fetch };

/** As {@link CallInit}, for an answer that is read as a stream. */
export type StreamInit = CallInit & { readonly parseAs: "stream" };

/** Options of {@link Transport.json}. */
export interface JsonOptions {
  readonly signal?: AbortSignal | undefined;
  /** For one attempt with its answer, in seconds; `null` = for ever. @default the config's `requestTimeoutSeconds` */
  readonly timeoutSeconds?: number | null | undefined;
  /** `false` sends the request once, to where the endpoint is believed to be. @default true */
  readonly retry?: boolean | undefined;
  /** Called before each wait for a retry. */
  readonly onRetry?: ((event: RetryEvent) => void) | undefined;
}

/** Options of {@link Transport.stream}. */
export interface StreamOptions {
  readonly signal?: AbortSignal | undefined;
  /** How long the headers may take, in seconds. @default null, for ever: runs keep their own clock */
  readonly firstByteTimeoutSeconds?: number | null | undefined;
  /** How long a read of the body may wait, in seconds. @default null, for ever */
  readonly idleTimeoutSeconds?: number | null | undefined;
}

/** Options of {@link Transport.upload} and {@link Transport.download}. */
export interface TransferOptions {
  readonly signal?: AbortSignal | undefined;
  /** How long nothing may move, in seconds; `null` = for ever. @default the config's `streamIdleTimeoutSeconds` */
  readonly idleTimeoutSeconds?: number | null | undefined;
}

/**
 * The one typed client of a server, and the rules under which its calls are made.
 *
 * Each call is given one of four sets of rules, by spreading it into the client's options; a call without one is made
 * as by `json()`. Every call throws a {@link SandboxException}, or the reason of its own signal.
 *
 * @example
 * ```ts
 * const { client, json } = transport;
 * const sandbox = unwrap(await client.GET("/sandboxes/{sandboxId}", { params: { path: { sandboxId } }, ...json({ signal }) }));
 * ```
 */
export class Transport<Client> {
  /** The typed client. It stays the same when the endpoint changes. */
  readonly client: Client;
  readonly #facts: TransportFacts<Client>;
  readonly #endpoint: Endpoint;
  readonly #clock: Clock;
  readonly #calls = new Set<Call>();
  readonly #closing = new AbortController();

  constructor(facts: TransportFacts<Client>) {
    this.#facts = facts;
    this.#endpoint = new Endpoint(facts.endpoint, facts);
    this.#clock = facts.clock ?? systemClock;
    this.client = facts.createClient({
      baseUrl: PLACEHOLDER_ORIGIN,
      fetch: this.json().fetch,
      Request: UnsentRequest,
      pathSerializer: serializePath,
      querySerializer: serializeQuery,
    });
  }

  /** An answer that is read whole: a timeout for each attempt, and retries by the method. */
  readonly json = (options: JsonOptions = {}): CallInit => {
    const { config } = this.#facts;
    const {
      signal,
      timeoutSeconds = config.requestTimeoutSeconds,
      retry = true,
      onRetry,
    } = checkOptions(options);
    return {
      fetch: this.#begin(signal, (call) => {
        const read = withTimeout(bufferAnswer(this.#send(call), call), {
          seconds: timeoutSeconds,
          call,
          failure: (request) => requestTimeout(request, timeoutSeconds),
        });
        return this.#attempts(read, { call, replay: retry ? "by-method" : "never", onRetry });
      }),
    };
  };

  /** An answer that is read as it comes. It is never asked for twice, unless the first request was not sent. */
  readonly stream = (options: StreamOptions = {}): StreamInit => {
    const { signal, firstByteTimeoutSeconds = null, idleTimeoutSeconds = null } = options;
    return this.#streamed({ signal, firstByteTimeoutSeconds, idleTimeoutSeconds, replay: "if-not-sent" });
  };

  /** A large answer, read as it comes. Until it begins it is asked for again as the method allows. */
  readonly download = (options: TransferOptions = {}): StreamInit => {
    const { signal, idleTimeoutSeconds = this.#facts.config.streamIdleTimeoutSeconds } = options;
    return this.#streamed({
      signal,
      firstByteTimeoutSeconds: idleTimeoutSeconds,
      idleTimeoutSeconds,
      replay: "by-method",
    });
  };

  /** A large body with a short answer: it may take any time, as long as it moves. */
  readonly upload = (options: TransferOptions = {}): CallInit => {
    const { signal, idleTimeoutSeconds = this.#facts.config.streamIdleTimeoutSeconds } = options;
    return {
      fetch: this.#begin(signal, (call) => {
        const idle = this.#idleClock(call, idleTimeoutSeconds, "The upload");
        const read = bufferAnswer(this.#send(call, idle), call);
        const watched: Fetch = async (request) => {
          idle.start();
          try {
            return await read(request);
          } finally {
            idle.stop();
          }
        };
        return this.#attempts(watched, { call, replay: "by-method" });
      }),
    };
  };

  /** Sends later requests, retries of running ones included, to another address. */
  retarget({ url, headers }: Target): void {
    this.#endpoint.retarget({ url, headers });
  }

  /** Looks the address up anew; never rejects. */
  refresh(signal: AbortSignal): Promise<void> {
    return this.#endpoint.refresh(signal);
  }

  /** Ends everything that is under way, and every later call, with `CLOSED`; idempotent. */
  close(): void {
    if (this.closed) return;
    this.#closing.abort();
    for (const call of [...this.#calls]) call.abort(this.#closed());
  }

  get closed(): boolean {
    return this.#closing.signal.aborted;
  }

  /** @throws {SandboxException} `CLOSED` */
  assertOpen(): void {
    if (this.closed) throw this.#closed();
  }

  #streamed(options: {
    readonly signal: AbortSignal | undefined;
    readonly firstByteTimeoutSeconds: number | null;
    readonly idleTimeoutSeconds: number | null;
    readonly replay: Replay;
  }): StreamInit {
    const { signal, firstByteTimeoutSeconds, idleTimeoutSeconds, replay } = options;
    const begin = this.#begin(
      signal,
      (call) => {
        const opened = withTimeout(this.#send(call), {
          seconds: firstByteTimeoutSeconds,
          call,
          failure: (request) => this.#stalled(describe(request), firstByteTimeoutSeconds),
        });
        const attempts = this.#attempts(opened, { call, replay });
        return async (request) => {
          const response = await attempts(request);
          const what = describe(request);
          const idle = this.#idleClock(call, idleTimeoutSeconds, what);
          return guardStream(response, { call, idle, what, sandboxId: this.#facts.sandboxId });
        };
      },
      { isStream: true },
    );
    return { fetch: begin, parseAs: "stream" };
  }

  /** Makes a call of each request: with its own end, and with the context of whom it is for in its errors. */
  #begin(
    signal: AbortSignal | undefined,
    compose: (call: Call) => Fetch,
    { isStream = false }: { readonly isStream?: boolean } = {},
  ): Fetch {
    return async (request) => {
      this.assertOpen();
      // Whoever has not used `json()` may have given the signal to the client.
      const call = new Call(signal ?? request.signal, (ended) => this.#calls.delete(ended));
      this.#calls.add(call);
      try {
        const response = await compose(call)(request);
        // A stream ends its call itself.
        if (!isStream) call.end();
        rememberSandbox(response, this.#facts.sandboxId);
        return response;
      } catch (error) {
        call.end();
        if (call.isAbortedByCaller) throw error;
        const { sandboxId } = this.#facts;
        addErrorContext(error, { sandboxId });
        // A stand-in for `fetch` may answer with what is no `Response`.
        if (isSandboxException(error)) throw error;
        throw new SandboxInternalException({
          message: `${describe(request)}: ${String(error)}`,
          cause: error,
          sandboxId,
        });
      }
    };
  }

  #send(call: Call, upload?: IdleClock): Fetch {
    return refuseRedirects(sendTo(this.#endpoint, { config: this.#facts.config, call, upload }));
  }

  /** What stands around a single attempt, outermost last. */
  #attempts(
    attempt: Fetch,
    options: { readonly call: Call; readonly replay: Replay; readonly onRetry?: JsonOptions["onRetry"] },
  ): Fetch {
    const { call, replay, onRetry } = options;
    const { server, config, sandboxId } = this.#facts;
    const { logger, retryPolicy: policy } = config;
    const clock = this.#clock;
    const logged = withLogging(throwOnError(attempt, call), { logger, server, sandboxId, call, clock });
    if (replay === "never") return logged;
    const found = withFailover(logged, { endpoint: this.#endpoint, call, closing: this.#closing.signal });
    return withRetry(found, { policy, server, replay, signal: call.signal, clock, logger, onRetry });
  }

  #idleClock(call: Call, seconds: number | null, what: string): IdleClock {
    return new IdleClock(call, seconds, () => this.#stalled(what, seconds));
  }

  #stalled(what: string, seconds: number | null): SandboxTimeoutException {
    const { config, sandboxId } = this.#facts;
    const message = `${what}: nothing came or went for ${seconds ?? 0} s.`;
    config.logger?.warn(message);
    return new SandboxTimeoutException({ code: "STREAM_STALLED", message, sandboxId });
  }

  #closed(): SandboxException {
    const { server, sandboxId } = this.#facts;
    const what = server === "lifecycle" ? "The client" : "The sandbox's client";
    return new SandboxException({ code: "CLOSED", message: `${what} is closed.`, sandboxId });
  }
}

/** An object without its fields that are `undefined`. */
type Defined<Fields> = {
  [Field in keyof Fields as undefined extends Fields[Field] ? never : Field]: Fields[Field];
} & {
  [Field in keyof Fields as undefined extends Fields[Field] ? Field : never]?: Exclude<
    Fields[Field],
    undefined
  >;
};

/** A body or query as the typed client takes it. It is the same object: what is `undefined` in it is never sent. */
export function defined<Fields extends object>(fields: Fields): Defined<Fields> {
  // Neither JSON nor the encoder of queries has a word for `undefined`.
  return fields;
}

/** What a call gave. @throws {SandboxApiException} `UNEXPECTED_RESPONSE` when the answer is empty, or no object */
export function unwrap<Data>(result: {
  readonly data?: Data;
  readonly response: Response;
}): Exclude<Data, undefined> {
  const { data, response } = result;
  if (data === undefined) throw unexpectedResponse("The server's answer is empty.", response);
  if (!isRecord(data)) throw unexpectedResponse("The server's answer is no JSON object.", response);
  // What TypeScript cannot see of a generic type: `undefined` is out.
  return data as Exclude<Data, undefined>;
}

/** As {@link unwrap}, for a list of objects, which servers may give as `null` when there is nothing in it. */
export function unwrapList<Item>(result: {
  readonly data?: readonly Item[] | null;
  readonly response: Response;
}): readonly Item[] {
  const { data, response } = result;
  if (data === undefined) throw unexpectedResponse("The server's answer is empty.", response);
  return data === null ? [] : expectRecords(data, response);
}

/** For a call whose answer does not matter beyond its success, which the transport has seen to. */
export function unwrapEmpty(result: { readonly response: Response }): void {
  if (!result.response.ok) throw unexpectedResponse("The call failed.", result.response);
}

/** The body of an answer that is read as a stream. @throws {SandboxApiException} `UNEXPECTED_RESPONSE` without one */
export function unwrapStream(result: {
  readonly data?: ReadableStream<Uint8Array> | null;
  readonly response: Response;
}): ReadableStream<Uint8Array> {
  const { data, response } = result;
  if (data === undefined || data === null) {
    throw unexpectedResponse("The server's answer has no body.", response);
  }
  rememberRequestId(data, response);
  return data;
}

function requestTimeout(request: Request, seconds: number | null): SandboxTimeoutException {
  return new SandboxTimeoutException({
    code: "REQUEST_TIMEOUT",
    message: `${describe(request)} was not answered in full within ${seconds ?? 0} s.`,
    isRetryable: isIdempotent(request.method),
  });
}

function describe(request: Request): string {
  return `${request.method} ${redactUrl(pathOf(request))}`;
}

function serializePath(path: string, values: Record<string, unknown>): string {
  for (const [name, value] of Object.entries(values)) {
    // However it is encoded, a URL takes a segment of dots for a step, and none at all for another resource.
    if (value === "" || value === "." || value === "..") {
      throw new InvalidArgumentException(`${name} must not be ${value === "" ? "empty" : `"${value}"`}.`);
    }
  }
  return encodable(() => defaultPathSerializer(path, values));
}

const defaultQuerySerializer = createQuerySerializer();

function serializeQuery(query: unknown): string {
  return encodable(() => defaultQuerySerializer(isRecord(query) ? query : {}));
}

/** Half of a surrogate pair has no encoding, and `encodeURIComponent` throws. */
function encodable(encode: () => string): string {
  try {
    return encode();
  } catch (cause) {
    throw new InvalidArgumentException("An argument has text that is not well-formed Unicode.", { cause });
  }
}
