import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { Sandbox, SandboxManager } from "../../src/index.js";
import { startLocalServer, type LocalServer } from "../../src/local/index.js";
import { isolationWorks } from "../helpers/skips.js";

let server: LocalServer;
let manager: SandboxManager;
beforeAll(async () => {
  server = await startLocalServer({
    port: 0,
    pythonShell: "plain",
    isolation: isolationWorks ? "auto" : "none",
  });
  manager = SandboxManager.create({ connectionConfig: server.connectionConfig });
});
afterEach(async () => {
  for (const id of await ids()) await manager.killSandbox(id);
});
afterAll(async () => {
  await manager.close();
  await server.close();
});

async function ids(): Promise<string[]> {
  return (await manager.listSandboxInfos()).items.map(({ id }) => id);
}

const get = (name: string) =>
  Sandbox.getOrCreate(name, { connectionConfig: server.connectionConfig, entrypoint: ["any"] });

test("keeps files between callers, also over a pause", async () => {
  const first = await get("agent-1");
  await first.files.writeFiles([{ path: "note.txt", data: "kept" }]);
  await first.pause();
  const second = await get("agent-1");
  expect(second.id).toBe(first.id);
  expect(await second.files.readFile("note.txt")).toBe("kept");
});

test("many callers at once in one process get one sandbox", async () => {
  const sandboxes = await Promise.all(Array.from({ length: 5 }, () => get("agent-1")));
  expect(new Set(sandboxes.map(({ id }) => id)).size).toBe(1);
  expect(await ids()).toEqual([sandboxes[0]?.id]);
});

/** Asks for each name that it reads, and writes the id of the sandbox. */
const PROGRAM = `
  import { createInterface } from "node:readline";
  import { Sandbox } from ${JSON.stringify(pathToFileURL(path.resolve("dist/index.mjs")).href)};
  console.log("started");
  for await (const name of createInterface({ input: process.stdin })) {
    const sandbox = await Sandbox.getOrCreate(name);
    const { stdout } = await sandbox.commands.run("echo works");
    console.log(stdout.trim(), sandbox.id);
  }`;

test("two processes that ask for a name at the same time get the same sandbox, which works", async () => {
  const { domain, apiKey } = server.connectionConfig;
  const env = { PATH: process.env["PATH"], OPEN_SANDBOX_DOMAIN: domain, OPEN_SANDBOX_API_KEY: apiKey };
  const children = [1, 2].map(() => {
    const child = spawn(process.execPath, ["--input-type=module", "--eval", PROGRAM], {
      env,
      stdio: ["pipe", "pipe", "inherit"],
    });
    child.stdout.setEncoding("utf8");
    return child;
  });
  const lines = () =>
    Promise.all(children.map(async ({ stdout }) => ((await once(stdout, "data")) as string[])[0]?.trim()));
  expect(await lines()).toEqual(["started", "started"]);
  for (let round = 1; round <= 5; round += 1) {
    const answers = lines();
    for (const { stdin } of children) stdin.write(`agent-${round}\n`);
    const [one, other] = await answers;
    expect(one).toMatch(/^works [-0-9a-f]{36}$/);
    expect(other).toBe(one);
    // The sandbox of the one that lost is gone, too.
    expect(await ids()).toHaveLength(round);
  }
  await Promise.all(
    children.map(async (child) => {
      const exited = once(child, "exit");
      child.stdin.end();
      expect(await exited).toEqual([0, null]);
    }),
  );
});
