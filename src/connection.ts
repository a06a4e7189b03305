import { assertBoolean, assertFunction, assertInteger, checkOptions, refuse } from "./arguments.js";
import { SandboxException } from "./errors.js";
import { guardLogger, isLogger, redactHeaders, redactUrl, type Logger } from "./logging.js";
import { parseDomain, parseEndpoint } from "./transport/address.js";
import { assertHeaders, assertHeaderValue } from "./transport/headers.js";
import { environmentVariable } from "./transport/platform.js";
import type { Fetch } from "./transport/request.js";
import { RetryPolicy, type RetryPolicyOptions } from "./retry-policy.js";

const MIB = 2 ** 20;
const DEFAULT_DOMAIN = "localhost:8080";
const DOMAIN_VARIABLE = "OPEN_SANDBOX_DOMAIN";
const API_KEY_VARIABLE = "OPEN_SANDBOX_API_KEY";

/** Options of {@link ConnectionConfig}. */
export interface ConnectionOptions {
  /**
   * Where the lifecycle server is: `host`, `host:port`, an IPv6 address or a URL with or without a path prefix. A
   * trailing `/v1` does not matter. A scheme in it overrides `protocol`.
   * @default the environment variable `OPEN_SANDBOX_DOMAIN`, else "localhost:8080"
   */
  readonly domain?: string | undefined;
  /** How to talk to the server, and to sandbox endpoints that do not say it themselves. @default "http" */
  readonly protocol?: "http" | "https" | undefined;
  /**
   * The server's API key; an empty string means none.
   * @default the environment variable `OPEN_SANDBOX_API_KEY`, else none
   */
  readonly apiKey?: string | undefined;
  /** Headers for the lifecycle server and its proxy; nothing in a sandbox ever sees them. @default {} */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Headers for the endpoints of sandboxes, what a gateway in front of them asks for. @default {} */
  readonly sandboxHeaders?: Readonly<Record<string, string>> | undefined;
  /** How long one attempt of a request may take, the reading of its answer included, in seconds; `0` or `null` = for ever. @default 30 */
  readonly requestTimeoutSeconds?: number | null | undefined;
  /** How long a stream, an upload or a download may stand still, in seconds; `0` or `null` = for ever. @default 30 */
  readonly streamIdleTimeoutSeconds?: number | null | undefined;
  /** The largest event or measurement that a stream may send, in bytes. @default 268_435_456 (256 MiB) */
  readonly maxFrameBytes?: number | undefined;
  /** The largest response that is read whole, in bytes; downloads have no limit. @default 67_108_864 (64 MiB) */
  readonly maxResponseBytes?: number | undefined;
  /** Reaches sandboxes through the lifecycle server, for where their own addresses cannot be reached. @default false */
  readonly useServerProxy?: boolean | undefined;
  /** When a failed request is sent again. @default a policy with its defaults */
  readonly retryPolicy?: RetryPolicy | RetryPolicyOptions | undefined;
  /**
   * Sends every request: for a proxy, a client certificate, an in-process server. It is called with one `Request`,
   * whose `signal` it should honour. @default the global `fetch`
   */
  readonly fetch?: Fetch | undefined;
  /** Gets a record per request and what the SDK got over. @default none */
  readonly logger?: Logger | undefined;
}

/**
 * How to reach an OpenSandbox server: options and environment, checked and resolved once. Immutable, holds no
 * connection, and may be shared by any number of sandboxes. Printing it shows no credential.
 *
 * @example
 * ```ts
 * const connectionConfig = new ConnectionConfig({ domain: "https://sandbox.example.com", apiKey: "…" });
 * const sandbox = await Sandbox.create({ connectionConfig });
 * ```
 */
export class ConnectionConfig implements ConnectionOptions {
  readonly protocol: "http" | "https";
  /** The server's authority and path prefix, without scheme and `/v1`: `localhost:8080`, `example.com/sandboxes`. */
  readonly domain: string;
  readonly requestTimeoutSeconds: number | null;
  readonly streamIdleTimeoutSeconds: number | null;
  readonly maxFrameBytes: number;
  readonly maxResponseBytes: number;
  readonly useServerProxy: boolean;
  readonly retryPolicy: RetryPolicy;
  // Private, so that nothing that walks over an object's properties finds a credential.
  readonly #apiKey: string | undefined;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #sandboxHeaders: Readonly<Record<string, string>>;
  readonly #fetch: Fetch | undefined;
  readonly #logger: Logger | undefined;

