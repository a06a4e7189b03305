import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import type { SandboxPoolOptions } from "../../../src/pool/options.js";
import { SandboxPool } from "../../../src/pool/sandbox-pool.js";
import { Sandbox } from "../../../src/sandbox.js";
import { errorResponse } from "../../helpers/fake-server.js";
import { failureOf, settle } from "../../helpers/promises.js";
import { Gate, PoolServer } from "./pool-server.js";

let server: PoolServer;
beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ["setImmediate", "nextTick", "queueMicrotask"] });
  server = new PoolServer();
});
afterEach(async () => {
  for (const pool of server.pools) await pool.close();
  expect(jest.getTimerCount()).toBe(0);
  jest.useRealTimers();
});

async function filled(options: SandboxPoolOptions = {}): Promise<SandboxPool> {
  const pool = server.pool(options);
  await pool.waitUntilFull();
  return pool;
}

async function advance(seconds: number): Promise<void> {
  await jest.advanceTimersByTimeAsync(seconds * 1_000);
  await settle();
}

async function isClosedWithin(seconds: number, pool: SandboxPool): Promise<void> {
  let isClosed = false;
  void pool.close().then(() => (isClosed = true));
  await advance(seconds);
  expect(isClosed).toBe(true);
}

/** After how many seconds each creation was sent, while time passes. */
async function creationTimes(seconds: number): Promise<number[]> {
  const times: number[] = [];
  for (let second = 0; second <= seconds; second += 1) {
    const before = server.created;
    await advance(second === 0 ? 0 : 1);
    for (let count = before; count < server.created; count += 1) times.push(second);
  }
  return times;
}

describe("failing creations", () => {
  test("are repeated ever more slowly, one at a time, and at full speed after a success", async () => {
    server.onCreate = () => errorResponse(500, "BROKEN");
    const pool = server.pool({ size: 3, concurrency: 1, maxBackoffMillis: 4_000 });
    expect(await creationTimes(15)).toEqual([0, 1, 3, 7, 11, 15]);
    expect(pool.stats).toMatchObject({ createFailures: 6, consecutiveFailures: 6, idle: 0 });
    expect(pool.stats.lastError).toMatchObject({ statusCode: 500 });
    server.onCreate = () => undefined;
    await advance(4);
    expect(pool.stats).toMatchObject({ idle: 3, consecutiveFailures: 0, lastError: undefined });
    const delays = server.events.flatMap((event) =>
      event.type === "create_failed" ? event.retryInMillis : [],
    );
    expect(delays).toEqual([1_000, 2_000, 4_000, 4_000, 4_000, 4_000]);
  });

  test("at once count, and are followed by one attempt", async () => {
    const gate = new Gate();
    server.onCreate = async () => {
      await gate.pass();
      return errorResponse(500, "BROKEN");
    };
    const pool = server.pool({ size: 4 });
    await settle();
    expect(server.created).toBe(4);
    gate.open();
    await settle();
    expect(pool.stats.consecutiveFailures).toBe(4);
    await advance(8);
    expect(server.created).toBe(5);
  });

  test("with Retry-After wait as long as the server asks", async () => {
    server.onCreate = () => errorResponse(429, "POOL_EMPTY", { headers: { "retry-after": "90" } });
    const pool = server.pool({ size: 1 });
    await advance(89);
    expect(server.created).toBe(1);
    server.onCreate = () => undefined;
    await advance(1);
    expect(pool.stats).toMatchObject({ idle: 1, created: 1, createFailures: 1 });
  });

  test("that may succeed later leave callers waiting until one does", async () => {
    server.onCreate = () => errorResponse(500, "BROKEN");
    const pool = server.pool({ size: 1, policy: "wait" });
    const waiting = pool.acquire();
    await advance(3);
    server.onCreate = () => undefined;
    await advance(4);
    expect((await waiting).id).toBe(server.ids[0]);
  });

  test.each([400, 401, 403, 404, 422])("with status %d end the waiting at once", async (status) => {
    server.onCreate = () => errorResponse(status, "NO");
    const pool = server.pool({ size: 1, policy: "wait" });
    const failures = await Promise.all([failureOf(pool.acquire()), failureOf(pool.waitUntilFull())]);
    expect(failures).toEqual([
      expect.objectContaining({ statusCode: status }),
      expect.objectContaining({ statusCode: status }),
    ]);
    // The pool goes on: the server may be put right.
    server.onCreate = () => undefined;
    await advance(2);
    expect(pool.stats.idle).toBe(1);
  });

  test("for a caller slow down the pool, too", async () => {
    const pool = server.pool({ size: 0 });
    server.onCreate = () => errorResponse(500, "BROKEN");
    expect(await failureOf(pool.acquire())).toMatchObject({ statusCode: 500 });
    pool.resize(1);
    await settle();
    expect(server.created).toBe(1);
    server.onCreate = () => undefined;
    await advance(1);
    expect(pool.stats.idle).toBe(1);
  });

  test("of options that the SDK refuses are final", async () => {
    const pool = server.pool({
      size: 1,
      policy: "wait",
      create: { env: { "a=b": "c" }, connectionConfig: server.config() },
    });
    expect(await failureOf(pool.acquire())).toMatchObject({ code: "INVALID_ARGUMENT" });
    expect(server.requests).toEqual([]);
  });
});

