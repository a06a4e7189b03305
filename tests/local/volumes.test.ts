import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { Box } from "../../src/local/box/box.js";
import { resolveIsolation } from "../../src/local/box/isolation/resolve.js";
import { resolveLimits } from "../../src/local/box/limits.js";
import { resolveAssets } from "../../src/local/host/assets.js";
import { startLocalServer } from "../../src/local/index.js";
import { Runtimes } from "../../src/local/languages/runtimes.js";
import { LocalClient, type LocalSandbox, until } from "../helpers/local-sandbox.js";
import { describeIf, isolationWorks, NO_ISOLATION_REASON } from "../helpers/skips.js";

/** In the user's own directories: the temporary one is the server's. */
const place = realpathSync(mkdtempSync(path.join(os.tmpdir(), "volumes-test-")));
const allowed = path.join(place, "allowed");
const outside = path.join(place, "outside");
const describeIsolated = describeIf(isolationWorks, "local/volumes", NO_ISOLATION_REASON);

let client: LocalClient;
beforeAll(async () => {
  for (const directory of [allowed, outside]) mkdirSync(directory);
  writeFileSync(path.join(outside, "secret"), "secret");
  if (isolationWorks) client = await LocalClient.start({ port: false, allowedHostPaths: [allowed] });
});
afterAll(async () => {
  if (isolationWorks) await client.server.close();
  rmSync(place, { recursive: true });
});

type Fields = Readonly<Record<string, unknown>>;

const onHost = (fields: Fields = {}, host = path.join(allowed, "data")): Fields => ({
  name: "data",
  host: { path: host },
  mountPath: "/mnt/data",
  ...fields,
});
const named = (claimName: string, fields: Fields = {}, pvc: Fields = {}): Fields => ({
  name: "data",
  pvc: { claimName, ...pvc },
  mountPath: "/mnt/data",
  ...fields,
});
const withVolumes = (...volumes: Fields[]) => client.create({ volumes });

async function refusal(...volumes: Fields[]): Promise<{ status: number; code: string; message: string }> {
  const body = { image: { uri: "any" }, entrypoint: ["any"], resourceLimits: {}, timeout: 600, volumes };
  const response = await client.send("POST", "/v1/sandboxes", body);
  const { code, message } = (await response.json()) as { code: string; message: string };
  return { status: response.status, code, message };
}

