import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { until } from "../helpers/local-sandbox.js";
import { describeIf, isolationWorks, NO_ISOLATION_REASON } from "../helpers/skips.js";

const BUILT = pathToFileURL(path.join(__dirname, "../../dist/local/index.mjs")).href;

/** A program with a server and a sandbox in which a command runs; then it does what it is told. */
const program = (ending: string, options = "{ pythonShell: 'plain' }") => `
import { startLocalServer } from ${JSON.stringify(BUILT)};
const server = await startLocalServer(${options});
const headers = { "open-sandbox-api-key": server.connectionConfig.apiKey, "content-type": "application/json" };
const send = async (path, body) => (await server.fetch(server.url + path, { method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body) })).json();
const { id } = await send("/v1/sandboxes", { image: { uri: "x" }, entrypoint: ["x"], resourceLimits: {} });
const endpoint = await send("/v1/sandboxes/" + id + "/endpoints/44772");
const run = (command) => server.fetch("http://" + endpoint.endpoint + "/command", { method: "POST", headers: endpoint.headers, body: JSON.stringify({ command }) });
await (await run("setsid sleep 765432 >/dev/null 2>&1 & mkdir locked; touch locked/file; chmod 0 locked")).text();
const stream = await run("sleep 765432");
console.log(server.url);
${ending}
`;

describeIf(
  isolationWorks,
  "local/cleanup",
  NO_ISOLATION_REASON,
)("nothing is left", () => {
  let temporary: string;
  /** The control groups of the servers that were started. */
  let groups: Set<string>;
  beforeEach(() => {
    groups = new Set();
    temporary = mkdtempSync(path.join(os.tmpdir(), "cleanup-test-"));
  });
  afterEach(() => rmSync(temporary, { recursive: true, force: true }));

  /** Runs a program with a temporary directory of its own, and resolves when it serves. */
  async function start(
    source: string,
    environment: Readonly<Record<string, string>> = {},
    wrapper: readonly string[] = [],
  ) {
    const [command, ...args] = [...wrapper, process.execPath, "--input-type=module", "-e", source];
    const child = spawn(command, args, {
      env: { ...process.env, TMPDIR: temporary, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const ended = once(child, "close");
    let complaint = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (complaint += text));
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    const first: IteratorResult<string, unknown> = await lines.next();
    if (first.done === true) throw new Error(complaint);
    for (const name of readdirSync(temporary)) {
      const owner = path.join(temporary, name, "owner.json");
      if (!existsSync(owner)) continue;
      const { group } = JSON.parse(readFileSync(owner, "utf8")) as { group: string | null };
      if (group !== null) groups.add(group);
    }
    return { child, ended, url: first.value };
  }

  async function expectNothingLeft(): Promise<void> {
    expect(readdirSync(temporary)).toEqual([]);
    expect([...groups].filter(existsSync)).toEqual([]);
    // Killed processes take a moment to disappear.
    await until(
      () => processesOf(temporary),
      (left) => left.length === 0,
    );
  }

  test.each([
    ["a close", "await server.close();", 0, null],
    ["an uncaught exception", 'setTimeout(() => { throw new Error("oh") });', 1, null],
    ["a plain exit", "process.exit(3);", 3, null],
    ["SIGINT", "setInterval(() => undefined, 1000);", null, "SIGINT"],
    ["SIGTERM", "setInterval(() => undefined, 1000);", null, "SIGTERM"],
    ["SIGHUP", "setInterval(() => undefined, 1000);", null, "SIGHUP"],
  ] as const)("after %s", async (_name, ending, status, signal) => {
    const { child, ended, url } = await start(program(ending));
    if (signal !== null) child.kill(signal);
    const [code, killedBy] = (await ended) as [number | null, NodeJS.Signals | null];
    expect([code, killedBy]).toEqual([status, signal]);
    await expectNothingLeft();
    await expect(fetch(url)).rejects.toThrow("fetch failed");
  });

  test.each([
    ["a close", "await server.close();", 0],
    ["a plain exit", "process.exit(3);", 3],
  ])("without isolation either, after %s", async (_name, ending, status) => {
    const { ended } = await start(program(ending, '{ isolation: "none", pythonShell: "plain" }'));
    expect((await ended)[0]).toBe(status);
    await expectNothingLeft();
  });

  test("after a close while Go's library is compiled for the first time", async () => {
    const caches = mkdtempSync(path.join(os.tmpdir(), "caches-"));
    try {
      const { ended } = await start(program("await server.close();"), { XDG_CACHE_HOME: caches });
      expect((await ended)[0]).toBe(0);
      await expectNothingLeft();
    } finally {
      rmSync(caches, { recursive: true, force: true, maxRetries: 10 });
    }
  });

  test("a program that handles SIGINT itself goes on", async () => {
    const { child, ended } = await start(
      program('process.on("SIGINT", async () => { await server.close(); process.exitCode = 5; });'),
    );
    child.kill("SIGINT");
    expect((await ended)[0]).toBe(5);
    await expectNothingLeft();
  });

  test("once a server in another container starts, of one that was killed, and of no other", async () => {
    const forever = "setInterval(() => undefined, 1000);";
    const stale = await start(program(forever));
    const running = await start(program(forever));
    stale.child.kill("SIGKILL");
    await stale.ended;
    // Processes have other ids there.
    const container = [
      "bwrap",
      "--dev-bind",
      "/",
      "/",
      "--unshare-pid",
      "--proc",
      "/proc",
      "--die-with-parent",
    ];
    const elsewhere = await start(
      program(forever, '{ isolation: "none", pythonShell: "plain" }'),
      {},
      container,
    );
    expect(readdirSync(temporary)).toHaveLength(2);
    expect((await fetch(running.url)).status).toBe(401);
    for (const { child, ended } of [running, elsewhere]) {
      child.kill("SIGTERM");
      await ended;
    }
    // With its container that server was killed as well.
    const last = await start(program("await server.close();"));
    await last.ended;
    await expectNothingLeft();
  });

  test("once the next server starts, of one that was killed", async () => {
    const { child, ended } = await start(program("setInterval(() => undefined, 1000);"));
    child.kill("SIGKILL");
    await ended;
    // Its boxes end with it; its files cannot.
    await until(
      () => processesOf(temporary),
      (left) => left.length === 0,
    );
    expect(readdirSync(temporary)).toHaveLength(1);

    const [stale = ""] = readdirSync(temporary);
    const other = path.join(temporary, "opensandbox-server-other");
    mkdirSync(other);
    const second = await start(program("setInterval(() => undefined, 1000);"));
    expect(existsSync(path.join(temporary, stale))).toBe(false);
    // Not one without information about its owner, nor a running server's.
    expect(existsSync(other)).toBe(true);
    const third = await start(program("setInterval(() => undefined, 1000);"));
    expect(readdirSync(temporary)).toHaveLength(3);
    for (const { child: running, ended: hasEnded } of [second, third]) {
      running.kill("SIGTERM");
      await hasEnded;
    }
    rmSync(other, { recursive: true });
    await expectNothingLeft();
  });
});

/** The processes whose command line or mounts name a directory, or that are the sleepers of these tests. */
function processesOf(directory: string): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, "utf8");
        const mounts = readFileSync(`/proc/${pid}/mountinfo`, "utf8");
        const environment = readFileSync(`/proc/${pid}/environ`, "utf8");
        const isOurs = [command, mounts, environment].some((text) =>
          text.includes(`${directory}/opensandbox-`),
        );
        return isOurs && command !== "" ? [`${pid} ${command.slice(0, 80)}`] : [];
      } catch {
        return [];
      }
    });
}
