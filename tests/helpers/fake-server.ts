import { ConnectionConfig, type ConnectionOptions } from "../../src/connection.js";
import { RetryPolicy } from "../../src/retry-policy.js";
import type { SandboxLink } from "../../src/services/link.js";
import { fetchBy } from "./fetch.js";
import { linkTo } from "./link.js";

/** A request that a {@link FakeServer} received. */
export class FakeRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  readonly bytes: Buffer;
  /** Aborts when the client ends the request. */
  readonly signal: AbortSignal;
  /** Kept, since Node.js no longer aborts the signal of a request that was garbage-collected. */
  readonly request: Request;

  constructor(request: Request, bytes: Buffer) {
    const { method, url, headers, signal } = request;
    this.request = request;
    this.method = method;
    this.url = new URL(url);
    this.headers = headers;
    this.bytes = bytes;
    this.signal = signal;
  }

  /** Method, path and query. */
  get line(): string {
    return `${this.method} ${this.url.pathname}${this.url.search}`;
  }

  /** Method and path, without `/v1`. */
  get route(): string {
    return `${this.method} ${this.url.pathname.replace(/^.*\/v1\//, "/")}`;
  }

  /** The parsed JSON body; `undefined` without a body. */
  get body(): unknown {
    return this.bytes.byteLength === 0 ? undefined : (JSON.parse(this.bytes.toString()) as unknown);
  }
}

type Respond = (request: FakeRequest, count: number) => Response | Promise<Response>;

/** A server that is a `fetch` function. Records its requests. */
export class FakeServer {
  readonly requests: FakeRequest[] = [];
  readonly fetch;

  /** `respond` gets each request with its number, starting at 1. */
  constructor(respond: Respond) {
    this.fetch = fetchBy(async (request) => {
      const received = new FakeRequest(request, Buffer.from(await request.arrayBuffer()));
      return respond(received, this.requests.push(received));
    });
  }

  /** The method, path and query of each request. */
  get lines(): string[] {
    return this.requests.map(({ line }) => line);
  }

  /** The method and path of each request, without `/v1`. */
  get routes(): string[] {
    return this.requests.map(({ route }) => route);
  }
}

/** The execd of a sandbox. */
export class FakeExecd extends FakeServer {
  readonly link: SandboxLink;

  constructor(respond: Respond, options: ConnectionOptions = {}) {
    super(respond);
    this.link = linkTo("http://sandbox.test:44772", { ...options, fetch: this.fetch });
  }
}

export const ID = "sandbox-1";
const CREATED_AT = "2026-11-23T17:02:20.207151Z";
/** Where execd is, unless a test says otherwise. */
export const EXECD = "execd.test:44772";

/**
 * A lifecycle server and the execd of its sandboxes. Every call succeeds unless a test changes its route.
 * Routes are named `METHOD /path`, without `/v1` and the host.
 */
export class FakeLifecycle extends FakeServer {
  readonly #responses = new Map<string, Respond>();
  readonly #counts = new Map<string, number>();

  constructor() {
    super((request) => {
      const { route } = request;
      const count = (this.#counts.get(route) ?? 0) + 1;
      this.#counts.set(route, count);
      const respond = this.#responses.get(route);
      return respond?.(request, count) ?? Response.json({ detail: "Not Found" }, { status: 404 });
    });
    this.on("POST /sandboxes", () => Response.json(sandboxJson(), { status: 202 }));
    this.on(`GET /sandboxes/${ID}`, () => Response.json(sandboxJson()));
    this.on(`GET /sandboxes/${ID}/endpoints/44772`, () => Response.json({ endpoint: EXECD }));
    this.on(`DELETE /sandboxes/${ID}`, () => new Response(null, { status: 204 }));
    this.on(`POST /sandboxes/${ID}/pause`, () => new Response(null, { status: 202 }));
    this.on(`POST /sandboxes/${ID}/resume`, () => new Response(null, { status: 202 }));
    this.on("GET /ping", () => new Response(null, { status: 200 }));
  }

  /** Changes the response of a route. `respond` gets the number of its requests so far, starting at 1. */
  on(route: string, respond: Respond): this {
    this.#responses.set(route, respond);
    return this;
  }

  /** Leaves requests to a route without a response until they are aborted. */
  hang(route: string): this {
    return this.on(
      route,
      ({ signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
        }),
    );
  }

  /** Returns the only request to a route. */
  only(route: string): FakeRequest {
    const [request, another] = this.requests.filter((each) => each.route === route);
    if (request === undefined || another !== undefined) throw new Error(`${route}: not exactly one request.`);
    return request;
  }

  /** Returns a config for this server, without retries by default. */
  config(options: ConnectionOptions = {}): ConnectionConfig {
    return new ConnectionConfig({
      domain: "lifecycle.test",
      apiKey: "the-key",
      retryPolicy: RetryPolicy.disabled,
      fetch: this.fetch,
      ...options,
    });
  }
}

/** Encodes a sandbox as the lifecycle server does. */
export function sandboxJson(id: string = ID, fields: Readonly<Record<string, unknown>> = {}): object {
  return { id, status: { state: "Running" }, createdAt: CREATED_AT, ...fields };
}

/** Encodes an error as the servers do. */
export function errorResponse(
  status: number,
  code: string,
  { message = `${code} happened`, headers = {} }: { message?: string; headers?: Record<string, string> } = {},
): Response {
  return Response.json({ code, message }, { status, headers });
}

/** A response body that a test writes chunk by chunk. */
export class LiveBody {
  readonly response: Response;
  #controller!: ReadableStreamDefaultController<Uint8Array>;

  constructor(headers: Readonly<Record<string, string>> = {}) {
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
      },
    });
    this.response = new Response(body, { headers });
  }

  send(text: string | Uint8Array): this {
    this.#controller.enqueue(typeof text === "string" ? new TextEncoder().encode(text) : text);
    return this;
  }

  end(): void {
    this.#controller.close();
  }

  break(): void {
    this.#controller.error(new TypeError("terminated"));
  }
}
