import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { ConnectionConfig } from "../../../src/connection.js";
import { RetryPolicy } from "../../../src/retry-policy.js";
import { Sandbox, type SandboxCreateOptions } from "../../../src/sandbox.js";
import { errorResponse, FakeServer, type FakeRequest } from "../../helpers/fake-server.js";
import { failureOf, settle } from "../../helpers/promises.js";

interface Fake {
  readonly id: string;
  readonly createdAt: number;
  metadata: Record<string, string>;
  state: string;
  expiresAt: number;
}
interface CreateBody {
  readonly metadata: Record<string, string>;
  readonly timeout: number;
}

/** A lifecycle server whose requests and creations take any time, and the execds of its sandboxes. */
class NamedSandboxes extends FakeServer {
  /** Those that are visible. */
  readonly alive = new Map<string, Fake>();
  /** How long a part of a request takes, in milliseconds. */
  delay: (request: FakeRequest) => number = () => 0;
  #count = 0;

  constructor() {
    super((request) => this.#respond(request));
  }

  options(): SandboxCreateOptions {
    const { fetch } = this;
    const connectionConfig = new ConnectionConfig({
      domain: "l.test",
      retryPolicy: RetryPolicy.disabled,
      fetch,
    });
    return { connectionConfig };
  }

  /** Puts a sandbox there without a request. */
  add(fields: Partial<Fake> = {}): Fake {
    this.#count += 1;
    const id = `s${this.#count}`;
    const now = Date.now();
    const fake = { id, createdAt: now, metadata: {}, state: "Running", expiresAt: now + 600_000, ...fields };
    this.alive.set(id, fake);
    return fake;
  }

  async #pause(request: FakeRequest): Promise<void> {
    const millis = this.delay(request);
    if (millis > 0) await new Promise((resolve) => setTimeout(resolve, millis));
  }

  async #respond(request: FakeRequest): Promise<Response> {
    const { method, url, route } = request;
    // The server gets the request some time after it was sent, and the caller the response some time later.
    const createdAt = Date.now();
    await this.#pause(request);
    if (route === "GET /ping") {
      const isAlive = this.alive.has(url.host.split(".")[0] ?? "");
      return new Response(null, { status: isAlive ? 200 : 502 });
    }
    const response = this.#answer(request, createdAt);
    await this.#pause(request);
    if (method === "GET" && route === "GET /sandboxes") return response;
    return response;
  }

  #answer(request: FakeRequest, createdAt: number): Response {
    const { method, url, route } = request;
    if (route === "POST /sandboxes") {
      const { metadata, timeout } = request.body as CreateBody;
      return Response.json(
        toJson(this.add({ createdAt, metadata, expiresAt: createdAt + timeout * 1_000 })),
        {
          status: 202,
        },
      );
    }
    if (route === "GET /sandboxes") {
      const wanted = [...new URLSearchParams(url.searchParams.get("metadata") ?? "")];
      const items = [...this.alive.values()].filter((fake) =>
        wanted.every(([key, value]) => fake.metadata[key] === value),
      );
      return Response.json({ items: items.map(toJson).reverse() });
    }
    const [, id = "", action = ""] = /\/sandboxes\/([^/]+)\/?(.*)$/.exec(url.pathname) ?? [];
    const fake = this.alive.get(id);
    if (fake === undefined) return errorResponse(404, "DOCKER::SANDBOX_NOT_FOUND");
    if (method === "DELETE") this.alive.delete(id);
    if (method === "DELETE") return new Response(null, { status: 204 });
    if (action === "metadata") Object.assign(fake.metadata, request.body);
    if (action === "renew-expiration") {
      const { expiresAt } = request.body as { expiresAt: string };
      fake.expiresAt = Date.parse(expiresAt);
      return Response.json({ expiresAt });
    }
    if (action === "resume") {
      if (fake.state !== "Paused") return errorResponse(409, "DOCKER::SANDBOX_NOT_PAUSED");
      fake.state = "Running";
      return new Response(null, { status: 202 });
    }
    if (action.startsWith("endpoints/")) return Response.json({ endpoint: `${id}.test:44772` });
    return Response.json(toJson(fake));
  }
}

function toJson({ id, createdAt, metadata, state, expiresAt }: Fake): object {
  const [created, expires] = [createdAt, expiresAt].map((time) => new Date(time).toISOString());
  return { id, status: { state }, metadata: { ...metadata }, createdAt: created, expiresAt: expires };
}

const NAME = "opensandbox-code-interpreter/name";
const CHOSEN = "opensandbox-code-interpreter/chosen";

let server: NamedSandboxes;
beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ["setImmediate", "nextTick", "queueMicrotask"] });
  server = new NamedSandboxes();
});
afterEach(() => {
  expect(jest.getTimerCount()).toBe(0);
  jest.useRealTimers();
});

const get = (options: SandboxCreateOptions = {}): Promise<Sandbox> =>
  Sandbox.getOrCreate("agent-1", { ...server.options(), ...options });

/** Lets time pass until the work is done. */
async function pass<Value>(work: Promise<Value>): Promise<Value> {
  const state = { isDone: false };
  const end = () => (state.isDone = true);
  work.then(end, end);
  for (let step = 0; !state.isDone && step < 10_000; step += 1) {
    await jest.advanceTimersByTimeAsync(25);
    await settleShortly();
  }
  return await work;
}
async function settleShortly(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await new Promise(setImmediate);
}

