import { existsSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { LocalClient, until, type LocalSandbox } from "../helpers/local-sandbox.js";
import { describeIf, isolationWorks, NO_ISOLATION_REASON } from "../helpers/skips.js";

describeIf(
  isolationWorks,
  "local/lifecycle",
  NO_ISOLATION_REASON,
)("a sandbox", () => {
  let client: LocalClient;
  let sandbox: LocalSandbox;
  beforeAll(async () => {
    client = await LocalClient.start();
    sandbox = await client.create({ env: { GREETING: "hello" }, metadata: { team: "a", tag: "t" } });
  });
  afterAll(() => client.server.close());

  test("has the variables that it was created with", async () => {
    expect((await sandbox.command('echo "$GREETING"')).stdout).toBe("hello");
  });

  test("is reached with its token only", async () => {
    const url = (await client.json("GET", `${sandbox.path}/endpoints/44772`))["endpoint"];
    for (const headers of [{}, { "x-execd-access-token": "wrong" }]) {
      const answer = await client.server.fetch(`http://${String(url)}/ping`, { headers });
      expect(answer.status).toBe(401);
      expect(await answer.json()).toEqual({
        error: "Unauthorized: invalid or missing header X-EXECD-ACCESS-TOKEN",
      });
    }
  });

  test("keeps metadata that a patch does not name; removed entries stay removed", async () => {
    const path = `${sandbox.path}/metadata`;
    expect((await client.json("PATCH", path, { team: null, stage: "x" }))["metadata"]).toEqual({
      tag: "t",
      stage: "x",
    });
    expect((await client.json("PATCH", path, {}))["metadata"]).toEqual({ tag: "t", stage: "x" });
  });

  test.each([
    [{ "opensandbox.io/x": "y" }, 400, "INVALID_METADATA_LABEL"],
    [{ "opensandbox.io/x": null }, 400, "INVALID_METADATA_LABEL"],
    [{ a: "x y" }, 400, "SANDBOX::INVALID_METADATA_LABEL"],
    [{ a: 1 }, 422, undefined],
    [[], 422, undefined],
  ])("refuses the metadata patch %j", async (patch, status, code) => {
    const answer = await client.send("PATCH", `${sandbox.path}/metadata`, patch);
    expect(answer.status).toBe(status);
    expect(((await answer.json()) as { code?: string }).code).toBe(code);
  });

  test("is found by its state and its metadata", async () => {
    const list = async (query: string) => {
      const { items } = await client.json("GET", `/v1/sandboxes?${query}`);
      return (items as { id: string }[]).map(({ id }) => id);
    };
    const awkward = await client.create({ metadata: { "a.b/c": "x_y.z" } });
    const filter = new URLSearchParams({ "a.b/c": "x_y.z" }).toString();
    expect(await list(`metadata=${encodeURIComponent(filter)}`)).toEqual([awkward.id]);
    expect(await list("metadata=tag%3Dt")).toEqual([sandbox.id]);
    expect(await list("metadata=tag%3Dother")).toEqual([]);
    await client.send("POST", `${awkward.path}/pause`);
    expect(await list("state=Paused")).toEqual([awkward.id]);
    expect(await list("state=running")).toEqual([sandbox.id]);
    expect((await client.send("GET", "/v1/sandboxes?metadata=a%3D1%26broken")).status).toBe(400);
    await client.send("DELETE", awkward.path);
  });

  test("whose supervisor has ended is Failed, responds with 502, and can be deleted", async () => {
    const doomed = await client.create();
    const cut = await doomed.execd("POST", "/command", { command: "sleep 0.1; kill -9 $PPID" });
    await expect(cut.text()).rejects.toThrow();
    await until(
      () => doomed.state(),
      (state) => state === "Failed",
    );
    const answer = await doomed.execd("GET", "/ping");
    expect(answer.status).toBe(502);
    expect(((await answer.json()) as { code: string }).code).toBe("GENERAL::UNKNOWN_ERROR");
    const pause = await client.send("POST", `${doomed.path}/pause`);
    expect([pause.status, ((await pause.json()) as { code: string }).code]).toEqual([
      409,
      "DOCKER::SANDBOX_NOT_RUNNING",
    ]);
    expect((await client.send("DELETE", doomed.path)).status).toBe(204);
    expect((await client.send("GET", doomed.path)).status).toBe(404);
  });

  test("has diagnostics: its description, its events and the log of its supervisor", async () => {
    const path = `${sandbox.path}/diagnostics`;
    const text = async (name: string) => (await client.send("GET", `${path}/${name}`)).text();
    expect(await text("inspect")).toMatch(/^state: Running$/m);
    expect(await text("events")).toMatch(/^\S+Z Running: /);
    expect(await text("summary")).toContain(`Sandbox ID: ${sandbox.id}\n`);
    expect(await text("logs")).toBe("");
  });
});

const hasProc = existsSync("/proc/self/stat");

describeIf(
  hasProc,
  "local/lifecycle, supervisors that do not respond",
  "there is no /proc to see what a process does",
)("a sandbox without isolation is deleted also when its supervisor", () => {
  const statOf = (pid: number) => readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];

  async function start(client: LocalClient): Promise<{ sandbox: LocalSandbox; supervisor: number }> {
    const sandbox = await client.create();
    return { sandbox, supervisor: Number((await sandbox.command("echo $PPID")).stdout) };
  }

  test("was stopped from inside", async () => {
    await using client = await LocalClient.start({ port: false, isolation: "none" });
    const { sandbox, supervisor } = await start(client);
    const running = sandbox.command("kill -STOP $PPID").catch(() => undefined);
    await until(
      () => statOf(supervisor)[0],
      (state) => state === "T",
    );
    expect((await client.send("DELETE", sandbox.path)).status).toBe(204);
    await running;
  });

  test("was stopped while it should respond: the request ends with an error, and others are served", async () => {
    await using client = await LocalClient.start({ port: false, isolation: "none" });
    const [{ sandbox, supervisor }, other] = await Promise.all([start(client), client.create()]);
    process.kill(supervisor, "SIGSTOP");
    const response = await sandbox.execd("GET", "/ping");
    expect(response.status).toBe(502);
    expect(await response.json()).toMatchObject({
      code: "GENERAL::UNKNOWN_ERROR",
      message: expect.stringContaining("the sandbox was ended") as unknown,
    });
    await until(
      () => sandbox.state(),
      (state) => state === "Failed",
    );
    expect((await other.command("echo on")).stdout).toBe("on");
    expect((await client.send("DELETE", sandbox.path)).status).toBe(204);
  });
});
