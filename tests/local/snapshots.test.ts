import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { setImmediate } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { ControlGroup } from "../../src/local/box/control-group.js";
import { resolveAssets } from "../../src/local/host/assets.js";
import { Box } from "../../src/local/box/box.js";
import { FaultRegistry } from "../../src/local/sandboxes/faults/faults.js";
import type { Command, Confined } from "../../src/local/box/isolation/isolation.js";
import { NoIsolation } from "../../src/local/box/isolation/none.js";
import { Volumes } from "../../src/local/host/volumes.js";
import { ServerDirectory } from "../../src/local/host/server-directory.js";
import { NO_RUNTIMES } from "../../src/local/languages/languages.js";
import { resolveLimits } from "../../src/local/box/limits.js";
import { Sandboxes } from "../../src/local/sandboxes/sandboxes.js";
import { Snapshots, type Snapshot } from "../../src/local/sandboxes/snapshots.js";
import { LocalClient, until, type LocalSandbox } from "../helpers/local-sandbox.js";
import { describeIf, hasPython, isolationWorks, NO_ISOLATION_REASON } from "../helpers/skips.js";
import { WAKES_ITSELF } from "../helpers/waking.js";

describeIf(
  isolationWorks,
  "local/snapshots",
  NO_ISOLATION_REASON,
)("a snapshot", () => {
  let client: LocalClient;
  beforeAll(async () => {
    client = await LocalClient.start();
  });
  afterAll(() => client.server.close());

  async function snapshotOf(sandbox: LocalSandbox, name?: string): Promise<string> {
    const answer = await client.send(
      "POST",
      `${sandbox.path}/snapshots`,
      name === undefined ? undefined : { name },
    );
    expect(answer.status).toBe(202);
    const { id, status } = (await answer.json()) as { id: string; status: { state: string } };
    expect(answer.headers.get("location")).toBe(`/v1/snapshots/${id}`);
    expect(status.state).toBe("Creating");
    await until(
      async () => ((await client.json("GET", `/v1/snapshots/${id}`))["status"] as { state: string }).state,
      (state) => state === "Ready",
    );
    return id;
  }

  const fromSnapshot = (snapshotId: string) => client.create({ image: null, entrypoint: null, snapshotId });

  test("brings the files back as they were, in a sandbox of its own", async () => {
    const sandbox = await client.create({ env: { A: "1" } });
    await sandbox.command(
      "mkdir -p d; printf 'one' > d/f; chmod 640 d/f; ln -s f d/link; ln d/f d/hard; mkfifo pipe; echo t > /tmp/t; ln -s /etc/shadow s",
    );
    const id = await snapshotOf(sandbox, "first");
    await sandbox.command("rm -r d; echo changed > /tmp/t");

    const restored = await fromSnapshot(id);
    expect((await client.json("GET", restored.path))["snapshotId"]).toBe(id);
    expect((await client.json("GET", restored.path))["image"]).toBeUndefined();
    const shown = await restored.command(
      'cat d/f; echo; stat -c "%a %h" d/f; readlink d/link s; test -p pipe && echo pipe; cat /tmp/t; echo "$A"; cat s',
    );
    expect(shown.stdout).toBe("one\n640 2\nf\n/etc/shadow\npipe\nt\n1");
    expect(shown.stderr).toContain("No such file");
    await restored.command("echo mine > d/f");
    expect((await (await fromSnapshot(id)).command("cat d/f")).stdout).toBe("one");
    expect((await sandbox.command("ls d; cat /tmp/t")).stdout).toBe("changed");
  });

  test("outlives its sandbox, and is listed, found and deleted", async () => {
    const sandbox = await client.create();
    const id = await snapshotOf(sandbox, "kept");
    await client.send("DELETE", sandbox.path);
    const list = async (query: string) =>
      ((await client.json("GET", `/v1/snapshots?${query}`))["items"] as { id: string }[]).map(
        (item) => item.id,
      );
    expect(await list(`sandboxId=${sandbox.id}`)).toEqual([id]);
    expect(await list("name=kept&state=ready")).toEqual([id]);
    expect(await list("name=kept&state=Failed")).toEqual([]);
    expect((await client.send("DELETE", `/v1/snapshots/${id}`)).status).toBe(204);
    expect((await client.send("DELETE", `/v1/snapshots/${id}`)).status).toBe(404);
    const create = await client.send("POST", "/v1/sandboxes", { snapshotId: id, resourceLimits: {} });
    expect(create.status).toBe(404);
  });

  test("is consistent: the sandbox is stopped while it is made, and continued", async () => {
    const sandbox = await client.create();
    await sandbox.command(
      "(n=0; while true; do n=$((n+1)); echo $n > t; mv t a; echo $n > t; mv t b; done) >/dev/null 2>&1 &",
    );
    await sandbox.command("for i in $(seq 200); do echo x > file$i; done");
    const id = await snapshotOf(sandbox);
    const read = async (from: LocalSandbox) => (await from.command("cat a b")).stdout.split("\n").map(Number);
    const [a = 0, b = 0] = await read(await fromSnapshot(id));
    expect(a - b === 0 || a - b === 1).toBe(true);
    await until(
      async () => (await read(sandbox))[0] ?? 0,
      (now) => now > a + 1,
    );
  });

  test("that is not finished cannot be used or deleted, and a paused sandbox gives none", async () => {
    const sandbox = await client.create();
    await sandbox.command("head -c 50000000 /dev/urandom > large");
    const { id } = (await (await client.send("POST", `${sandbox.path}/snapshots`)).json()) as { id: string };
    const [create, remove] = await Promise.all([
      client.send("POST", "/v1/sandboxes", { snapshotId: id, resourceLimits: {} }),
      client.send("DELETE", `/v1/snapshots/${id}`),
    ]);
    expect([create.status, ((await create.json()) as { code: string }).code]).toEqual([
      409,
      "SNAPSHOT::NOT_READY",
    ]);
    expect([remove.status, ((await remove.json()) as { code: string }).code]).toEqual([
      409,
      "SNAPSHOT::INVALID_STATE",
    ]);
    // A pause waits for it.
    await client.send("POST", `${sandbox.path}/pause`);
    const status = (await client.json("GET", `/v1/snapshots/${id}`))["status"] as { state: string };
    expect(status.state).toBe("Ready");
    expect((await client.send("POST", `${sandbox.path}/snapshots`)).status).toBe(409);
  });
});