describe("getOrCreate", () => {
  test("creates the sandbox, with the name as a label, and finds it again", async () => {
    const first = await pass(get({ metadata: { team: "a" } }));
    const second = await pass(get());
    expect(second.id).toBe(first.id);
    expect([...server.alive.values()]).toEqual([
      expect.objectContaining({ metadata: { team: "a", [NAME]: "agent-1", [CHOSEN]: "true" } }),
    ]);
    const other = await pass(Sandbox.getOrCreate("agent-2", server.options()));
    expect(other.id).not.toBe(first.id);
  });

  test("reports the progress of a creation that won", async () => {
    const phases: string[] = [];
    await pass(get({ onProgress: ({ phase }) => void phases.push(phase) }));
    expect(phases).toEqual(["created", "endpoint", "ready"]);
  });

  test("resumes a paused sandbox, also if another caller was faster", async () => {
    const fake = server.add({ state: "Paused", metadata: { [NAME]: "agent-1", [CHOSEN]: "true" } });
    const both = await pass(Promise.all([get(), get()]));
    expect(both.map(({ id }) => id)).toEqual([fake.id, fake.id]);
    expect(fake.state).toBe("Running");
  });

  test("moves the expiry if it would come too early, and never shortens it", async () => {
    const fake = server.add({ metadata: { [NAME]: "agent-1", [CHOSEN]: "true" } });
    const before = fake.expiresAt;
    await pass(get({ timeoutSeconds: 60 }));
    expect(fake.expiresAt).toBe(before);
    await pass(get({ timeoutSeconds: null }));
    expect(fake.expiresAt).toBe(before);
    await pass(get({ timeoutSeconds: 3_600 }));
    expect(fake.expiresAt).toBeGreaterThan(before + 2_000_000);
  });

  test.each(["Terminated", "Failed", "Stopping"])("ignores a sandbox that is %s", async (state) => {
    const fake = server.add({ state, metadata: { [NAME]: "agent-1", [CHOSEN]: "true" } });
    expect((await pass(get())).id).not.toBe(fake.id);
  });

  test("creates another one if the one that it found ends meanwhile", async () => {
    const fake = server.add({ metadata: { [NAME]: "agent-1", [CHOSEN]: "true" } });
    server.delay = ({ line }) => {
      if (line.includes("endpoints")) server.alive.delete(fake.id);
      return 0;
    };
    const sandbox = get();
    await settle();
    server.delay = () => 0;
    expect((await pass(sandbox)).id).toBe("s2");
  });

  test("deletes a sandbox that was left behind before it was chosen", async () => {
    const fake = server.add({ metadata: { [NAME]: "agent-1" } });
    const sandbox = await pass(get());
    expect(sandbox.id).not.toBe(fake.id);
    expect([...server.alive.keys()]).toEqual([sandbox.id]);
  });

  test("leaves nothing behind if it is aborted while it waits for its turn", async () => {
    const leaving = new AbortController();
    const older = server.add({ createdAt: 0, metadata: { [NAME]: "agent-1" } });
    server.alive.delete(older.id);
    server.delay = ({ line }) => {
      // Becomes visible only after the call has found nothing.
      if (line.startsWith("POST")) server.alive.set(older.id, older);
      return 0;
    };
    const failure = failureOf(get({ signal: leaving.signal }));
    await jest.advanceTimersByTimeAsync(1_000);
    await settle();
    expect(server.alive.size).toBe(2);
    leaving.abort("enough");
    expect(await failure).toBe("enough");
    await settle();
    expect([...server.alive.keys()]).toEqual([older.id]);
  });

  test("passes on the error of a creation", async () => {
    const options = server.options();
    const fetch = new FakeServer(({ method }) =>
      method === "GET" ? Response.json({ items: [] }) : errorResponse(400, "NO"),
    ).fetch;
    const connectionConfig = new ConnectionConfig({ domain: "l.test", fetch });
    expect(await failureOf(get({ ...options, connectionConfig }))).toMatchObject({ statusCode: 400 });
  });

  test.each(["", " ", "a b", "x".repeat(64), 7])("refuses the name %j", async (name) => {
    expect(await failureOf(Sandbox.getOrCreate(name as string, server.options()))).toMatchObject({
      code: "INVALID_ARGUMENT",
    });
    expect(server.requests).toEqual([]);
  });

  test("refuses bad options before it looks for the sandbox", async () => {
    expect(await failureOf(get({ timeoutSeconds: 1 }))).toMatchObject({ code: "INVALID_ARGUMENT" });
    expect(await failureOf(get({ signal: AbortSignal.abort("no") }))).toBe("no");
    expect(server.requests).toEqual([]);
  });
});

/** A generator of numbers from 0 up to 1, the same for the same seed. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 31;
  };
}

// The creations become visible in another order than they were begun, and every request takes its own time.
test.each(Array.from({ length: 40 }, (_, seed) => seed + 1))(
  "callers at the same time get the same sandbox, whatever takes how long: %d",
  async (seed) => {
    const random = numbers(seed);
    server.delay = ({ line }) => random() * (line.startsWith("POST /v1/sandboxes") ? 3_000 : 300);
    const callers = Array.from({ length: 2 + (seed % 4) }, async () => {
      await new Promise((resolve) => setTimeout(resolve, random() * 2_000));
      const { id } = await get();
      // It is there while it is used.
      expect([...server.alive.keys()]).toContain(id);
      return id;
    });
    const ids = new Set(await pass(Promise.all(callers)));
    await pass(settle());
    expect(ids.size).toBe(1);
    expect([...server.alive.keys()]).toEqual([...ids]);
  },
);

test.each(["two words", "-a", "x".repeat(64)])("a name that cannot be one is refused: %j", async (name) => {
  const failure = await failureOf(Sandbox.getOrCreate(name));
  expect(failure).toMatchObject({
    code: "INVALID_ARGUMENT",
    message: `name must be at most 63 letters, digits, "-", "_" and ".", with a letter or digit at both ends; got ${JSON.stringify(name)}.`,
  });
});
