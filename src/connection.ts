import { assertBoolean, assertFunction, assertInteger, checkOptions, refuse } from "./arguments.js";
import { SandboxException } from "./errors.js";
import { guardLogger, isLogger, redactHeaders, redactUrl, type Logger } from "./logging.js";
import { parseDomain, parseEndpoint } from "./transport/address.js";
import { assertHeaders, assertHeaderValue } from "./transport/headers.js";
import { environmentVariable } from "./transport/platform.js";
import type { Fetch } from "./transport/request.js";
import type { WebSocketClass } from "./transport/web-socket.js";
import { RetryPolicy, type RetryPolicyOptions } from "./retry-policy.js";

const MIB = 2 ** 20;
const DEFAULT_DOMAIN = "localhost:8080";
const DOMAIN_VARIABLE = "OPEN_SANDBOX_DOMAIN";
const API_KEY_VARIABLE = "OPEN_SANDBOX_API_KEY";

/** Options of {@link ConnectionConfig}. */
export interface ConnectionOptions {
  /**
   * The address of the lifecycle server: `host`, `host:port`, an IPv6 address or a URL with or without a path prefix. A
   * trailing `/v1` does not matter. A scheme in it overrides `protocol`.
   * @default the environment variable `OPEN_SANDBOX_DOMAIN`, else "localhost:8080"
   */
  readonly domain?: string | undefined;
  /** The protocol for the server, and for sandbox endpoints that do not name one. @default "http" */
  readonly protocol?: "http" | "https" | undefined;
  /**
   * The server's API key; an empty string means none.
   * @default the environment variable `OPEN_SANDBOX_API_KEY`, else none
   */
  readonly apiKey?: string | undefined;
  /** Headers for the lifecycle server and its proxy; they never reach a program in a sandbox. @default {} */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Headers for the endpoints of sandboxes, for example those that a gateway in front of them requires. @default {} */
  readonly sandboxHeaders?: Readonly<Record<string, string>> | undefined;
  /** How long one attempt of a request may take, including reading its response, in seconds; `0` or `null` disables the limit. @default 30 */
  readonly requestTimeoutSeconds?: number | null | undefined;
  /** How long a stream, an upload or a download may go without receiving or sending a byte, in seconds; `0` or `null` disables the limit. @default 30 */
  readonly streamIdleTimeoutSeconds?: number | null | undefined;
  /** The largest event or measurement that a stream may send, in bytes. @default 268_435_456 (256 MiB) */
  readonly maxFrameBytes?: number | undefined;
  /** The largest response that is read whole, in bytes; downloads have no limit. @default 67_108_864 (64 MiB) */
  readonly maxResponseBytes?: number | undefined;
  /** Reaches sandboxes through the lifecycle server, if their own addresses cannot be reached. @default false */
  readonly useServerProxy?: boolean | undefined;
  /** Decides when a failed request is sent again. @default a policy with its defaults */
  readonly retryPolicy?: RetryPolicy | RetryPolicyOptions | undefined;
  /**
   * Sends every request: for a proxy, a client certificate, an in-process server. It is called with a URL and plain
   * options, as {@link Fetch} describes, and should honour `signal`. @default the global `fetch`
   */
  readonly fetch?: Fetch | undefined;
  /**
   * Opens the WebSockets of terminals: a class such as that of the package `ws`, called with a URL and `{ headers }`.
   * @default the global `WebSocket`; on Node.js 20 that of the package `ws`, if it is installed
   */
  readonly webSocket?: WebSocketClass | undefined;
  /** Receives a record for each request and for each problem that the SDK recovered from. @default none */
  readonly logger?: Logger | undefined;
}

