// What a user does with the official JavaScript client, on the server that the environment names.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { ConnectionConfig, Sandbox, SandboxManager } from "@alibaba-group/opensandbox";

const connectionConfig = new ConnectionConfig({
  domain: process.env.OPEN_SANDBOX_DOMAIN,
  apiKey: process.env.OPEN_SANDBOX_API_KEY,
});
const folder = process.env.CLIENTS_HOST_FOLDER;
const create = (options = {}) => Sandbox.create({ connectionConfig, image: "ubuntu", ...options });
const text = ({ logs }) => logs.stdout.map((message) => message.text).join("\n");

let sandbox;
before(async () => {
  sandbox = await create({ env: { GREETING: "hello" }, metadata: { team: "js" } });
});
after(async () => {
  await sandbox.kill();
  await sandbox.close();
});

test("information, metadata, list and renewal", async () => {
  assert.equal((await sandbox.getInfo()).status.state, "Running");
  const manager = SandboxManager.create({ connectionConfig });
  const found = await manager.listSandboxInfos({ metadata: { team: "js" } });
  assert.deepEqual(
    found.items.map(({ id }) => id),
    [sandbox.id],
  );
  const { expiresAt } = await sandbox.renew(1800);
  assert.ok(new Date(expiresAt).getTime() > Date.now() + 1_500_000);
  assert.ok((await sandbox.getMetrics()).cpuCount > 0);
});

test("commands in the foreground and background, and sessions", async () => {
  const run = await sandbox.commands.run("echo $GREETING; pwd; exit 3", { workingDirectory: "/tmp" });
  assert.equal(text(run), "hello\n/tmp");
  assert.equal(run.exitCode, 3);
  const { id } = await sandbox.commands.run("echo behind", { background: true });
  while ((await sandbox.commands.getCommandStatus(id)).running) await delay(20);
  assert.equal((await sandbox.commands.getBackgroundCommandLogs(id)).content, "behind\n");
  const session = await sandbox.commands.createSession();
  await sandbox.commands.runInSession(session, "export KEPT=5");
  assert.equal(text(await sandbox.commands.runInSession(session, "echo $KEPT")), "5");
  await sandbox.commands.deleteSession(session);
});

test("files", async () => {
  const { files } = sandbox;
  await files.createDirectories([{ path: "/workspace/d", mode: 755 }]);
  await files.writeFiles([{ path: "/workspace/d/file", data: "héllo", mode: 644 }]);
  assert.equal(await files.readFile("/workspace/d/file"), "héllo");
  assert.equal((await files.readBytes("/workspace/d/file", { range: "bytes=0-0" }))[0], 104);
  assert.equal((await files.getFileInfo(["/workspace/d/file"]))["/workspace/d/file"].size, 6);
  await files.replaceContents([{ path: "/workspace/d/file", oldContent: "h", newContent: "j" }]);
  await files.moveFiles([{ src: "/workspace/d/file", dest: "/workspace/d/moved" }]);
  const found = await files.search({ path: "/workspace", pattern: "mov*" });
  assert.deepEqual(
    found.map((entry) => entry.path),
    ["/workspace/d/moved"],
  );
  await files.deleteFiles(["/workspace/d/moved"]);
  await files.deleteDirectories(["/workspace/d"]);
  await assert.rejects(files.readFile("/workspace/d/moved"));
});

test("pause and resume, and a snapshot", async () => {
  const own = await create();
  await own.files.writeFiles([{ path: "/workspace/kept", data: "kept" }]);
  await own.pause();
  const resumed = await own.resume();
  assert.equal(await resumed.files.readFile("/workspace/kept"), "kept");
  await resumed.kill();
  await resumed.close();
});

test("volumes", async () => {
  const volumes = [
    { name: "host", host: { path: folder }, mountPath: "/mnt/host" },
    { name: "named", pvc: { claimName: "from-js" }, mountPath: "/mnt/named", readOnly: true },
  ];
  const own = await create({ volumes });
  await own.files.writeFiles([{ path: "/mnt/host/js", data: "shared" }]);
  assert.equal(await readFile(path.join(folder, "js"), "utf8"), "shared");
  assert.equal((await own.commands.run("touch /mnt/named/x")).exitCode, 1);
  await own.kill();
  await own.close();
});
