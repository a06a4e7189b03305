import { ConnectionConfig } from "../../../src/connection.js";
import type { PoolEvent } from "../../../src/pool/events.js";
import type { SandboxPoolOptions } from "../../../src/pool/options.js";
import { SandboxPool } from "../../../src/pool/sandbox-pool.js";
import type { RetryPolicyOptions } from "../../../src/retry-policy.js";
import { errorResponse, FakeServer, sandboxJson, type FakeRequest } from "../../helpers/fake-server.js";

type Respond = (request: FakeRequest, id: string) => Response | undefined | Promise<Response | undefined>;

/** A lifecycle server with any number of sandboxes, named s1, s2 and so on, and their execds. */
export class PoolServer extends FakeServer {
  /** The sandboxes that exist, with their lifetimes in seconds. */
  readonly alive = new Map<string, number>();
  /** Sandboxes whose execd does not respond. */
  readonly deaf = new Set<string>();
  readonly events: PoolEvent[] = [];
  readonly pools: SandboxPool[] = [];
  /** Replaces the response to a creation. Gets the id that the sandbox will have. */
  onCreate: Respond = () => undefined;
  /** Replaces the response to a ping. */
  onPing: Respond = () => undefined;
  /** Replaces the response to a renewal. */
  onRenew: Respond = () => undefined;
  /** Replaces the response to a deletion. */
  onDelete: Respond = () => undefined;
  /** Whether no request reaches the server or the sandboxes. */
  isDown = false;
  created = 0;

  constructor() {
    super((request) => this.#respond(request));
  }

  /** Creates a pool of this server whose events are recorded. */
  pool({ create = {}, ...options }: SandboxPoolOptions = {}): SandboxPool {
    const pool = SandboxPool.create({
      onPoolEvent: (event) => this.events.push(event),
      ...options,
      create: typeof create === "function" ? create : { connectionConfig: this.config(), ...create },
    });
    this.pools.push(pool);
    return pool;
  }

  config(retryPolicy: RetryPolicyOptions = { maxRetries: 0 }): ConnectionConfig {
    const { fetch } = this;
    return new ConnectionConfig({ domain: "lifecycle.test", retryPolicy, fetch });
  }

  /** The ids of the sandboxes that exist. */
  get ids(): string[] {
    return [...this.alive.keys()];
  }

  /** The requests to a method and a part of the path. */
  requestsTo(method: string, part: string): FakeRequest[] {
    return this.requests.filter((request) => request.method === method && request.line.includes(part));
  }

  #respond(request: FakeRequest): Response | Promise<Response> {
    const { method, url, route } = request;
    if (this.isDown) return Promise.reject(new TypeError("fetch failed"));
    if (route === "GET /ping") {
      const [id = ""] = url.host.split(".");
      if (!this.alive.has(id) || this.deaf.has(id)) return new Response("dead", { status: 502 });
      return this.#ping(request, id);
    }
    if (route === "POST /sandboxes") return this.#create(request);
    const [, id = "", action] = /\/sandboxes\/([^/]+)\/?(.*)$/.exec(url.pathname) ?? [];
    if (!this.alive.has(id)) return errorResponse(404, "DOCKER::SANDBOX_NOT_FOUND");
    if (action === "renew-expiration") return this.#renew(request, id);
    if (method === "DELETE") return this.#delete(request, id);
    if (action?.startsWith("endpoints/")) return Response.json({ endpoint: `${id}.test:44772` });
    return Response.json(sandboxJson(id));
  }

  async #ping(request: FakeRequest, id: string): Promise<Response> {
    return (await this.onPing(request, id)) ?? new Response(null);
  }

  async #create(request: FakeRequest): Promise<Response> {
    this.created += 1;
    const id = `s${this.created}`;
    const replaced = await this.onCreate(request, id);
    if (replaced !== undefined) return replaced;
    this.alive.set(id, (request.body as { timeout: number }).timeout);
    return Response.json(sandboxJson(id), { status: 202 });
  }

  async #delete(request: FakeRequest, id: string): Promise<Response> {
    const replaced = await this.onDelete(request, id);
    if (replaced !== undefined) return replaced;
    this.alive.delete(id);
    return new Response(null, { status: 204 });
  }

  async #renew(request: FakeRequest, id: string): Promise<Response> {
    const replaced = await this.onRenew(request, id);
    if (replaced !== undefined) return replaced;
    const { expiresAt } = request.body as { expiresAt: string };
    this.alive.set(id, Math.round((Date.parse(expiresAt) - Date.now()) / 1_000));
    return Response.json({ expiresAt });
  }
}

/** Something that continues when a test says so. */
export class Gate {
  readonly #opened: Promise<void>;
  readonly open: () => void;

  constructor() {
    let open: () => void = () => undefined;
    this.#opened = new Promise((resolve) => (open = resolve));
    this.open = open;
  }

  /** Resolves to `undefined` when the gate is opened. */
  async pass(): Promise<undefined> {
    await this.#opened;
    return undefined;
  }
}