describeIsolated("a directory of the machine", () => {
  beforeEach(() => {
    rmSync(path.join(allowed, "data"), { recursive: true, force: true });
    mkdirSync(path.join(allowed, "data"));
    writeFileSync(path.join(allowed, "data/before"), "before");
  });

  test("is read and written by a sandbox", async () => {
    const sandbox = await withVolumes(onHost());
    const { stdout } = await sandbox.command(
      "cat /mnt/data/before; echo; echo after > /mnt/data/after; id -u",
    );
    expect(stdout).toBe("before\n1000");
    expect(readFileSync(path.join(allowed, "data/after"), "utf8")).toBe("after\n");
    expect(statSync(path.join(allowed, "data/after")).uid).toBe(process.getuid?.());
  });

  test("cannot be changed through a read-only volume, by any means", async () => {
    const sandbox = await withVolumes(onHost({ readOnly: true }));
    const attempts = [
      "echo x > /mnt/data/before",
      "touch /mnt/data/new",
      "rm /mnt/data/before",
      "chmod 777 /mnt/data",
      "mkdir /mnt/data/new",
      "ln /mnt/data/before /mnt/data/new",
      "mount -o remount,rw /mnt/data",
      "exec 3</mnt/data/before; echo x > /proc/self/fd/3",
      "unshare -Urm mount -o remount,rw,bind /mnt/data",
    ];
    for (const attempt of attempts) {
      expect(`${attempt}: ${(await sandbox.command(`(${attempt})`)).ending}`).toMatch(/: \d+$/);
    }
    expect((await sandbox.command("cat /mnt/data/before")).stdout).toBe("before");
    expect(readdirSync(path.join(allowed, "data"))).toEqual(["before"]);
    expect(readFileSync(path.join(allowed, "data/before"), "utf8")).toBe("before");
  });

  test("is shared, also one below it, and created if it is missing", async () => {
    const writer = await withVolumes(onHost({ subPath: "deep/er" }));
    const reader = await withVolumes(onHost({ readOnly: true, mountPath: "/data/" }));
    await writer.command("echo shared > /mnt/data/file");
    expect((await reader.command("cat /data/deep/er/file")).stdout).toBe("shared");
    const created = await withVolumes(onHost({}, path.join(allowed, "data/made/here")));
    expect((await created.command("ls -A /mnt/data; echo end")).stdout).toBe("end");
    expect(existsSync(path.join(allowed, "data/made/here"))).toBe(true);
  });

  test("may be a file", async () => {
    const sandbox = await withVolumes(
      onHost({ mountPath: "/app/settings", readOnly: true }, path.join(allowed, "data/before")),
      onHost({ name: "two", mountPath: "/workspace/a/b" }, path.join(allowed, "data/before")),
    );
    expect((await sandbox.command("cat /app/settings /workspace/a/b")).stdout).toBe("beforebefore");
    expect((await sandbox.command("echo x >> /app/settings")).ending).toBe("1");
  });

  test("stays when its sandbox ends, and belongs to no snapshot", async () => {
    const sandbox = await withVolumes(onHost({ mountPath: "/workspace/data" }));
    await sandbox.command("echo own > /workspace/own; echo kept > /workspace/data/kept");
    const snapshotId = await snapshotOf(sandbox);
    await client.send("DELETE", sandbox.path);
    expect(readdirSync(path.join(allowed, "data")).sort()).toEqual(["before", "kept"]);
    const restored = await client.create({ image: undefined, snapshotId });
    expect((await restored.command("ls /workspace; ls /workspace/data")).stdout).toBe("data\nown");
  });

  test("does not count towards the sandbox's disk, and keeps its modes", async () => {
    mkdirSync(path.join(allowed, "data/locked"), { mode: 0o300 });
    const sandbox = await client.create({
      resourceLimits: { disk: "32Mi" },
      volumes: [onHost({ mountPath: "/workspace/data" })],
    });
    const { ending } = await sandbox.command(
      "head -c 30M /dev/zero > /workspace/data/a; head -c 30M /dev/zero > /workspace/data/b; sleep 2",
    );
    expect(ending).toBe("execution_complete");
    expect(await sandbox.state()).toBe("Running");
    expect(statSync(path.join(allowed, "data/locked")).mode & 0o777).toBe(0o300);
  });

  test.each([
    ["outside the allowed ones", onHost({}, outside), "VOLUME::HOST_PATH_NOT_ALLOWED"],
    ["that only begins like one", onHost({}, `${allowed}-not`), "VOLUME::HOST_PATH_NOT_ALLOWED"],
    ["above one", onHost({}, place), "VOLUME::HOST_PATH_NOT_ALLOWED"],
    ["with ..", onHost({}, `${allowed}/../outside`), "VOLUME::INVALID_HOST_PATH"],
    ["with two slashes", onHost({}, `${allowed}//data`), "VOLUME::INVALID_HOST_PATH"],
    ["with a dot", onHost({}, `${allowed}/./data`), "VOLUME::INVALID_HOST_PATH"],
    ["with a NUL", onHost({}, `${allowed}/da\0ta`), "VOLUME::INVALID_HOST_PATH"],
    ["of Windows", onHost({}, String.raw`C:\data`), "VOLUME::HOST_PATH_NOT_ALLOWED"],
    ["by a subPath with ..", onHost({ subPath: "a/../../x" }), "VOLUME::INVALID_SUB_PATH"],
    ["by an absolute subPath", onHost({ subPath: "/etc" }), "VOLUME::INVALID_SUB_PATH"],
    ["below a file", onHost({ subPath: "before/x" }), "VOLUME::HOST_PATH_NOT_ALLOWED"],
    ["at /", onHost({ mountPath: "/" }), "VOLUME::INVALID_MOUNT_PATH"],
    ["at /usr/local/data", onHost({ mountPath: "/usr/local/data" }), "VOLUME::INVALID_MOUNT_PATH"],
    ["at /nix", onHost({ mountPath: "/nix" }), "VOLUME::INVALID_MOUNT_PATH"],
    ["at /proc/self", onHost({ mountPath: "/proc/self" }), "VOLUME::INVALID_MOUNT_PATH"],
    ["at /run/opensandbox", onHost({ mountPath: "/run/opensandbox" }), "VOLUME::INVALID_MOUNT_PATH"],
    ["at /tmp", onHost({ mountPath: "/tmp/" }), "VOLUME::INVALID_MOUNT_PATH"],
    ["at /mnt/../etc", onHost({ mountPath: "/mnt/../etc" }), "VOLUME::INVALID_MOUNT_PATH"],
    [
      "in a bucket",
      { name: "v", ossfs: { bucket: "bbb", endpoint: "e" }, mountPath: "/mnt/v" },
      "VOLUME::UNSUPPORTED_BACKEND",
    ],
  ])("is refused %s", async (_name, volume, code) => {
    expect(await refusal(volume)).toMatchObject({ status: 400, code });
  });

  test.each(["/mnt/data", "/mnt/data/", "/mnt/data/below", "/mnt"])(
    "is refused at %s if another is at /mnt/data",
    async (mountPath) => {
      const answer = await refusal(onHost(), onHost({ name: "second", mountPath }));
      expect(answer).toMatchObject({ status: 400, code: "VOLUME::INVALID_MOUNT_PATH" });
      expect(answer.message).toContain("'data'");
    },
  );

  test("is refused through links, wherever they lead", async () => {
    symlinkSync(outside, path.join(allowed, "data/out"));
    symlinkSync("/", path.join(allowed, "data/root"));
    symlinkSync("before", path.join(allowed, "data/in"));
    for (const link of ["out", "out/below", "root", `root${outside}`, "in"]) {
      const answer = await refusal(onHost({}, path.join(allowed, "data", link)));
      expect({ link, ...answer }).toMatchObject({ status: 400, code: "VOLUME::HOST_PATH_NOT_ALLOWED" });
      expect(await refusal(onHost({ subPath: link }))).toMatchObject({ status: 400 });
    }
    expect(readdirSync(outside)).toEqual(["secret"]);
  });

  test("is refused where servers keep their own files", async () => {
    await using server = await LocalClient.start({ port: false, allowedHostPaths: ["/"] });
    const own = readdirSync(os.tmpdir()).filter((name) => name.startsWith("opensandbox-server-"));
    expect(own.length).toBeGreaterThan(0);
    for (const target of ["/", os.tmpdir(), ...own.map((name) => path.join(os.tmpdir(), name))]) {
      const body = {
        image: { uri: "any" },
        entrypoint: ["any"],
        resourceLimits: {},
        volumes: [onHost({}, target)],
      };
      expect(await (await server.send("POST", "/v1/sandboxes", body)).json()).toMatchObject({
        code: "VOLUME::HOST_PATH_NOT_ALLOWED",
      });
    }
  });

  test("cannot be exchanged for another by code of a sandbox that writes where it is", async () => {
    const attacker = await withVolumes(onHost());
    mkdirSync(path.join(allowed, "data/target"));
    const loop = `cd /mnt/data; until [ -e stop ]; do mv target kept; ln -s ${outside} target; rm target; mv kept target; done`;
    const attack = attacker.command(`(${loop}) 2>/dev/null; true`);
    const seen = new Set<string>();
    try {
      for (let attempt = 0; attempt < 12; attempt++) {
        const response = await client.send("POST", "/v1/sandboxes", {
          ...{ image: { uri: "any" }, entrypoint: ["any"], resourceLimits: {}, timeout: 600 },
          volumes: [onHost({}, path.join(allowed, "data/target"))],
        });
        const { id } = (await response.json()) as { id?: string };
        // While it is a link, or missing, it is refused in one way or another.
        if (id === undefined) continue;
        const endpoint = await client.json("GET", `/v1/sandboxes/${id}/endpoints/44772`);
        const response2 = await client.server.fetch(`http://${String(endpoint["endpoint"])}/command`, {
          method: "POST",
          headers: endpoint["headers"] as Record<string, string>,
          body: JSON.stringify({ command: "ls -A /mnt/data" }),
        });
        seen.add(String((await response2.text()).includes("secret")));
        await client.send("DELETE", `/v1/sandboxes/${id}`);
      }
    } finally {
      writeFileSync(path.join(allowed, "data/stop"), "");
      await attack;
    }
    expect(seen.has("true")).toBe(false);
    expect(readdirSync(outside)).toEqual(["secret"]);
  });

  test("is not mounted if it was exchanged since it was checked", async () => {
    const directory = path.join(place, "box");
    mkdirSync(directory);
    const { installed } = await new Runtimes().select({});
    const exchanged = { source: outside, target: "/mnt/data", identity: "1:2" };
    const starting = Box.start({
      plan: {
        ...{
          directory,
          assets: resolveAssets(),
          runtimes: installed,
          network: "deny",
          limits: resolveLimits({}),
        },
        ...{ cores: undefined, mounts: [{ ...exchanged, isReadOnly: false, isDirectory: true }] },
      },
      ...{ isolation: await resolveIsolation("auto"), env: {}, ipython: false, prewarm: false, notices: {} },
    });
    await expect(starting).rejects.toMatchObject({
      error: { code: "SANDBOX_START_FAILED" },
      message: expect.stringContaining("the volume for /mnt/data was exchanged"),
    });
  });

  test("is not created on the machine through a link in a snapshot", async () => {
    const sandbox = await client.create();
    await sandbox.command(`ln -s /oldroot${outside} /workspace/link; ln -s ${outside} /workspace/direct`);
    const snapshotId = await snapshotOf(sandbox);
    for (const mountPath of ["/workspace/link/made", "/workspace/direct/made", "/workspace/link"]) {
      const response = await client.send("POST", "/v1/sandboxes", {
        ...{ snapshotId, resourceLimits: {}, timeout: 600, volumes: [onHost({ mountPath })] },
      });
      expect(response.status).toBe(500);
      expect(await response.json()).toMatchObject({
        code: "LOCAL::SANDBOX_START_FAILED",
        message: expect.stringContaining(`Nothing can be mounted at ${mountPath}`),
      });
    }
    expect(readdirSync(outside)).toEqual(["secret"]);
  });
});