describe("an idle sandbox", () => {
  test.each(["does not respond", "was killed"])("that %s is replaced at the next check", async (how) => {
    const pool = await filled({ size: 2, healthCheckIntervalSeconds: 10 });
    if (how === "was killed") server.alive.delete("s1");
    else server.deaf.add("s1");
    await advance(9);
    expect(pool.stats).toMatchObject({ idle: 2, discarded: 0 });
    await advance(1);
    expect(server.ids.sort()).toEqual(["s2", "s3"]);
    expect(pool.stats).toMatchObject({ idle: 2, discarded: 1 });
    expect(server.events).toContainEqual({ type: "discarded", sandboxId: "s1", reason: "unhealthy" });
  });

  test("that has died is passed over, and replaced", async () => {
    const pool = await filled({ size: 3, policy: "wait" });
    server.deaf.add("s1");
    server.alive.delete("s2");
    expect((await pool.acquire()).id).toBe("s3");
    await pool.waitUntilFull();
    expect(server.ids.sort()).toEqual(["s3", "s4", "s5", "s6"]);
    const discarded = server.events.filter(({ type }) => type === "discarded");
    expect(discarded).toEqual([
      { type: "discarded", sandboxId: "s1", reason: "unhealthy" },
      { type: "discarded", sandboxId: "s2", reason: "gone" },
    ]);
  });

  test("is renewed before it expires, for as long as the pool is open", async () => {
    const pool = await filled({ size: 1, idleTimeoutSeconds: 120, healthCheckIntervalSeconds: 25 });
    await advance(50);
    expect(server.requestsTo("POST", "renew")).toEqual([]);
    await advance(25);
    expect(server.requestsTo("POST", "renew")).toHaveLength(1);
    expect(server.alive.get("s1")).toBe(120);
    await advance(1_000);
    expect(server.requestsTo("POST", "renew")).toHaveLength(14);
    expect(pool.stats).toMatchObject({ idle: 1, created: 1 });
  });

  test("is checked often enough to be renewed, whatever the interval", async () => {
    await filled({ size: 1, idleTimeoutSeconds: 60, healthCheckIntervalSeconds: 3_600 });
    await advance(45);
    expect(server.requestsTo("POST", "renew")).toHaveLength(1);
  });

  test("stays if only its renewal fails, and is replaced once the server does not know it", async () => {
    const pool = await filled({ size: 1, idleTimeoutSeconds: 60 });
    server.onRenew = () => errorResponse(503, "BUSY");
    await advance(45);
    expect(pool.stats).toMatchObject({ idle: 1, discarded: 0 });
    expect(server.events).toContainEqual(
      expect.objectContaining({
        type: "sandbox_error",
        error: expect.objectContaining({ statusCode: 503 }) as unknown,
      }),
    );
    server.onRenew = () => errorResponse(404, "DOCKER::SANDBOX_NOT_FOUND");
    await advance(15);
    expect(server.events).toContainEqual({ type: "discarded", sandboxId: "s1", reason: "gone" });
    expect(pool.stats).toMatchObject({ idle: 1, created: 2 });
  });

  test("gets the lifetime of its caller even if it is being renewed", async () => {
    const pool = await filled({ size: 1, idleTimeoutSeconds: 60, create: { timeoutSeconds: 3_600 } });
    const gate = new Gate();
    server.onRenew = () => gate.pass();
    await advance(45);
    const acquiring = pool.acquire();
    await settle();
    expect(server.requestsTo("POST", "renew")).toHaveLength(1);
    gate.open();
    expect((await acquiring).id).toBe("s1");
    expect(server.alive.get("s1")).toBe(3_600);
  });

  test("that cannot be killed is reported, and close does not fail", async () => {
    const pool = await filled({ size: 1 });
    server.onDelete = () => errorResponse(500, "BROKEN");
    await pool.close();
    expect(server.events.at(-1)).toMatchObject({ type: "sandbox_error", sandboxId: "s1" });
  });
});