  /** @throws {InvalidArgumentException} that names the option, or the environment variable, and what is wrong with it */
  constructor(options: ConnectionOptions = {}) {
    const {
      requestTimeoutSeconds = 30,
      streamIdleTimeoutSeconds = 30,
      maxFrameBytes = 256 * MIB,
      maxResponseBytes = 64 * MIB,
      useServerProxy = false,
      retryPolicy,
    } = checkOptions(options, "connectionConfig");
    const protocol = readProtocol(options.protocol);
    const [domain, domainSource] = fromOptions("domain", options.domain, DOMAIN_VARIABLE, DEFAULT_DOMAIN);
    const address = parseDomain(domain, { source: domainSource, protocol });
    this.protocol = address.protocol;
    this.domain = address.domain;

    const [apiKey, apiKeySource] = fromOptions("apiKey", options.apiKey, API_KEY_VARIABLE, "");
    assertHeaderValue(apiKey, apiKeySource);
    this.#apiKey = apiKey === "" ? undefined : apiKey;
    this.#headers = assertHeaders(options.headers ?? {}, "headers");
    this.#sandboxHeaders = assertHeaders(options.sandboxHeaders ?? {}, "sandboxHeaders");

    this.requestTimeoutSeconds = readTimeout("requestTimeoutSeconds", requestTimeoutSeconds);
    this.streamIdleTimeoutSeconds = readTimeout("streamIdleTimeoutSeconds", streamIdleTimeoutSeconds);
    assertInteger(maxFrameBytes, "maxFrameBytes", 1);
    assertInteger(maxResponseBytes, "maxResponseBytes", 1);
    this.maxFrameBytes = maxFrameBytes;
    this.maxResponseBytes = maxResponseBytes;
    assertBoolean(useServerProxy, "useServerProxy");
    this.useServerProxy = useServerProxy;
    this.retryPolicy = retryPolicy instanceof RetryPolicy ? retryPolicy : new RetryPolicy(retryPolicy);

    const { fetch, logger } = options;
    assertFunction(fetch, "fetch");
    this.#fetch = fetch;
    if (logger !== undefined && !isLogger(logger)) {
      refuse("logger", "an object with the methods debug, info, warn and error", logger);
    }
    this.#logger = logger && guardLogger(logger);
    Object.freeze(this);
  }

  /** The same config where it is one already, else a new one made of the options. */
  static from(config: ConnectionConfig | ConnectionOptions | undefined): ConnectionConfig {
    return config instanceof ConnectionConfig ? config : new ConnectionConfig(config);
  }

  /** A copy with some options replaced. @throws {InvalidArgumentException} as the constructor */
  with(overrides: ConnectionOptions): ConnectionConfig {
    return new ConnectionConfig({
      domain: this.domain,
      protocol: this.protocol,
      // Without a key the copy must not look for one in the environment again.
      apiKey: this.#apiKey ?? "",
      headers: this.#headers,
      sandboxHeaders: this.#sandboxHeaders,
      requestTimeoutSeconds: this.requestTimeoutSeconds,
      streamIdleTimeoutSeconds: this.streamIdleTimeoutSeconds,
      maxFrameBytes: this.maxFrameBytes,
      maxResponseBytes: this.maxResponseBytes,
      useServerProxy: this.useServerProxy,
      retryPolicy: this.retryPolicy,
      fetch: this.#fetch,
      logger: this.#logger,
      ...withoutUndefined(checkOptions(overrides, "overrides")),
    });
  }

  /** The base URL of the lifecycle API: `{protocol}://{domain}/v1`. */
  get baseUrl(): string {
    return `${this.protocol}://${this.domain}/v1`;
  }

  /** The API key, if there is one. A credential: do not print it. */
  get apiKey(): string | undefined {
    return this.#apiKey;
  }

  /** The headers for the lifecycle server, without the API key. */
  get headers(): Readonly<Record<string, string>> {
    return this.#headers;
  }

  /** The headers for the endpoints of sandboxes. */
  get sandboxHeaders(): Readonly<Record<string, string>> {
    return this.#sandboxHeaders;
  }

  /** What sends requests; `undefined` = the global `fetch`. */
  get fetch(): Fetch | undefined {
    return this.#fetch;
  }

