import { SandboxException } from "../errors.js";
import { userAgent } from "./platform.js";

const API_KEY_HEADER = "open-sandbox-api-key";

/** An address, and the headers that its server requires. */
export interface Target {
  /** The base URL, with or without a path. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** The address for requests, and a function that requests it again. */
export interface EndpointSource extends Target {
  /** Looks the address up again after a connection failed; `undefined` if it is not known. */
  readonly refresh?: ((signal: AbortSignal) => Promise<Target | undefined>) | undefined;
}

/** A server of a sandbox. */
export type ServerKind = "lifecycle" | "execd" | "egress";

/** The headers for each server; see "Trust" in the documentation. */
export interface EndpointConfig {
  readonly apiKey: string | undefined;
  /** For the lifecycle server and its proxy. */
  readonly headers: Readonly<Record<string, string>>;
  /** For the endpoints of sandboxes. */
  readonly sandboxHeaders: Readonly<Record<string, string>>;
  /** Returns whether a URL leads through the lifecycle server's proxy. */
  isServerProxyUrl(url: string): boolean;
}

/** The target of requests. */
export interface ResolvedEndpoint {
  readonly url: string;
  /** By lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** `false` for a plain HTTP host and port; any other address may lead through a proxy or a gateway. */
  readonly isProxied: boolean;
}

/** The current address for requests. It changes after a resume, or when a sandbox has moved. */
export class Endpoint {
  /** What requests are sent to; another object after every change. */
  current: ResolvedEndpoint;
  readonly #server: ServerKind;
  readonly #config: EndpointConfig;
  readonly #refresh: EndpointSource["refresh"];
  #refreshing: Promise<void> | undefined;

  constructor(
    source: EndpointSource,
    context: { readonly server: ServerKind; readonly config: EndpointConfig },
  ) {
    this.#server = context.server;
    this.#config = context.config;
    this.#refresh = source.refresh;
    this.current = this.#resolve(source);
  }

  /** Sends later requests somewhere else. @throws {SandboxException} `UNEXPECTED_RESPONSE` if the address is not valid */
  retarget(target: Target): void {
    this.current = this.#resolve(target);
  }

  /** Requests the address again, once for all concurrent callers. Never rejects: the error of the call says more. */
  refresh(signal: AbortSignal): Promise<void> {
    this.#refreshing ??= this.#lookUp(signal).finally(() => (this.#refreshing = undefined));
    return this.#refreshing;
  }

  async #lookUp(signal: AbortSignal): Promise<void> {
    const before = this.current;
    try {
      const found = await this.#refresh?.(signal);
      const resolved = found && this.#resolve(found);
      // A resume may have been faster.
      if (resolved && this.current === before && !isSame(resolved, before)) this.current = resolved;
    } catch {
      // The call fails with what caused the lookup.
    }
  }

  #resolve({ url, headers }: Target): ResolvedEndpoint {
    const config = this.#config;
    try {
      const base = new URL(url);
      const href = base.href.replace(/\/+$/, "");
      const isLifecycle = this.#server === "lifecycle";
      const name = userAgent();
      // The platform's class checks names and values, and joins different spellings of a name.
      const all = new Headers(name === undefined ? {} : { "user-agent": name });
      const add = (some: Readonly<Record<string, string>>): void => {
        for (const [header, value] of Object.entries(some)) all.set(header, value);
      };
      // A server with several tenants asks for the key on its proxy as well; the proxy removes it.
      if (isLifecycle || config.isServerProxyUrl(href)) {
        if (config.apiKey !== undefined) all.set(API_KEY_HEADER, config.apiKey);
        add(config.headers);
      }
      if (!isLifecycle) add(config.sandboxHeaders);
      add(headers);
      // The address of a gateway has no port, or a path, or headers that select the sandbox.
      const isDirect = base.protocol === "http:" && base.port !== "" && base.pathname === "/";
      const isProxied = !isDirect || Object.keys(headers).length > 0;
      return { url: href, headers: Object.fromEntries(all), isProxied };
    } catch (cause) {
      throw new SandboxException({
        code: "UNEXPECTED_RESPONSE",
        message: "The server sent an endpoint that is not valid.",
        cause,
      });
    }
  }
}

function isSame(one: ResolvedEndpoint, other: ResolvedEndpoint): boolean {
  // The platform's class has sorted the headers.
  return JSON.stringify(one) === JSON.stringify(other);
}