/** Puts links to a directory of the host in the place of directories, and back, all the time. */
const LINK_SWAPPER = `${WAKES_ITSELF}
import os, sys
names = [(f"a{i}".encode(), f"l{i}".encode()) for i in range(400)]
for directory, link in names:
    os.mkdir(directory)
    open(directory + b"/secret", "w").write("harmless\\n")
    os.symlink(sys.argv[1], link)
print("swapping", flush=True)
while True:
    for directory, link in names:
        libc.renameat2(-100, directory, -100, link, 2)
`;

describeIf(
  isolationWorks && hasPython,
  "local/snapshots, links",
  `${NO_ISOLATION_REASON}, or there is no Python`,
)("the copy for a snapshot", () => {
  test("reads nothing of the host, even if a running process replaces directories by links", async () => {
    // Where there are control groups nothing goes on.
    jest.spyOn(ControlGroup, "make").mockReturnValueOnce(undefined);
    await using client = await LocalClient.start();
    const outside = mkdtempSync(path.join(os.tmpdir(), "outside-"));
    try {
      writeFileSync(path.join(outside, "secret"), "of the host\n");
      const sandbox = await client.create();
      await sandbox.execd("POST", "/command", {
        command: 'python3 -c "$SWAPPER" "$OUTSIDE" > /tmp/log 2>&1',
        background: true,
        envs: { SWAPPER: LINK_SWAPPER, OUTSIDE: outside },
      });
      await until(
        async () => (await sandbox.command("cat /tmp/log")).stdout,
        (log) => log === "swapping",
      );
      for (let attempt = 0; attempt < 4; attempt++) {
        const { id } = await client.json("POST", `${sandbox.path}/snapshots`);
        const state = await until(
          async () =>
            (
              (await client.json("GET", `/v1/snapshots/${String(id)}`))["status"] as {
                state: string;
              }
            ).state,
          (current) => current !== "Creating",
        );
        // What changes while it is copied may well make a copy fail.
        if (state !== "Ready") continue;
        const restored = await client.create({ image: null, entrypoint: null, snapshotId: id });
        const { stdout } = await restored.command("cat a*/secret l*/secret | sort -u");
        expect(stdout).not.toContain("of the host");
        await client.send("DELETE", restored.path);
      }
    } finally {
      rmSync(outside, { recursive: true });
    }
  });
});

