import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { SandboxTimeoutException } from "../../../src/errors.js";
import { PoolClosedException, PoolEmptyException } from "../../../src/pool/errors.js";
import type { SandboxPool } from "../../../src/pool/sandbox-pool.js";
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
  // Nothing is left behind, whatever the test did.
  expect(jest.getTimerCount()).toBe(0);
  expect(process.listenerCount("SIGTERM")).toBe(0);
  expect(process.listenerCount("beforeExit")).toBe(0);
  jest.useRealTimers();
});

async function filled(options: Parameters<PoolServer["pool"]>[0] = {}): Promise<SandboxPool> {
  const pool = server.pool(options);
  await pool.waitUntilFull();
  return pool;
}

async function advance(seconds: number): Promise<void> {
  await jest.advanceTimersByTimeAsync(seconds * 1_000);
  await settle();
}

describe("a pool", () => {
  test("creates sandboxes up to its size, a few at a time", async () => {
    const gate = new Gate();
    server.onCreate = () => gate.pass();
    const pool = server.pool({ size: 5, concurrency: 2, idleTimeoutSeconds: 120 });
    await settle();
    expect(pool.stats).toMatchObject({ size: 5, idle: 0, creating: 2 });
    gate.open();
    await pool.waitUntilFull();
    expect(pool.stats).toMatchObject({ idle: 5, creating: 0, created: 5, createFailures: 0 });
    expect([...server.alive.values()]).toEqual([120, 120, 120, 120, 120]);
  });

  test("hands out the oldest one with its lifetime, and creates another one", async () => {
    const pool = await filled({ size: 2, create: { timeoutSeconds: 3_600 } });
    const sandbox = await pool.acquire();
    expect(sandbox).toBeInstanceOf(Sandbox);
    expect(sandbox.id).toBe("s1");
    await pool.waitUntilFull();
    expect([...server.alive]).toEqual([
      ["s1", 3_600],
      ["s2", 600],
      ["s3", 600],
    ]);
    expect(pool.stats).toMatchObject({ idle: 2, acquired: 1, acquiredIdle: 1, created: 3 });
    expect((await pool.acquire({ sandboxTimeoutSeconds: 61 })).id).toBe("s2");
    expect(server.alive.get("s2")).toBe(61);
  });

  test("costs a ping and a renewal per acquisition", async () => {
    const pool = await filled({ size: 1 });
    const gate = new Gate();
    server.onCreate = () => gate.pass();
    const before = server.requests.length;
    await pool.acquire();
    const routes = server.routes.slice(before).sort();
    gate.open();
    expect(routes).toEqual(["GET /ping", "POST /sandboxes/s1/renew-expiration"]);
  });

  test("kills what it handed out when `await using` ends", async () => {
    const pool = await filled({ size: 1 });
    {
      await using sandbox = await pool.acquire();
      expect(server.ids).toContain(sandbox.id);
    }
    expect(server.ids).not.toContain("s1");
  });

  test.each(["wait", "direct-create"] as const)(
    "gives each of many callers at once a sandbox of their own: %s",
    async (policy) => {
      const pool = await filled({ size: 3, policy });
      const sandboxes = await Promise.all(Array.from({ length: 20 }, () => pool.acquire()));
      expect(new Set(sandboxes.map(({ id }) => id)).size).toBe(20);
      await pool.waitUntilFull();
      expect(pool.stats).toMatchObject({ idle: 3, creating: 0, waiting: 0, acquired: 20, created: 23 });
    },
  );

  test("of size 0 creates sandboxes for callers only", async () => {
    const pool = await filled({ size: 0 });
    expect(server.created).toBe(0);
    await pool.acquire();
    expect(pool.stats).toMatchObject({ idle: 0, creating: 0, created: 1, acquiredIdle: 0 });
    await pool.acquire({ policy: "wait" });
    expect(pool.stats).toMatchObject({ idle: 0, creating: 0, created: 2, acquiredIdle: 1 });
  });

  test("accepts a function that creates sandboxes", async () => {
    const create = jest.fn((options: object) =>
      Sandbox.create({ ...options, connectionConfig: server.config(), metadata: { team: "a" } }),
    );
    const pool = await filled({ size: 1, create, idleTimeoutSeconds: 99 });
    expect(create.mock.calls[0]?.[0]).toMatchObject({ timeoutSeconds: 99, killOnDispose: true });
    expect((await pool.acquire()).id).toBe("s1");
    await pool.waitUntilFull();
  });

  test("prepares each sandbox once, before it is idle or returned", async () => {
    const prepared: string[] = [];
    const prepare = ({ id }: Sandbox) => prepared.push(id);
    const pool = await filled({ size: 1, prepare });
    expect(prepared).toEqual(["s1"]);
    const both = await Promise.all([pool.acquire(), pool.acquire()]);
    await pool.waitUntilFull();
    expect(prepared.sort()).toEqual(["s1", "s2", "s3"]);
    expect(both).toHaveLength(2);
  });

  test("reports what happens", async () => {
    const pool = await filled({ size: 1 });
    await pool.use(() => undefined);
    await pool.waitUntilFull();
    await pool.close();
    expect(
      server.events.map((event) => `${event.type} ${"sandboxId" in event ? event.sandboxId : ""}`),
    ).toEqual(
      expect.arrayContaining(["created s1", "acquired s1", "discarded s1", "created s2", "discarded s2"]),
    );
    expect(server.events).toContainEqual(expect.objectContaining({ type: "acquired", source: "idle" }));
    expect(server.events).toContainEqual({ type: "discarded", sandboxId: "s1", reason: "used" });
    expect(server.events).toContainEqual({ type: "discarded", sandboxId: "s2", reason: "cancelled" });
  });
});