describeIsolated("a named volume", () => {
  test("outlives its sandboxes, and is shared by them", async () => {
    const first = await withVolumes(named("shared"));
    const second = await withVolumes(named("shared", { mountPath: "/srv/x", readOnly: true }));
    await first.command("echo one > /mnt/data/file; mkdir /mnt/data/sub");
    expect((await second.command("cat /srv/x/file")).stdout).toBe("one");
    expect((await second.command("touch /srv/x/file")).ending).toBe("1");
    for (const { path: own } of [first, second]) await client.send("DELETE", own);
    const third = await withVolumes(
      named("shared", { subPath: "sub" }),
      named("shared", { name: "b", mountPath: "/b" }),
    );
    expect((await third.command("ls -A /mnt/data; ls -A /b")).stdout).toBe("file\nsub");
  });

  test("must exist if it is not to be created", async () => {
    const absent = named("absent", {}, { createIfNotExists: false });
    expect(await refusal(absent)).toMatchObject({ status: 400, code: "VOLUME::PVC_NOT_FOUND" });
    await withVolumes(named("present"));
    const sandbox = await withVolumes(named("present", {}, { createIfNotExists: false }));
    expect((await sandbox.command("ls -A /mnt/data; echo end")).stdout).toBe("end");
  });

  test("ends with the sandbox that created it, if asked to and nobody else has it", async () => {
    const ending = named("ending", {}, { deleteOnSandboxTermination: true });
    const left = (sandbox: LocalSandbox) => sandbox.command("ls -A /mnt/data").then(({ stdout }) => stdout);
    const first = await withVolumes(ending);
    await first.command("touch /mnt/data/old");
    await client.send("DELETE", first.path);
    const second = await withVolumes(ending);
    expect(await left(second)).toBe("");
    await second.command("touch /mnt/data/new");
    const third = await withVolumes(named("ending"));
    await client.send("DELETE", second.path);
    expect(await left(third)).toBe("new");
    await client.send("DELETE", third.path);
    expect(await left(await withVolumes(ending))).toBe("new");
  });

  test("ends with a sandbox that expires", async () => {
    const sandbox = await withVolumes(named("expiring", {}, { deleteOnSandboxTermination: true }));
    await sandbox.command("touch /mnt/data/old");
    const server = readdirSync(os.tmpdir()).find((name) =>
      existsSync(path.join(os.tmpdir(), name, sandbox.id)),
    );
    const volumes = () => readdirSync(path.join(os.tmpdir(), server ?? "", "volumes")).length;
    const before = volumes();
    client.server.setFaults(sandbox.id, { expiresInMillis: 1 });
    await until(volumes, (left) => left === before - 1);
    const absent = named("expiring", {}, { createIfNotExists: false });
    expect(await refusal(absent)).toMatchObject({ code: "VOLUME::PVC_NOT_FOUND" });
  });

  test("of a creation that fails does not stay if it was to end with the sandbox", async () => {
    const bad = { name: "bad", pvc: { claimName: "no", createIfNotExists: false }, mountPath: "/b" };
    await refusal(named("failed", {}, { deleteOnSandboxTermination: true }), bad);
    const absent = named("failed", {}, { createIfNotExists: false });
    expect(await refusal(absent)).toMatchObject({ code: "VOLUME::PVC_NOT_FOUND" });
  });

  test("is not left through a link in it", async () => {
    const sandbox = await withVolumes(named("linked"));
    await sandbox.command(`ln -s ${outside} /mnt/data/out; ln -s .. /mnt/data/up`);
    for (const subPath of ["out", "up", "up/x", "out/made"]) {
      const answer = await refusal(named("linked", { subPath }));
      expect({ subPath, ...answer }).toMatchObject({ status: 400, code: "VOLUME::INVALID_SUB_PATH" });
    }
    expect(readdirSync(outside)).toEqual(["secret"]);
  });

  test.each([
    [{ name: "x".repeat(64) }, "String should have at most 63 characters"],
    [{ pvc: { claimName: "x".repeat(254) } }, "String should have at most 253 characters"],
    [{ pvc: { claimName: "../x" } }, "String should match pattern"],
    [{ pvc: { claimName: "x", createIfNotExists: "maybe" } }, "valid boolean"],
  ])("with %j is refused", async (fields, reason) => {
    const response = await client.send("POST", "/v1/sandboxes", {
      ...{ image: { uri: "any" }, entrypoint: ["any"], resourceLimits: {} },
      volumes: [named("any", fields)],
    });
    expect(response.status).toBe(422);
    expect(await response.text()).toContain(reason);
  });
});