  /** The logger, wrapped so that it cannot break a call. */
  get logger(): Logger | undefined {
    return this.#logger;
  }

  /**
   * The base URL of a sandbox's port, from what the server answered for it.
   *
   * By the contract that is an authority with or without a path, and never a scheme; where an operator has configured
   * one with a scheme, it is honoured. With `useServerProxy` the answer is a path of the server itself, behind the
   * address under which the server believes to be reached (the request's `Host`). That address is wrong behind a
   * gateway that serves the API under a path prefix, or that ends TLS: then the path is appended to the address that
   * this config has, which is known to work. Servers before July 2026 answer without `/v1`, later ones with it; both
   * routes are the same, and the answer's form is kept.
   *
   * @throws {SandboxException} `UNEXPECTED_RESPONSE` when the answer is no address
   */
  resolveEndpointUrl(endpoint: string): string {
    const url = parseEndpoint(endpoint, this.protocol);
    if (url === undefined) {
      // What stands before the host is only known for a user's name and password after two slashes.
      const shown = redactUrl(endpoint.includes("://") ? endpoint : `//${endpoint}`);
      throw new SandboxException({
        code: "UNEXPECTED_RESPONSE",
        message: `The server gave an endpoint that is no address: ${JSON.stringify(shown)}.`,
      });
    }
    const path = url.pathname.replace(/\/+$/, "");
    if (this.useServerProxy && isProxyPath(path)) {
      const base = new URL(`${this.protocol}://${this.domain}`);
      const prefix = base.pathname.replace(/\/+$/, "");
      if (prefix !== "" || (url.hostname === base.hostname && url.protocol !== base.protocol)) {
        return `${base.origin}${prefix}${path}`;
      }
    }
    return `${url.origin}${path}`;
  }

  /** Whether a URL that {@link resolveEndpointUrl} gave leads through the lifecycle server's own proxy. */
  isServerProxyUrl(endpointUrl: string): boolean {
    if (!this.useServerProxy) return false;
    const base = new URL(`${this.protocol}://${this.domain}`);
    const url = new URL(endpointUrl);
    const prefix = base.pathname.replace(/\/+$/, "");
    return (
      url.origin === base.origin &&
      url.pathname.startsWith(prefix) &&
      isProxyPath(url.pathname.slice(prefix.length))
    );
  }

  /** A view that is safe to log: credentials and header values hidden. */
  toJSON(): Record<string, unknown> {
    return {
      baseUrl: redactUrl(this.baseUrl),
      apiKey: this.#apiKey === undefined ? null : "***",
      headers: redactHeaders(this.#headers),
      sandboxHeaders: redactHeaders(this.#sandboxHeaders),
      requestTimeoutSeconds: this.requestTimeoutSeconds,
      streamIdleTimeoutSeconds: this.streamIdleTimeoutSeconds,
      maxFrameBytes: this.maxFrameBytes,
      maxResponseBytes: this.maxResponseBytes,
      useServerProxy: this.useServerProxy,
    };
  }

  /** As {@link toJSON}, on one line. */
  toString(): string {
    return `ConnectionConfig ${JSON.stringify(this)}`;
  }

  /** What `console.log` and `util.inspect` of Node print. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }
}

function isProxyPath(path: string): boolean {
  return /^(\/v1)?\/sandboxes\/[^/]+\/proxy\/\d+(\/|$)/.test(path);
}

function readProtocol(protocol: unknown): "http" | "https" {
  const name = typeof protocol === "string" ? protocol.toLowerCase() : protocol;
  if (name === undefined || name === "http") return "http";
  return name === "https" ? name : refuse("protocol", '"http" or "https"', protocol);
}

function readTimeout(name: string, seconds: unknown): number | null {
  if (seconds === null || seconds === 0) return null;
  if (typeof seconds === "number" && Number.isFinite(seconds) && seconds > 0) return seconds;
  return refuse(name, "a positive number of seconds, or null for no timeout", seconds);
}

/** An option's value and the name to blame; an explicit option wins, and an empty variable is as good as none. */
function fromOptions(name: string, value: unknown, variable: string, fallback: string): [string, string] {
  if (typeof value === "string") return [value, name];
  if (value !== undefined) return refuse(name, "a string", value);
  const found = environmentVariable(variable);
  return found === undefined ? [fallback, name] : [found, `the environment variable ${variable}`];
}

function withoutUndefined(options: ConnectionOptions): ConnectionOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