describe("a server that dies and returns", () => {
  test("is filled again", async () => {
    const pool = await filled({ size: 3, policy: "wait" });
    server.alive.clear();
    server.isDown = true;
    const waiting = pool.acquire({ timeoutSeconds: 600 });
    await advance(40);
    expect(pool.stats).toMatchObject({ idle: 0, waiting: 1 });
    expect(pool.stats.consecutiveFailures).toBeGreaterThan(2);
    server.isDown = false;
    await advance(60);
    expect(server.ids).toContain((await waiting).id);
    expect(pool.stats).toMatchObject({ idle: 3, waiting: 0, consecutiveFailures: 0 });
  });

  test("does not keep close waiting, neither for sandboxes that are being killed nor for idle ones and creations", async () => {
    const connectionConfig = server.config({ maxRetries: 3, initialBackoffMillis: 5_000 });
    const pool = await filled({ size: 3, create: { connectionConfig } });
    server.isDown = true;
    pool.resize(2);
    await advance(1);
    await isClosedWithin(1, pool);
    expect(server.events.filter(({ type }) => type === "sandbox_error")).toHaveLength(3);

    server.isDown = false;
    const refused = Object.assign(new TypeError("fetch failed"), { code: "ECONNREFUSED" });
    server.onCreate = () => Promise.reject(refused);
    const empty = server.pool({ size: 1, create: { connectionConfig } });
    while (empty.stats.createFailures === 0) await advance(5);
    await advance(1);
    expect(empty.stats.creating).toBe(1);
    await isClosedWithin(1, empty);
    // A request that is repeated afterwards leaves nothing behind.
    server.alive.clear();
    server.onCreate = () => undefined;
    await advance(60);
    expect(server.ids).toEqual([]);
  });

  test("does not keep an acquisition longer than its time limit", async () => {
    const pool = await filled({ size: 1, policy: "wait" });
    server.isDown = true;
    const failure = failureOf(pool.acquire({ timeoutSeconds: 20 }));
    await advance(20);
    expect(await failure).toMatchObject({ code: "POOL_TIMEOUT", cause: { code: "CREATE_OUTCOME_UNKNOWN" } });
    server.isDown = false;
  });
});