describeIsolated("the server", () => {
  test("removes named volumes when it closes, whatever code did with them, and nothing of the machine's", async () => {
    const target = path.join(allowed, "stays");
    mkdirSync(target, { recursive: true });
    const own = await LocalClient.start({ port: false, allowedHostPaths: [allowed] });
    const sandbox = await own.create({
      volumes: [named("locked"), onHost({ name: "host", mountPath: "/host" }, target)],
    });
    await sandbox.command(
      "touch /host/file; ln -s /host /mnt/data/link; mkdir /mnt/data/d; touch /mnt/data/d/f; chmod 0 /mnt/data/d /mnt/data",
    );
    // Other servers may run at the same time.
    const directory = readdirSync(os.tmpdir()).find(
      (name) =>
        name.startsWith("opensandbox-server-") && existsSync(path.join(os.tmpdir(), name, sandbox.id)),
    );
    if (directory === undefined) throw new Error("the server has no directory");
    await own.server.close();
    expect(existsSync(path.join(os.tmpdir(), directory))).toBe(false);
    expect(readdirSync(target)).toEqual(["file"]);
  });

  test("keeps to the directory that was allowed when it started", async () => {
    const root = path.join(place, "root");
    mkdirSync(root);
    await using own = await LocalClient.start({ port: false, allowedHostPaths: [root] });
    renameSync(root, path.join(place, "moved"));
    symlinkSync(outside, root);
    const sandbox = await own.create({ volumes: [onHost({}, root)] });
    expect((await sandbox.command("ls -A /mnt/data; touch /mnt/data/x; echo end")).stdout).toBe("end");
    expect(readdirSync(path.join(place, "moved"))).toEqual(["x"]);
    expect(readdirSync(outside)).toEqual(["secret"]);
  });
});

