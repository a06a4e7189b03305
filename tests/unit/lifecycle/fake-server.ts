import { ConnectionConfig, type ConnectionOptions } from "../../../src/connection.js";
import { fetchBy } from "../../helpers/fetch.js";
import { RetryPolicy } from "../../../src/retry-policy.js";

/** One request as it came. */
export interface Seen {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  /** Parsed; `undefined` without a body. */
  readonly body: unknown;
  readonly signal: AbortSignal;
}

type Answer = (seen: Seen, count: number) => Response | Promise<Response>;

export const ID = "sandbox-1";
const CREATED_AT = "2026-11-23T17:02:20.207151Z";
/** Where execd is, unless a test says otherwise. */
export const EXECD = "execd.test:44772";

/** A sandbox as the server describes it. */
export function sandboxJson(id: string = ID, fields: Readonly<Record<string, unknown>> = {}): object {
  return { id, status: { state: "Running" }, createdAt: CREATED_AT, ...fields };
}

export function serverError(status: number, code: string, headers: Record<string, string> = {}): Response {
  return Response.json({ code, message: `${code} happened` }, { status, headers });
}

/**
 * A lifecycle server and its sandboxes' execd as a `fetch`, where everything goes well until a test says otherwise.
 * Routes are named as `METHOD /path`, without `/v1` and the host.
 */
export class FakeServer {
  readonly seen: Seen[] = [];
  readonly #answers = new Map<string, Answer>();
  readonly #counts = new Map<string, number>();

  constructor() {
    this.on("POST /sandboxes", () => Response.json(sandboxJson(), { status: 202 }));
    this.on(`GET /sandboxes/${ID}`, () => Response.json(sandboxJson()));
    this.on(`GET /sandboxes/${ID}/endpoints/44772`, () => Response.json({ endpoint: EXECD }));
    this.on(`DELETE /sandboxes/${ID}`, () => new Response(null, { status: 204 }));
    this.on(`POST /sandboxes/${ID}/pause`, () => new Response(null, { status: 202 }));
    this.on(`POST /sandboxes/${ID}/resume`, () => new Response(null, { status: 202 }));
    this.on("GET /ping", () => new Response(null, { status: 200 }));
  }

  /** Changes what a route answers. `count` says how often it was asked, from 1. */
  on(route: string, answer: Answer): this {
    this.#answers.set(route, answer);
    return this;
  }

  /** Never answers on a route, until the request is aborted. */
  hang(route: string): this {
    return this.on(
      route,
      ({ signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
        }),
    );
  }

  /** What was asked for, in order. */
  get routes(): string[] {
    return this.seen.map(routeOf);
  }

  /** The only request to a route. */
  only(route: string): Seen {
    const [seen, another] = this.seen.filter((each) => routeOf(each) === route);
    if (seen === undefined || another !== undefined) throw new Error(`${route}: not asked for once.`);
    return seen;
  }

  readonly fetch = fetchBy(async (request) => {
    const { method, headers, signal } = request;
    const text = await request.text();
    const body: unknown = text === "" ? undefined : JSON.parse(text);
    const seen = { method, url: new URL(request.url), headers, body, signal };
    this.seen.push(seen);
    const route = routeOf(seen);
    const count = (this.#counts.get(route) ?? 0) + 1;
    this.#counts.set(route, count);
    const answer = this.#answers.get(route);
    return answer === undefined
      ? Response.json({ detail: "Not Found" }, { status: 404 })
      : answer(seen, count);
  });

  /** Without retries, unless asked for. */
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

function routeOf({ method, url }: Seen): string {
  return `${method} ${url.pathname.replace(/^.*\/v1\//, "/")}`;
}

/** Lets everything run that can without the clock. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
}