/** Makes a file when a copy begins, and copies once another file, the gate, exists. */
class GatedCopy extends NoIsolation {
  readonly started: string;
  readonly gate: string;

  constructor(directory: string) {
    super();
    this.started = path.join(directory, "started");
    this.gate = path.join(directory, "gate");
  }

  override confine<Directories extends Confined>(
    directories: Directories,
    program: (inside: Directories) => readonly string[],
  ): Command {
    const command = super.confine(directories, program);
    if (directories.from === undefined) return command;
    const wait = 'touch "$0"; until [ -e "$1" ]; do sleep 0.02; done; shift; exec "$@"';
    return ["bash", "-c", wait, this.started, this.gate, ...command];
  }
}

describe("a slow copy", () => {
  let directory: string;
  let server: ServerDirectory;
  let sandboxes: Sandboxes;
  let isolation: GatedCopy;
  beforeEach(async () => {
    directory = mkdtempSync(path.join(os.tmpdir(), "snapshots-test-"));
    isolation = new GatedCopy(directory);
    const start = (boxDirectory: string) =>
      Box.start({
        plan: {
          ...{ directory: boxDirectory, assets: resolveAssets(), runtimes: NO_RUNTIMES, network: "deny" },
          ...{ mounts: [], limits: resolveLimits({}), cores: undefined },
        },
        ...{ isolation, env: {}, ipython: false, prewarm: false, notices: {} },
      });
    server = await ServerDirectory.make(isolation);
    sandboxes = new Sandboxes(server, start, {
      snapshots: new Snapshots(server),
      volumes: new Volumes(server, [], isolation),
      faults: new FaultRegistry(),
    });
  });
  afterEach(async () => {
    await sandboxes.close();
    await server.remove();
    rmSync(directory, { recursive: true });
  });

  const create = (snapshotId?: string) =>
    sandboxes.create({
      ...{ imageUri: undefined, snapshotId, entrypoint: [], env: {}, metadata: {}, extensions: {} },
      ...{ platform: undefined, volumes: [], limits: resolveLimits({}), timeoutSeconds: undefined },
    });

  async function begin() {
    const sandbox = await create();
    const snapshot = sandboxes.snapshots.create(sandbox, undefined);
    await untilStarted();
    expect(snapshot.state).toBe("Creating");
    return { sandbox, snapshot };
  }

  const untilStarted = () =>
    until(
      () => existsSync(isolation.started),
      (started) => started,
    );
  const untilState = (snapshot: Snapshot, wanted: string) =>
    until(
      () => snapshot.state,
      (state) => state === wanted,
    );

  test("ends with its sandbox", async () => {
    const { sandbox, snapshot } = await begin();
    await sandboxes.delete(sandbox.id);
    await untilState(snapshot, "Failed");
    await until(
      () => readdirSync(path.join(server.path, "snapshots")),
      (left) => left.length === 0,
    );
  });

  test("ends when the server closes", async () => {
    const { snapshot } = await begin();
    await sandboxes.close();
    expect(snapshot.state).toBe("Failed");
  });

  test("for a new sandbox is completed before the snapshot is deleted", async () => {
    const { sandbox, snapshot } = await begin();
    writeFileSync(path.join(sandbox.directory, "workspace", "file"), "");
    writeFileSync(isolation.gate, "");
    await untilState(snapshot, "Ready");
    for (const file of [isolation.gate, isolation.started]) rmSync(file);
    const restored = create(snapshot.id);
    await untilStarted();
    const deletion = sandboxes.snapshots.delete(snapshot.id);
    await setImmediate();
    expect(readdirSync(path.join(server.path, "snapshots"))).toEqual([snapshot.id]);
    writeFileSync(isolation.gate, "");
    expect(readdirSync(path.join((await restored).directory, "workspace"))).toContain("file");
    await deletion;
    expect(readdirSync(path.join(server.path, "snapshots"))).toEqual([]);
  });
});
