import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { CodeInterpreter, SandboxManager } from "../../src/index.js";
import { startLocalServer, type LocalServer } from "../../src/local/index.js";
import { SandboxPool, type PoolEvent, type SandboxPoolOptions } from "../../src/pool/index.js";
import { until } from "../helpers/local-sandbox.js";
import { failureOf } from "../helpers/promises.js";
import { isolationWorks } from "../helpers/skips.js";

const isolation = isolationWorks ? "auto" : "none";

let server: LocalServer;
let manager: SandboxManager;
const pools: SandboxPool[] = [];
beforeAll(async () => {
  server = await startLocalServer({ port: 0, pythonShell: "plain", isolation });
  manager = SandboxManager.create({ connectionConfig: server.connectionConfig });
});
afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()));
  expect(await ids()).toEqual([]);
});
afterAll(async () => {
  await manager.close();
  await server.close();
});

function poolOf(options: SandboxPoolOptions = {}): SandboxPool {
  const { connectionConfig } = server;
  const pool = SandboxPool.create({ create: { connectionConfig }, ...options });
  pools.push(pool);
  return pool;
}

/** The sandboxes that exist. */
async function ids(): Promise<string[]> {
  return (await manager.listSandboxInfos()).items.map(({ id }) => id);
}

const gone = (id: string) =>
  until(
    () => ids(),
    (left) => !left.includes(id),
  );

test("sandboxes of a pool run code, are used once, and are gone after close", async () => {
  const pool = poolOf({ size: 2 });
  const used = await Promise.all(
    Array.from({ length: 4 }, () =>
      pool.use(async (sandbox) => {
        const { stdout } = await sandbox.commands.run("cat mark 2>/dev/null; echo used > mark; echo done");
        return [sandbox.id, stdout];
      }),
    ),
  );
  expect(used.map(([, stdout]) => stdout)).toEqual(["done\n", "done\n", "done\n", "done\n"]);
  expect(new Set(used.map(([id]) => id)).size).toBe(4);
});

test("prepare warms an interpreter, whose state the caller finds", async () => {
  const prepare: SandboxPoolOptions["prepare"] = async (sandbox, options) => {
    const { codes } = await CodeInterpreter.create(sandbox);
    await codes.run("answer = 42", { language: "python", ...options });
  };
  const pool = poolOf({ size: 1, prepare });
  await pool.waitUntilFull();
  const text = await pool.use(async (sandbox) => {
    const { codes } = await CodeInterpreter.create(sandbox);
    return (await codes.run("answer", { language: "python" })).text;
  });
  expect(text).toBe("42");
});

test("a sandbox that was killed or expired while idle is replaced, and never handed out", async () => {
  const events: PoolEvent[] = [];
  const pool = poolOf({ size: 2, policy: "wait", onPoolEvent: (event) => events.push(event) });
  await pool.waitUntilFull();
  const [expired = "", killed = ""] = await ids();
  server.setFaults(expired, { expiresInMillis: 1 });
  await manager.killSandbox(killed);
  await gone(expired);
  await using sandbox = await pool.acquire();
  expect([expired, killed]).not.toContain(sandbox.id);
  expect((await sandbox.commands.run("echo works")).stdout).toBe("works\n");
  await pool.waitUntilFull();
  const discarded = events.flatMap((event) => (event.type === "discarded" ? event.sandboxId : []));
  expect(discarded.toSorted()).toEqual([expired, killed].toSorted());
});

test("an idle sandbox is found dead by the check, without a caller", async () => {
  const pool = poolOf({ size: 1, healthCheckIntervalSeconds: 0.05 });
  await pool.waitUntilFull();
  const [id = ""] = await ids();
  await manager.killSandbox(id);
  await until(
    () => pool.stats,
    ({ discarded, idle }) => discarded === 1 && idle === 1,
  );
});

test("a pool survives that its server dies and returns", async () => {
  const first = await startLocalServer({ port: 0, pythonShell: "plain", isolation });
  const port = Number(new URL(first.url).port);
  const connectionConfig = { ...first.connectionConfig, retryPolicy: { maxRetries: 0 } };
  const pool = poolOf({
    size: 2,
    policy: "wait",
    initialBackoffMillis: 20,
    maxBackoffMillis: 100,
    create: { connectionConfig },
  });
  await pool.waitUntilFull();
  await first.close();
  expect(await failureOf(pool.acquire({ policy: "fail-fast" }))).toMatchObject({ code: "POOL_EMPTY" });
  const waiting = pool.acquire();
  await until(
    () => pool.stats,
    ({ consecutiveFailures }) => consecutiveFailures >= 2,
  );
  const { apiKey } = first.connectionConfig;
  await using second = await startLocalServer({ port, pythonShell: "plain", isolation, apiKey });
  await using sandbox = await waiting;
  expect((await sandbox.commands.run("echo back")).stdout).toBe("back\n");
  await pool.waitUntilFull();
  await pool.close();
  expect(second.url).toBe(first.url);
});

test("close during creation leaves nothing behind", async () => {
  const pool = poolOf({ size: 4 });
  const direct = failureOf(pool.acquire());
  expect(pool.stats.creating).toBe(5);
  await pool.close();
  expect(await direct).toMatchObject({ code: "POOL_CLOSED" });
});

describe("a process with a pool", () => {
  const POOL = pathToFileURL(path.resolve("dist/pool/index.mjs")).href;
  const program = (ending: string) => `
    import { SandboxPool } from ${JSON.stringify(POOL)};
    const pool = SandboxPool.create({ size: 2, idleTimeoutSeconds: 60, create: { timeoutSeconds: 3600 } });
    await pool.waitUntilFull();
    const stay = () => setInterval(() => {}, 1e6);
    ${ending}`;

  async function start(ending: string) {
    const { domain, apiKey } = server.connectionConfig;
    const env = { PATH: process.env["PATH"], OPEN_SANDBOX_DOMAIN: domain, OPEN_SANDBOX_API_KEY: apiKey };
    const child = spawn(process.execPath, ["--input-type=module", "--eval", program(ending)], { env });
    let stderr = "";
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    const exited = once(child, "exit");
    await Promise.race([once(child.stdout, "data"), exited]);
    return { child, exited, stderr: () => stderr };
  }

  test("drains it when nothing is left to do", async () => {
    const { exited, stderr } = await start('console.log("full");');
    expect(await exited).toEqual([0, null]);
    expect(stderr()).toBe("");
    expect(await ids()).toEqual([]);
  });

  test("drains it on SIGTERM, and kills what `use` is using", async () => {
    const { child, exited } = await start(
      'pool.use(() => { console.log("full"); return stay(), new Promise(() => {}); });',
    );
    expect(await ids()).not.toHaveLength(0);
    child.kill("SIGTERM");
    expect(await exited).toEqual([null, "SIGTERM"]);
    expect(await ids()).toEqual([]);
  });

  test("leaves sandboxes that expire soon if it is killed", async () => {
    const { child, exited } = await start('console.log("full"); stay();');
    child.kill("SIGKILL");
    await exited;
    const { items } = await manager.listSandboxInfos();
    expect(items).toHaveLength(2);
    for (const { id, createdAt, expiresAt } of items) {
      expect(Number(expiresAt) - Number(createdAt)).toBe(60_000);
      // The minute passes.
      server.setFaults(id, { expiresInMillis: 1 });
      await gone(id);
    }
  });
});
