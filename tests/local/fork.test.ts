import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { CodeInterpreter, Sandbox, SandboxManager } from "../../src/index.js";
import { startLocalServer, type LocalServer } from "../../src/local/index.js";
import { isolationWorks } from "../helpers/skips.js";
import { failureOf } from "../helpers/promises.js";

let server: LocalServer;
let manager: SandboxManager;
let sandbox: Sandbox;
beforeAll(async () => {
  server = await startLocalServer({
    port: false,
    pythonShell: "plain",
    isolation: isolationWorks ? "auto" : "none",
  });
  const { connectionConfig } = server;
  manager = SandboxManager.create({ connectionConfig });
  sandbox = await Sandbox.create({ connectionConfig });
});
afterAll(() => server.close());

const snapshots = async () => (await manager.listSnapshots()).items;

test("a fork has the files, and goes on independently", async () => {
  await sandbox.files.writeFiles([{ path: "note.txt", data: "before" }]);
  await sandbox.commands.run(
    "mkdir -p deep/er && ln -s ../note.txt deep/link && chmod 700 deep/er && echo x > /tmp/x",
  );
  await using fork = await sandbox.fork({ killOnDispose: true });
  expect(fork.id).not.toBe(sandbox.id);
  const { stdout } = await fork.commands.run("cat deep/link /tmp/x && stat -c %a deep/er");
  expect(stdout).toBe("beforex\n700\n");
  await fork.files.writeFiles([{ path: "note.txt", data: "in the fork" }]);
  expect(await sandbox.files.readFile("note.txt")).toBe("before");
  expect(await snapshots()).toEqual([]);
});

test("a fork has neither the variables nor the processes", async () => {
  const { codes } = await CodeInterpreter.create(sandbox);
  await codes.run("here = 1", { language: "python" });
  await using fork = await sandbox.fork({ killOnDispose: true });
  const forked = await CodeInterpreter.create(fork);
  expect((await forked.codes.run("here", { language: "python" })).error?.name).toBe("NameError");
  expect((await codes.run("here", { language: "python" })).text).toBe("1");
});

test("a fork of a fork is possible after its parent is gone", async () => {
  await sandbox.files.writeFiles([{ path: "line.txt", data: "kept" }]);
  const child = await sandbox.fork();
  await using grandchild = await child.fork({ killOnDispose: true });
  await child.kill();
  expect(await grandchild.files.readFile("line.txt")).toBe("kept");
  expect(await snapshots()).toEqual([]);
});

test("a paused sandbox cannot be forked, and a failed fork leaves no snapshot", async () => {
  const { connectionConfig } = server;
  await using paused = await Sandbox.create({ connectionConfig, killOnDispose: true });
  await paused.pause();
  expect(await failureOf(paused.fork())).toMatchObject({ statusCode: 409 });
  const refused = sandbox.fork({ secureAccess: true });
  expect(await failureOf(refused)).toMatchObject({ statusCode: 400 });
  expect(await snapshots()).toEqual([]);
});