describe("an empty pool", () => {
  test("creates a sandbox for the call by default, and passes on its error", async () => {
    const pool = server.pool({ size: 0 });
    server.onCreate = () => errorResponse(400, "SANDBOX::INVALID_PARAMETER");
    expect(await failureOf(pool.acquire())).toMatchObject({ statusCode: 400 });
  });

  test("fails at once with fail-fast, and says why it is empty", async () => {
    server.onCreate = () => errorResponse(500, "BROKEN");
    const pool = server.pool({ size: 1, policy: "fail-fast" });
    await settle();
    const failure = await failureOf(pool.acquire());
    expect(failure).toBeInstanceOf(PoolEmptyException);
    expect(failure).toMatchObject({
      code: "POOL_EMPTY",
      isRetryable: true,
      message: "No sandbox is idle. The latest creation failed: BROKEN happened",
      cause: { statusCode: 500 },
    });
  });

  test("lets callers wait in turn", async () => {
    const gate = new Gate();
    server.onCreate = () => gate.pass();
    const pool = server.pool({ size: 1, policy: "wait", concurrency: 1 });
    const order: string[] = [];
    const waiting = ["a", "b", "c"].map(async (name) => {
      const { id } = await pool.acquire();
      order.push(`${name} ${id}`);
    });
    await settle();
    expect(pool.stats).toMatchObject({ waiting: 3, creating: 1 });
    gate.open();
    await Promise.all(waiting);
    expect(order).toEqual(["a s1", "b s2", "c s3"]);
  });

  test("ends a wait after timeoutSeconds", async () => {
    server.onCreate = () => errorResponse(503, "BUSY");
    const pool = server.pool({ size: 1, policy: "wait", acquireTimeoutSeconds: 5 });
    const failures = [pool.acquire(), pool.acquire({ timeoutSeconds: 7 })].map(failureOf);
    await advance(5);
    expect(await failures[0]).toBeInstanceOf(SandboxTimeoutException);
    expect(await failures[0]).toMatchObject({ code: "POOL_TIMEOUT", cause: { statusCode: 503 } });
    expect(pool.stats.waiting).toBe(1);
    await advance(2);
    expect(await failures[1]).toMatchObject({ code: "POOL_TIMEOUT" });
  });

  test("lets a caller that waits leave, and serves the others", async () => {
    const gate = new Gate();
    server.onCreate = () => gate.pass();
    const pool = server.pool({ size: 0, policy: "wait" });
    const leaving = new AbortController();
    const first = failureOf(pool.acquire({ signal: leaving.signal }));
    const second = pool.acquire();
    leaving.abort("enough");
    expect(await first).toBe("enough");
    gate.open();
    expect(["s1", "s2"]).toContain((await second).id);
    await settle();
    // The sandbox of the one that left is not kept.
    expect(server.ids).toHaveLength(1);
    expect(pool.stats).toMatchObject({ idle: 0, creating: 0, waiting: 0 });
  });

  test("deletes the sandbox of a call that is aborted while it creates one", async () => {
    const gate = new Gate();
    server.onCreate = () => gate.pass();
    const pool = server.pool({ size: 0 });
    const leaving = new AbortController();
    const failure = failureOf(pool.acquire({ signal: leaving.signal }));
    await settle();
    leaving.abort("enough");
    expect(await failure).toBe("enough");
    gate.open();
    await settle();
    expect(server.created).toBe(1);
    expect(server.ids).toEqual([]);
    expect(pool.stats).toMatchObject({ creating: 0, createFailures: 0 });
  });

  test("kills an idle sandbox whose caller leaves while it is handed over", async () => {
    const pool = await filled({ size: 1 });
    server.onRenew = () => new Gate().pass();
    const leaving = new AbortController();
    const failure = failureOf(pool.acquire({ signal: leaving.signal }));
    await settle();
    leaving.abort("enough");
    expect(await failure).toBe("enough");
    await settle();
    expect(server.ids).toEqual(["s2"]);
    expect(server.events).toContainEqual({ type: "discarded", sandboxId: "s1", reason: "cancelled" });
  });

  test("refuses an aborted signal and bad options before anything happens", async () => {
    const pool = await filled({ size: 1 });
    expect(await failureOf(pool.acquire({ signal: AbortSignal.abort("no") }))).toBe("no");
    for (const options of [{ timeoutSeconds: -1 }, { policy: "hope" }, { sandboxTimeoutSeconds: 59 }]) {
      expect(await failureOf(pool.acquire(options as object))).toMatchObject({ code: "INVALID_ARGUMENT" });
    }
    expect(await failureOf(pool.use("work" as never))).toMatchObject({ code: "INVALID_ARGUMENT" });
    expect(pool.stats).toMatchObject({ idle: 1, acquired: 0 });
  });
});