test.each<[unknown, string]>([
  ["/tmp", 'allowedHostPaths must be a list; got "/tmp".'],
  [
    ["/tmp", "relative"],
    'allowedHostPaths[1] must be the absolute path of a directory of this machine; got "relative".',
  ],
  [[5], "allowedHostPaths[0] must be the absolute path of a directory of this machine; got 5."],
  [["/nowhere"], '; got "/nowhere", which does not exist: create it before the server starts.'],
  [["/etc/passwd"], '; got "/etc/passwd", which is not a directory.'],
  [["/etc/passwd/x"], '; got "/etc/passwd/x", which cannot be read: '],
])("allowedHostPaths of %j are refused", async (allowedHostPaths, message) => {
  await expect(startLocalServer({ allowedHostPaths: allowedHostPaths as string[] })).rejects.toThrow(message);
});

test("without isolation, volumes are refused", async () => {
  await using own = await LocalClient.start({ port: false, isolation: "none", allowedHostPaths: [allowed] });
  const body = { image: { uri: "any" }, entrypoint: ["any"], resourceLimits: {}, volumes: [onHost()] };
  expect(await (await own.send("POST", "/v1/sandboxes", body)).json()).toEqual({
    code: "VOLUME::UNSUPPORTED_BACKEND",
    message:
      "Volume 'data': the local server mounts volumes only with bubblewrap. Without it, sandboxes have the paths of this machine.",
  });
});

async function snapshotOf(sandbox: LocalSandbox): Promise<string> {
  const { id } = await client.json("POST", `${sandbox.path}/snapshots`, {});
  await until(
    () => client.json("GET", `/v1/snapshots/${String(id)}`),
    ({ status }) => (status as { state: string }).state === "Ready",
  );
  return String(id);
}
