import { createQuerySerializer, defaultPathSerializer } from "openapi-fetch";
import { checkOptions } from "../arguments.js";
import { isRecord } from "../json.js";
import { InvalidArgumentException } from "../errors.js";
import type { Logger } from "../logging.js";
import type { RetryEvent } from "../retry-policy.js";
import { Call, closedException, type CallContext, type TransportConfig } from "./call.js";
import {
  Endpoint,
  type EndpointSource,
  type ResolvedEndpoint,
  type ServerKind,
  type Target,
} from "./endpoint.js";
import { REQUEST_CHANNEL } from "./log.js";
import { diagnosticsChannel, isBrowser } from "./platform.js";
import { UnsentRequest } from "./request.js";
import { sleep } from "./abort.js";
import type { Clock } from "./retry.js";

/** Options of a generated client. */
export interface ClientOptions {
  readonly baseUrl: string;
  readonly fetch: (request: Request) => Promise<Response>;
  readonly Request: typeof Request;
  readonly pathSerializer: (path: string, values: Record<string, unknown>) => string;
  readonly querySerializer: (query: unknown) => string;
}

/** Options of a {@link Transport}. */
export interface TransportOptions<Client> {
  readonly server: ServerKind;
  readonly config: TransportConfig;
  readonly endpoint: EndpointSource;
  /** The generated factory. All of its options must reach the client. */
  readonly createClient: (options: ClientOptions) => Client;
  /** Added to errors. */
  readonly sandboxId?: string | undefined;
  /** Time and chance, for tests. */
  readonly clock?: Clock | undefined;
}

/** Options of {@link Transport.json}. */
export interface JsonOptions {
  readonly signal?: AbortSignal | undefined;
  /** For one attempt with its response, in seconds; `null` disables. @default the config's `requestTimeoutSeconds` */
  readonly timeoutSeconds?: number | null | undefined;
  /** `false` sends the request once, to where the endpoint is believed to be. @default true */
  readonly retry?: boolean | undefined;
  /** Called before each wait for a retry. */
  readonly onRetry?: ((event: RetryEvent) => void) | undefined;
  /** Hides secrets of the request in errors. */
  readonly redact?: ((text: string) => string) | undefined;
}

/** Options of {@link Transport.upload} and {@link Transport.download}. */
export interface TransferOptions {
  readonly signal?: AbortSignal | undefined;
  /** The longest time without a transferred byte, in seconds; `null` disables it. @default the config's `streamIdleTimeoutSeconds` */
  readonly idleTimeoutSeconds?: number | null | undefined;
}

/**
 * The typed client of one server, and the kinds of calls that are made with it.
 *
 * Each request is sent with the `fetch` of a {@link Call}: of {@link json}, {@link run}, {@link download} or
 * {@link upload}. A request without one is sent as by `json()`.
 *
 * @example
 * ```ts
 * const call = transport.json({ signal });
 * const { data } = await transport.client.GET("/sandboxes/{sandboxId}", { params, fetch: call.fetch });
 * return toSandboxInfo(data, call);
 *
 * const call = transport.download({ signal });
 * const { response } = await transport.client.GET("/files/download", { params, fetch: call.fetch, parseAs: "stream" });
 * return call.receive(response).body;
 * ```
 */
export class Transport<Client> {
  /** The typed client. It stays the same when the endpoint changes. */
  readonly client: Client;
  /** What the typed client is made from, for a second document of the same server. */
  readonly clientOptions: ClientOptions;
  readonly logger: Logger | undefined;
  readonly #context: CallContext;
  readonly #closing = new AbortController();