describe("use", () => {
  test("returns the function's value and kills the sandbox", async () => {
    const pool = await filled({ size: 1 });
    const id = await pool.use((sandbox) => {
      expect(pool.stats.inUse).toBe(1);
      return Promise.resolve(sandbox.id);
    });
    expect(id).toBe("s1");
    expect(server.ids).not.toContain("s1");
    expect(pool.stats).toMatchObject({ inUse: 0, discarded: 0 });
  });

  test.each<[string, () => never | Promise<never>]>([
    [
      "throws",
      () => {
        throw new RangeError("mine");
      },
    ],
    ["rejects", () => Promise.reject(new RangeError("mine"))],
  ])("passes on the error of a function that %s, and kills the sandbox", async (_, work) => {
    const pool = await filled({ size: 1 });
    expect(await failureOf(pool.use(work))).toEqual(new RangeError("mine"));
    expect(server.ids).not.toContain("s1");
  });

  test("kills the sandbox at once on abort", async () => {
    const pool = await filled({ size: 1 });
    const leaving = new AbortController();
    const started = new Gate();
    const failure = failureOf(
      pool.use(
        () => {
          started.open();
          return new Promise(() => undefined);
        },
        { signal: leaving.signal },
      ),
    );
    await started.pass();
    leaving.abort("enough");
    expect(await failure).toBe("enough");
    expect(server.ids).not.toContain("s1");
  });

  test("accepts that the function has killed the sandbox itself", async () => {
    const pool = await filled({ size: 1 });
    await pool.use((sandbox) => sandbox.kill());
    await settle();
    expect(server.events).not.toContainEqual(expect.objectContaining({ type: "sandbox_error" }));
  });
});

describe("resize", () => {
  test("creates what is missing and kills what is too much, the oldest first", async () => {
    const pool = await filled({ size: 2 });
    pool.resize(4);
    await pool.waitUntilFull();
    expect(server.ids).toEqual(["s1", "s2", "s3", "s4"]);
    pool.resize(1);
    await settle();
    expect(server.ids).toEqual(["s4"]);
    expect(pool.stats).toMatchObject({ size: 1, idle: 1, discarded: 3 });
  });

  test("kills what was being created and is not needed any more", async () => {
    const gate = new Gate();
    server.onCreate = () => gate.pass();
    const pool = server.pool({ size: 2 });
    await settle();
    const full = pool.waitUntilFull();
    pool.resize(0);
    await full;
    gate.open();
    await settle();
    expect(server.ids).toEqual([]);
    expect(server.events).toContainEqual({ type: "discarded", sandboxId: "s1", reason: "surplus" });
  });

  test("refuses a bad size", async () => {
    const pool = await filled();
    for (const size of [-1, 0.5, Number.NaN, "2"]) {
      expect(() => pool.resize(size as number)).toThrow("size must be an integer of at least 0");
    }
  });
});

