import type { ConnectionConfig } from "../connection.js";
import { SandboxConnectionException, SandboxException } from "../errors.js";
import { redactUrl } from "../logging.js";
import { raceAbort } from "./abort.js";
import type { Call } from "./call.js";
import { isNotSent, toConnectionException } from "./connection-failure.js";
import { isRecord } from "./json.js";
import { bodyOf, isIdempotent, pathOf, type Fetch } from "./request.js";
import { discardBody } from "./response.js";
import { watchUpload } from "./upload.js";
import type { IdleClock } from "./timeout.js";
import { USER_AGENT } from "./user-agent.js";

const API_KEY_HEADER = "OPEN-SANDBOX-API-KEY";

/** An address, and the headers that whatever stands there asks for. */
export interface Target {
  /** The base URL, with a path or without. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Where requests go, and how to find out anew. */
export interface EndpointSource extends Target {
  /** Looks the address up again, after a connection failed; `undefined` = it is not known. */
  readonly refresh?: ((signal: AbortSignal) => Promise<Target | undefined>) | undefined;
}

/** Which of a sandbox's servers is talked to. */
export type ServerKind = "lifecycle" | "execd" | "egress";

/** The address that requests go to now. It may change: after a resume, or when a sandbox has moved. */
export class Endpoint {
  readonly #server: ServerKind;
  readonly #config: ConnectionConfig;
  readonly #refresh: EndpointSource["refresh"];
  #current: { readonly url: string; readonly headers: Headers };
  #refreshing: Promise<void> | undefined;

  constructor(
    source: EndpointSource,
    facts: { readonly server: ServerKind; readonly config: ConnectionConfig },
  ) {
    this.#server = facts.server;
    this.#config = facts.config;
    this.#refresh = source.refresh;
    this.#current = this.#resolve(source);
  }

  /** What requests are sent to; another object after every change. */
  get current(): { readonly url: string; readonly headers: Headers } {
    return this.#current;
  }

  /** Sends later requests somewhere else. @throws {SandboxException} `UNEXPECTED_RESPONSE` where that is no address */
  retarget(target: Target): void {
    this.#current = this.#resolve(target);
  }

  /** Looks the address up anew, once for all that ask meanwhile. Never rejects: what failed before says more. */
  async refresh(signal: AbortSignal): Promise<void> {
    const refreshing = (this.#refreshing ??= this.#lookUp(signal));
    await refreshing;
    if (this.#refreshing === refreshing) this.#refreshing = undefined;
  }

  async #lookUp(signal: AbortSignal): Promise<void> {
    const before = this.#current;
    try {
      const found = await this.#refresh?.(signal);
      // A resume may have been faster.
      if (found !== undefined && this.#current === before && this.#isNew(found)) this.retarget(found);
    } catch {
      // The call fails with what has led here.
    }
  }

  #isNew(target: Target): boolean {
    const { url, headers } = this.#resolve(target);
    return url !== this.#current.url || !sameHeaders(headers, this.#current.headers);
  }

  /** Who is told what: see "Trust" in the documentation. */
  #resolve({ url, headers }: Target): { readonly url: string; readonly headers: Headers } {
    const config = this.#config;
    try {
      const base = new URL(url).href.replace(/\/+$/, "");
      const isLifecycle = this.#server === "lifecycle";
      const all = new Headers(USER_AGENT === undefined ? {} : { "user-agent": USER_AGENT });
      // A server with several tenants asks for the key on its proxy as well; the proxy takes it off.
      if (isLifecycle || config.isServerProxyUrl(base)) {
        if (config.apiKey !== undefined) all.set(API_KEY_HEADER, config.apiKey);
        for (const [name, value] of Object.entries(config.headers)) all.set(name, value);
      }
      if (!isLifecycle) {
        for (const [name, value] of Object.entries(config.sandboxHeaders)) all.set(name, value);
      }
      for (const [name, value] of Object.entries(headers)) all.set(name, value);
      return { url: base, headers: all };
    } catch (cause) {
      throw new SandboxException({
        code: "UNEXPECTED_RESPONSE",
        message: "The server gave an endpoint whose address or headers cannot be used.",
        cause,
      });
    }
  }
}

/** The innermost `fetch`: binds a request to the address and sends it. */
export function sendTo(
  endpoint: Endpoint,
  {
    config,
    call,
    upload,
  }: { readonly config: ConnectionConfig; readonly call: Call; readonly upload?: IdleClock | undefined },
): Fetch {
  return async (request) => {
    const { method } = request;
    const { url: base, headers: own } = endpoint.current;
    const url = base + pathOf(request);
    // Async, so that what the platform throws for a body or a header rejects.
    const send = async (): Promise<Response> => {
      const headers = new Headers(own);
      let { body } = bodyOf(request);
      if (upload !== undefined && body !== null) {
        const watched = watchUpload(body, upload);
        body = watched.body;
        for (const [name, value] of watched.headers) headers.set(name, value);
      }
      // What the call itself says, the type of its body for one, outranks what is said for all calls.
      for (const [name, value] of request.headers) headers.set(name, value);
      const init: RequestInit = {
        method,
        headers,
        body,
        signal: call.signal,
        redirect: "manual",
        ...(body !== null && { duplex: "half" }),
      };
      // The platform makes a `Request` of its own in any case; one of ours would send the body through another stream.
      return config.fetch === undefined
        ? await globalThis.fetch(url, init)
        : await config.fetch(new Request(url, init));
    };
    const pending = send();
    let response: Response;
    try {
      response = await raceAbort(call.signal, pending);
    } catch (error) {
      if (!call.signal.aborted) {
        throw toConnectionException(error, { method, where: redactUrl(url), phase: "request" });
      }
      // A `fetch` that does not heed the signal may answer yet.
      pending.then(discardBody).catch(() => undefined);
      throw error;
    }
    assertUnread(response);
    return response;
  };
}

/** Resolves the address anew, once per call, when a connection fails, and sends the request there. */
export function withFailover(
  next: Fetch,
  {
    endpoint,
    call,
    closing,
  }: { readonly endpoint: Endpoint; readonly call: Call; readonly closing: AbortSignal },
): Fetch {
  let hasRefreshed = false;
  return async (request) => {
    const before = endpoint.current;
    try {
      return await next(request);
    } catch (error) {
      const mayResend =
        error instanceof SandboxConnectionException &&
        !call.signal.aborted &&
        bodyOf(request).isReplayable &&
        (isNotSent(error) || isIdempotent(request.method));
      if (!mayResend || hasRefreshed) throw error;
      hasRefreshed = true;
      if (endpoint.current === before) await raceAbort(call.signal, endpoint.refresh(closing));
      if (endpoint.current === before) throw error;
      return await next(request);
    }
  };
}

/** Refuses what a stand-in for `fetch` may give: nothing, another library's answer, one that it has read itself. */
function assertUnread(response: unknown): void {
  const { body, headers }: Record<string, unknown> = isRecord(response) ? response : {};
  const isUnread = body === null || (isRecord(body) && "getReader" in body && body["locked"] === false);
  if (isUnread && isRecord(headers)) return;
  throw new SandboxException({
    code: "UNEXPECTED_RESPONSE",
    message: "The connection's `fetch` gave what is no Response with a body to read.",
  });
}

function sameHeaders(one: Headers, other: Headers): boolean {
  const [left, right] = [[...one], [...other]];
  return left.length === right.length && left.every(([name, value]) => other.get(name) === value);
}