/**
 * The configuration for reaching an OpenSandbox server, resolved once from options and environment variables. It is
 * immutable, holds no connection, and can be shared by any number of sandboxes. Printing it shows no credentials.
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
  // Private, so that code that iterates over properties does not find credentials.
  readonly #apiKey: string | undefined;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #sandboxHeaders: Readonly<Record<string, string>>;
  readonly #fetch: Fetch | undefined;
  readonly #logger: Logger | undefined;
  readonly webSocket: WebSocketClass | undefined;

  /** @throws {InvalidArgumentException} with a message that names the option or the environment variable */
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

    const { fetch, webSocket, logger } = options;
    assertFunction(fetch, "fetch");
    assertFunction(webSocket, "webSocket");
    this.#fetch = fetch;
    this.webSocket = webSocket;
    if (logger !== undefined && !isLogger(logger)) {
      refuse("logger", "an object with the methods debug, info, warn and error", logger);
    }
    this.#logger = logger && guardLogger(logger);
    Object.freeze(this);
  }

  /** Returns a config unchanged, or creates one from options. */
  static from(config: ConnectionConfig | ConnectionOptions | undefined): ConnectionConfig {
    return config instanceof ConnectionConfig ? config : new ConnectionConfig(config);
  }

  /** Returns a copy with some options replaced. @throws {InvalidArgumentException} if an option is invalid */
  with(overrides: ConnectionOptions): ConnectionConfig {
    return new ConnectionConfig({
      ...withoutUndefined(this),
      // If there is no key, the copy must not read one from the environment.
      apiKey: this.#apiKey ?? "",
      headers: this.#headers,
      sandboxHeaders: this.#sandboxHeaders,
      fetch: this.#fetch,
      webSocket: this.webSocket,
      logger: this.#logger,
      ...withoutUndefined(checkOptions(overrides, "overrides")),
    });
  }

  /** The base URL of the lifecycle API: `{protocol}://{domain}/v1`. */
  get baseUrl(): string {
    return `${this.#address}/v1`;
  }

  /** The API key, if there is one. It is a credential: do not print it. */
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

  /** The function that sends requests; `undefined` means the global `fetch`. */
  get fetch(): Fetch | undefined {
    return this.#fetch;
  }

  /** The logger, wrapped so that it cannot break a call. */
  get logger(): Logger | undefined {
    return this.#logger;
  }

  /**
   * Returns the base URL of a sandbox's port, made from the endpoint in the server's response.
   *
   * By the contract, an endpoint is an authority with or without a path, and has no scheme; a scheme that an operator
   * has configured is used. With `useServerProxy`, the endpoint is a path of the server itself, after the address that
   * the server takes for its own (the request's `Host`). That address is wrong behind a gateway that serves the API
   * under a path prefix, or that ends TLS. In this case the path is appended to the address in this config, which is
   * known to work. Servers before July 2026 send the path without `/v1`, later ones with it. Both routes are the same,
   * and the path is kept as it was sent.
   *
   * @throws {SandboxException} `UNEXPECTED_RESPONSE` if the endpoint is not a valid address
   */
  resolveEndpointUrl(endpoint: string): string {
    const url = parseEndpoint(endpoint, this.protocol);
    if (url === undefined) {
      // Credentials before the host are only recognized after two slashes.
      const shown = redactUrl(endpoint.includes("://") ? endpoint : `//${endpoint}`);
      throw new SandboxException({
        code: "UNEXPECTED_RESPONSE",
        message: `The server sent an endpoint that is not valid: ${JSON.stringify(shown)}.`,
      });
    }
    const path = url.pathname.replace(/\/+$/, "");
    if (this.useServerProxy && isProxyPath(path)) {
      const base = new URL(this.#address);
      if (base.pathname !== "/" || (url.hostname === base.hostname && url.protocol !== base.protocol)) {
        return this.#address + path;
      }
    }
    return url.origin + path;
  }

  /** Returns whether a URL from {@link resolveEndpointUrl} leads through the lifecycle server's proxy. */
  isServerProxyUrl(endpointUrl: string): boolean {
    const { href } = new URL(endpointUrl);
    const address = this.#address;
    return this.useServerProxy && href.startsWith(address) && isProxyPath(href.slice(address.length));
  }

  /** Returns a view that is safe to log: credentials and header values are hidden. */
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

  /** Returns the view of {@link toJSON} on one line. */
  toString(): string {
    return `ConnectionConfig ${JSON.stringify(this)}`;
  }

  /** The address of the server, without the `/v1` of its API. */
  get #address(): string {
    return `${this.protocol}://${this.domain}`;
  }

  /** Used by Node's `console.log` and `util.inspect`. */
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

/** Returns an option's value, and its source for error messages. An explicit option wins; an empty variable counts as unset. */
function fromOptions(name: string, value: unknown, variable: string, fallback: string): [string, string] {
  if (typeof value === "string") return [value, name];
  if (value !== undefined) return refuse(name, "a string", value);
  const found = environmentVariable(variable);
  return found === undefined ? [fallback, name] : [found, `the environment variable ${variable}`];
}

function withoutUndefined(options: ConnectionOptions): ConnectionOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
