import { checkOptions } from "../arguments.js";
import { createQuerySerializer, defaultPathSerializer } from "openapi-fetch";
import { InvalidArgumentException, SandboxException } from "../errors.js";
import type { RetryEvent } from "../retry-policy.js";
import { Call, type CallContext, type CallRules, type TransportConfig } from "./call.js";
import { Endpoint, type EndpointSource, type ServerKind, type Target } from "./endpoint.js";
import { isRecord } from "./json.js";
import { UnsentRequest } from "./request.js";
import { systemClock, type Clock } from "./retry.js";

/** What a generated client is made from. */
export interface ClientOptions {
  readonly baseUrl: string;
  readonly fetch: (request: Request) => Promise<Response>;
  readonly Request: typeof Request;
  readonly pathSerializer: (path: string, values: Record<string, unknown>) => string;
  readonly querySerializer: (query: unknown) => string;
}

/** What a {@link Transport} is made from. */
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
}

/** Options of {@link Transport.upload} and {@link Transport.download}. */
export interface TransferOptions {
  readonly signal?: AbortSignal | undefined;
  /** How long nothing may move, in seconds; `null` disables. @default the config's `streamIdleTimeoutSeconds` */
  readonly idleTimeoutSeconds?: number | null | undefined;
}

/**
 * The one typed client of a server, and the rules under which its calls are made.
 *
 * Each request is sent with the `fetch` of a {@link Call}, which {@link json}, {@link stream}, {@link download} and
 * {@link upload} make; one without is sent as by `json()`.
 *
 * @example
 * ```ts
 * const call = transport.json({ signal });
 * const { data } = await transport.client.GET("/sandboxes/{sandboxId}", { params, fetch: call.fetch });
 * return toSandboxInfo(data, call);
 * ```
 */
export class Transport<Client> {
  /** The typed client. It stays the same when the endpoint changes. */
  readonly client: Client;
  readonly #context: CallContext;
  readonly #closing = new AbortController();

  constructor(options: TransportOptions<Client>) {
    const { server, config, sandboxId, clock = systemClock } = options;
    this.#context = {
      server,
      config,
      sandboxId,
      clock,
      endpoint: new Endpoint(options.endpoint, options),
      closing: this.#closing.signal,
      calls: new Set(),
      assertOpen: () => {
        this.assertOpen();
      },
    };
    this.client = options.createClient({
      // What stands before the path is known when a request is sent.
      baseUrl: "",
      fetch: (request) => this.json().fetch(request),
      // As far as the typed client uses a request, this is one; it says so itself where it takes a class of its own.
      Request: UnsentRequest as unknown as typeof Request,
      pathSerializer: serializePath,
      querySerializer: serializeQuery,
    });
  }

  /** A response that is read whole: with a timeout for each attempt, and retries by the method. */
  readonly json = (options: JsonOptions = {}): Call => {
    const { signal, retry = true, onRetry } = checkOptions(options);
    const { timeoutSeconds = this.#context.config.requestTimeoutSeconds } = options;
    const replay = retry ? "by-method" : "never";
    return this.#call({ reads: "json", replay, timeoutSeconds, idleTimeoutSeconds: null, onRetry, signal });
  };

  /**
   * A response that a run reads as it comes, with timers of its own. It is never asked for twice, unless the first
   * request was not sent.
   *
   * @param controller ends the request when it aborts; the call aborts it when it ends
   */
  readonly stream = (controller: AbortController): Call => {
    const timers = { timeoutSeconds: null, idleTimeoutSeconds: null };
    return this.#call({ reads: "stream", replay: "if-not-sent", ...timers, controller });
  };

  /** A large response, read as it comes. Until it begins it is asked for again as the method allows. */
  readonly download = (options: TransferOptions = {}): Call => {
    const { signal, idleTimeoutSeconds = this.#context.config.streamIdleTimeoutSeconds } = options;
    const timers = { timeoutSeconds: idleTimeoutSeconds, idleTimeoutSeconds };
    return this.#call({ reads: "stream", replay: "by-method", ...timers, signal });
  };

  /** A large body with a short response: it may take any time, as long as data moves. */
  readonly upload = (options: TransferOptions = {}): Call => {
    const { signal, idleTimeoutSeconds = this.#context.config.streamIdleTimeoutSeconds } = options;
    return this.#call({
      reads: "json",
      replay: "by-method",
      timeoutSeconds: null,
      idleTimeoutSeconds,
      signal,
    });
  };

  /** Whether a proxy or a gateway may stand before the server. */
  get isProxied(): boolean {
    return this.#context.endpoint.current.isProxied;
  }

  /** Sends later requests, retries of running ones included, to another address. */
  retarget({ url, headers }: Target): void {
    this.#context.endpoint.retarget({ url, headers });
  }

  /** Looks the address up anew; never rejects. */
  refresh(signal: AbortSignal): Promise<void> {
    return this.#context.endpoint.refresh(signal);
  }

  /** Ends all calls under way, and every later one, with `CLOSED`; idempotent. */
  close(): void {
    if (this.closed) return;
    this.#closing.abort();
    for (const call of [...this.#context.calls]) call.abort(this.#closed());
  }

  get closed(): boolean {
    return this.#closing.signal.aborted;
  }

  /** @throws {SandboxException} `CLOSED` */
  assertOpen(): void {
    if (this.closed) throw this.#closed();
  }

  #call(rules: CallRules): Call {
    return new Call(this.#context, rules);
  }

  #closed(): SandboxException {
    const { server, sandboxId } = this.#context;
    const what = server === "lifecycle" ? "The client" : "The sandbox's client";
    return new SandboxException({ code: "CLOSED", message: `${what} is closed.`, sandboxId });
  }
}

function serializePath(path: string, values: Record<string, unknown>): string {
  for (const [name, value] of Object.entries(values)) {
    // However it is encoded, a URL takes a segment of dots for a step, and an empty one for another resource.
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