describe("close", () => {
  test("ends creations, rejects callers and leaves acquired sandboxes alone", async () => {
    const pool = await filled({ size: 2 });
    const mine = await pool.acquire();
    await pool.waitUntilFull();
    const gate = new Gate();
    server.onCreate = () => gate.pass();
    pool.resize(9);
    const full = failureOf(pool.waitUntilFull());
    const taken = await Promise.all([pool.acquire(), pool.acquire()]);
    const waiting = failureOf(pool.acquire({ policy: "wait" }));
    const closing = pool.close();
    expect(pool.close()).toBe(closing);
    expect(await waiting).toBeInstanceOf(PoolClosedException);
    expect(await full).toMatchObject({ code: "POOL_CLOSED" });
    gate.open();
    await closing;
    expect(server.ids).toEqual([mine, ...taken].map(({ id }) => id));
    expect(await failureOf(pool.acquire())).toMatchObject({ code: "POOL_CLOSED" });
    expect(await failureOf(pool.use(() => 1))).toMatchObject({ code: "POOL_CLOSED" });
    expect(await failureOf(pool.waitUntilFull())).toMatchObject({ code: "POOL_CLOSED" });
    expect(() => pool.resize(1)).toThrow(PoolClosedException);
    expect(pool.stats).toMatchObject({ idle: 0, creating: 0, waiting: 0 });
  });

  test("waits for the response to a creation, and deletes its sandbox", async () => {
    const gate = new Gate();
    server.onCreate = () => gate.pass();
    const pool = server.pool({ size: 2 });
    const direct = failureOf(pool.acquire());
    await settle();
    let isClosed = false;
    const closing = pool.close().then(() => (isClosed = true));
    expect(await direct).toMatchObject({ code: "POOL_CLOSED" });
    await settle();
    expect(isClosed).toBe(false);
    gate.open();
    await closing;
    expect(server.created).toBe(3);
    expect(server.ids).toEqual([]);
  });

  test("deletes sandboxes that are not ready yet, and those that are being prepared", async () => {
    server.onPing = () => new Gate().pass();
    const pool = server.pool({ size: 1 });
    await settle();
    await pool.close();
    expect(server.ids).toEqual([]);

    server.onPing = () => undefined;
    const preparing = new Gate();
    const second = server.pool({
      size: 1,
      prepare: () => {
        preparing.open();
        return new Promise(() => undefined);
      },
    });
    await preparing.pass();
    await second.close();
    expect(server.ids).toEqual([]);
  });

  test("stops waiting for a creation without a response after drainTimeoutSeconds, and deletes a late sandbox", async () => {
    const gate = new Gate();
    server.onCreate = () => gate.pass();
    const pool = server.pool({ size: 1, drainTimeoutSeconds: 3 });
    await settle();
    const closing = pool.close();
    await advance(3);
    await closing;
    gate.open();
    await settle();
    expect(server.created).toBe(1);
    expect(server.ids).toEqual([]);
  });

  test("waits for a sandbox that is being handed over, and kills it", async () => {
    const pool = await filled({ size: 1 });
    const gate = new Gate();
    server.onRenew = () => gate.pass();
    const failure = failureOf(pool.acquire());
    await settle();
    const closing = pool.close();
    gate.open();
    await closing;
    expect(await failure).toMatchObject({ code: "POOL_CLOSED" });
    expect(server.ids).toEqual([]);
  });

  test("can be called by a callback during close", async () => {
    const pool = server.pool({
      size: 2,
      onPoolEvent: ({ type }) => {
        if (type === "discarded") void pool.close();
      },
    });
    await pool.waitUntilFull();
    await pool.close();
    expect(server.ids).toEqual([]);
    expect(pool.stats.discarded).toBe(2);
  });

  test("is what `await using` does", async () => {
    {
      await using pool = server.pool({ size: 1 });
      await pool.waitUntilFull();
      expect(server.ids).toHaveLength(1);
    }
    expect(server.ids).toEqual([]);
  });
});