  constructor(options: TransportOptions<Client>) {
    const { server, config, sandboxId, clock = systemClock } = options;
    this.logger = config.logger;
    this.#context = {
      server,
      config,
      fetch: config.fetch,
      logger: this.logger,
      sandboxId,
      clock,
      endpoint: new Endpoint(options.endpoint, options),
      closing: this.#closing.signal,
      calls: new Set(),
      channel: diagnosticsChannel(REQUEST_CHANNEL),
      // Browsers would answer a second read of a file from their cache. Some other platforms refuse the option.
      init: isBrowser() ? { cache: "no-store" } : {},
    };
    this.clientOptions = {
      // What stands before the path is known when a request is sent.
      baseUrl: "",
      fetch: (request) => this.json().fetch(request),
      // openapi-fetch uses nothing of a request that this class does not have.
      Request: UnsentRequest as unknown as typeof Request,
      pathSerializer: serializePath,
      querySerializer: serializeQuery,
    };
    this.client = options.createClient(this.clientOptions);
  }

  /** Makes a call whose response is read whole: with a timeout for each attempt, and retries by the method. */
  readonly json = (options: JsonOptions = {}): Call => {
    const { requestTimeoutSeconds } = this.#context.config;
    const { retry = true, timeoutSeconds = requestTimeoutSeconds } = checkOptions(options);
    const { signal, onRetry, redact } = options;
    const replay = retry ? "by-method" : "never";
    return new Call(this.#context, { reads: "json", replay, timeoutSeconds, onRetry, redact, signal });
  };

  /**
   * Makes a call whose response a run reads as it arrives, with timers of its own. Its request is sent again only if the
   * first one was not sent.
   *
   * @param controller ends the request when it aborts; the call aborts it when it ends
   */
  run(controller: AbortController): Call {
    const rules = { reads: "stream", replay: "if-not-sent", timeoutSeconds: null, controller } as const;
    return new Call(this.#context, rules);
  }

  /** Makes a call with a large response that is read as it arrives. Until it begins, the request may be retried. */
  download(options: TransferOptions = {}): Call {
    const { streamIdleTimeoutSeconds } = this.#context.config;
    const { signal, idleTimeoutSeconds: timeoutSeconds = streamIdleTimeoutSeconds } = options;
    return new Call(this.#context, { reads: "stream", replay: "by-method", timeoutSeconds, signal });
  }

  /** Makes a call with a large body and a short response, without a time limit as long as data moves. */
  upload(options: TransferOptions = {}): Call {
    const { streamIdleTimeoutSeconds } = this.#context.config;
    const { signal, idleTimeoutSeconds: uploadIdleTimeoutSeconds = streamIdleTimeoutSeconds } = options;
    return new Call(this.#context, {
      reads: "json",
      replay: "by-method",
      timeoutSeconds: null,
      uploadIdleTimeoutSeconds,
      signal,
    });
  }

  /** Sends later requests, including retries of running ones, to another address. */
  retarget({ url, headers }: Target): void {
    this.#context.endpoint.retarget({ url, headers });
  }

  /** Requests the address again. Never rejects. */
  refresh(signal: AbortSignal): Promise<void> {
    return this.#context.endpoint.refresh(signal);
  }

  /** Ends all pending and later calls with `CLOSED`. */
  close(): void {
    if (this.closed) return;
    this.#closing.abort();
    for (const call of [...this.#context.calls]) call.abort(closedException(this.#context));
  }

  /** The current address, for a WebSocket. */
  get endpoint(): ResolvedEndpoint {
    return this.#context.endpoint.current;
  }

  /** Aborts when the client closes. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  get closed(): boolean {
    return this.#closing.signal.aborted;
  }

  /** @throws {SandboxException} `CLOSED` */
  assertOpen(): void {
    if (this.closed) throw closedException(this.#context);
  }
}

// Reads `performance` at a call, not at the import: test environments lack it.
const systemClock: Clock = { now: () => performance.now(), random: Math.random, sleep };
const defaultQuerySerializer = createQuerySerializer();

function serializePath(path: string, values: Record<string, unknown>): string {
  for (const [name, value] of Object.entries(values)) {
    // However it is encoded, a URL takes a segment of dots for a step, and an empty one for another resource.
    if (value === "" || value === "." || value === "..") {
      throw new InvalidArgumentException(`${name} must not be ${value === "" ? "empty" : `"${value}"`}.`);
    }
  }
  try {
    return defaultPathSerializer(path, values);
  } catch (cause) {
    throw notEncodable(cause);
  }
}

function serializeQuery(query: unknown): string {
  try {
    return defaultQuerySerializer(isRecord(query) ? query : {});
  } catch (cause) {
    throw notEncodable(cause);
  }
}

/** `encodeURIComponent` throws for half of a surrogate pair. */
function notEncodable(cause: unknown): InvalidArgumentException {
  return new InvalidArgumentException("An argument must be well-formed Unicode.", { cause });
}