describe("a callback that throws", () => {
  const thrown = (): never => {
    throw new RangeError("mine");
  };

  test.each<[string, () => unknown]>([
    ["throws", thrown],
    ["rejects", () => Promise.reject(new RangeError("mine"))],
  ])("has no effect as onPoolEvent that %s", async (_, onPoolEvent) => {
    const pool = await filled({ size: 1, onPoolEvent });
    await pool.use(() => undefined);
    await pool.waitUntilFull();
    expect(pool.stats).toMatchObject({ idle: 1, created: 2, createFailures: 0 });
  });

  test("as prepare kills the sandbox and counts as a failed creation", async () => {
    let isBroken = true;
    const prepare = () => (isBroken ? thrown() : undefined);
    const pool = server.pool({ size: 1, prepare });
    await settle();
    expect(pool.stats).toMatchObject({ idle: 0, createFailures: 1, lastError: new RangeError("mine") });
    expect(server.ids).toEqual([]);
    expect(await failureOf(pool.acquire())).toEqual(new RangeError("mine"));
    isBroken = false;
    await advance(4);
    expect(pool.stats.idle).toBe(1);
  });

  test("as healthCheck makes the sandbox unhealthy", async () => {
    const sick = new Set<string>();
    const healthCheck = ({ id }: Sandbox) => (sick.has(id) ? thrown() : Promise.resolve(true));
    const pool = await filled({
      size: 1,
      healthCheckIntervalSeconds: 10,
      create: { connectionConfig: server.config(), healthCheck },
    });
    sick.add("s1");
    await advance(10);
    expect(server.ids).toEqual(["s2"]);
    expect(pool.stats).toMatchObject({ idle: 1, discarded: 1 });
  });

  test("as healthCheck that never ends makes the sandbox unhealthy", async () => {
    let isStuck = false;
    const healthCheck = () => (isStuck ? new Promise<boolean>(() => undefined) : Promise.resolve(true));
    const pool = await filled({ size: 1, create: { connectionConfig: server.config(), healthCheck } });
    isStuck = true;
    const failure = failureOf(pool.acquire({ policy: "fail-fast" }));
    await advance(5);
    expect(await failure).toMatchObject({ code: "POOL_EMPTY" });
    isStuck = false;
  });

  test("as onProgress makes the creation fail and deletes the sandbox", async () => {
    const pool = server.pool({ size: 1, create: { connectionConfig: server.config(), onProgress: thrown } });
    await settle();
    expect(pool.stats.lastError).toEqual(new RangeError("mine"));
    expect(server.created).toBe(1);
    expect(server.ids).toEqual([]);
  });

  test.each<[string, () => unknown, object]>([
    ["throws", thrown, { name: "RangeError" }],
    ["returns something else", () => Promise.resolve({}), { message: "create must return a Sandbox." }],
  ])("as create that %s makes the creation fail", async (_, create, error) => {
    const pool = server.pool({ size: 0, create: create as never });
    expect(await failureOf(pool.acquire())).toMatchObject(error);
    expect(pool.stats).toMatchObject({ createFailures: 1, creating: 0 });
  });
});

test("a prepare that does not end is ended after prepareTimeoutSeconds, by its signal", async () => {
  let ended: unknown;
  const prepare = (_: Sandbox, { signal }: { readonly signal: AbortSignal }) =>
    new Promise((resolve) => {
      signal.addEventListener("abort", () => {
        ended = signal.reason;
        resolve(undefined);
      });
    });
  const pool = server.pool({ size: 1, prepare, prepareTimeoutSeconds: 20 });
  await advance(20);
  expect(ended).toMatchObject({ code: "WAIT_TIMEOUT", sandboxId: "s1" });
  expect(pool.stats).toMatchObject({ createFailures: 1, idle: 0 });
  expect(server.ids).toEqual([]);
});

test("a function that ignores its signal cannot keep close waiting, and its late sandbox is killed", async () => {
  const gate = new Gate();
  const create: SandboxPoolOptions["create"] = async () => {
    await gate.pass();
    return await Sandbox.create({ connectionConfig: server.config() });
  };
  const pool = server.pool({ size: 1, create, drainTimeoutSeconds: 2 });
  await settle();
  const closing = pool.close();
  await advance(2);
  await closing;
  gate.open();
  await settle();
  expect(server.created).toBe(1);
  expect(server.ids).toEqual([]);
});

test("use is refused without a function, before a sandbox is taken", async () => {
  const pool = await filled();
  // Callers in plain JavaScript can pass any value.
  expect(await failureOf(pool.use(undefined as never))).toMatchObject({ name: "InvalidArgumentException" });
  expect(pool.stats.acquired).toBe(0);
});

test.each<[string, object]>([
  ["size must be an integer of at least 0; got -1.", { size: -1 }],
  ["create must be an object; got null.", { create: null }],
  [
    "create.timeoutSeconds must be a number: a pool's sandboxes expire.",
    { create: { timeoutSeconds: null } },
  ],
  ["create.timeoutSeconds must be an integer of at least 60; got 5.", { create: { timeoutSeconds: 5 } }],
  ["create.signal must not be set", { create: { signal: new AbortController().signal } }],
  ["idleTimeoutSeconds must be an integer of at least 60; got null.", { idleTimeoutSeconds: null }],
  ["policy must be one of", { policy: "hope" }],
  ["concurrency must be an integer of at least 1; got 0.", { concurrency: 0 }],
  ["maxBackoffMillis must be an integer of at least 1000; got 10.", { maxBackoffMillis: 10 }],
  ["prepare must be a function", { prepare: true }],
  ["onPoolEvent must be a function", { onPoolEvent: 1 }],
  ["timeoutMs is not an option of this SDK", { timeoutMs: 1 }],
])("is not created with bad options: %s", (message, options) => {
  expect(() => SandboxPool.create(options)).toThrow(message);
});
