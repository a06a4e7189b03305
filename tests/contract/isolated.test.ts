import { describe, expect, test } from "@jest/globals";
import type { RetryPolicyOptions } from "../../src/index.js";
import { Isolated } from "../../src/services/isolated.js";
import { FakeServer, type FakeRequest } from "../helpers/fake-server.js";
import { linkTo } from "../helpers/link.js";
import { failureOf } from "../helpers/promises.js";

// Hand-built from the contract's facts: no server with isolated sessions could be recorded.

const ID = "0b7f5c7a-9f0c-4a39-8f62-0d2f2f9b2b11";
const SESSION = `/v1/isolated/session/${ID}`;
const BOX = { workspace: { path: "/workspace/a" } };
const STATE = {
  status: "active",
  created_at: "2026-11-20T10:00:00Z",
  last_run_at: "2026-11-20T10:01:00.5Z",
  idle_remaining_seconds: 42,
};
const FILE = {
  path: "/workspace/a/x",
  size: 2,
  mode: 644,
  modified_at: STATE.created_at,
  created_at: "0001-01-01T00:00:00Z",
};
const INFO = {
  status: "active",
  createdAt: new Date("2026-11-20T10:00:00Z"),
  lastRunAt: new Date("2026-11-20T10:01:00.5Z"),
  idleRemainingSeconds: 42,
};

function serve(
  respond: (request: FakeRequest, count: number) => Response | Promise<Response>,
  retryPolicy: RetryPolicyOptions = { maxRetries: 0 },
) {
  const server = new FakeServer(respond);
  const link = linkTo("http://sandbox.test:44772", { fetch: server.fetch, retryPolicy });
  return { server, isolated: new Isolated(link) };
}

/** A server that knows one session, and what else `respond` says. */
function withSession(respond: (request: FakeRequest) => Response | Promise<Response>) {
  return serve((request) => {
    if (request.line === "POST /v1/isolated/session") {
      return Response.json({ session_id: ID, created_at: STATE.created_at }, { status: 201 });
    }
    return respond(request);
  });
}

const frames = (...events: readonly object[]) =>
  new Response(events.map((event) => `${JSON.stringify(event)}\n\n`).join(""), {
    headers: { "content-type": "text/event-stream" },
  });
const problem = (status: number, code: string, message: string) =>
  Response.json({ code, message }, { status });

describe("isolated sessions (hand-built)", () => {
  test("capabilities say what there is, and why not", async () => {
    const { server, isolated } = serve((_request, count) =>
      Response.json(
        count === 1
          ? { available: false, message: "no bwrap", setpriv_available: false, userns_available: false }
          : {
              ...{ available: true, isolator: "bwrap", version: "0.8.0", message: "" },
              ...{ setpriv_available: true, userns_available: false, commit_supported: false },
              hardening: { init_mode: "pid1" },
            },
      ),
    );
    expect(await isolated.capabilities()).toEqual({
      ...{ available: false, message: "no bwrap", isolator: undefined, version: undefined },
      ...{ setprivAvailable: false, usernsAvailable: false, hardening: undefined },
    });
    expect(await isolated.capabilities()).toEqual({
      ...{ available: true, message: undefined, isolator: "bwrap", version: "0.8.0" },
      ...{ setprivAvailable: true, usernsAvailable: false, hardening: { init_mode: "pid1" } },
    });
    expect(server.lines[0]).toBe("GET /v1/isolated/capabilities");
  });

  test("create sends all options by the names of the wire", async () => {
    const { server, isolated } = withSession(() => new Response());
    const session = await isolated.create({
      workspace: { path: "/workspace/a", mode: "rw" },
      profile: "balanced",
      extraWritable: ["/data"],
      binds: [{ source: "/media" }, { source: "/mnt", dest: "/m", readOnly: true }],
      shareNet: false,
      envPassthrough: { mode: "allow", keys: ["LANG"] },
      uid: 1000,
      gid: 0,
      uidMode: "userns",
      idleTimeoutSeconds: 60,
    });
    expect(session.id).toBe(ID);
    expect(server.requests[0]?.body).toEqual({
      workspace: { path: "/workspace/a", mode: "rw" },
      profile: "balanced",
      extra_writable: ["/data"],
      binds: [{ source: "/media" }, { source: "/mnt", dest: "/m", readonly: true }],
      share_net: false,
      env_passthrough: { mode: "allow", keys: ["LANG"] },
      ...{ uid: 1000, gid: 0, uid_mode: "userns", idle_timeout_seconds: 60 },
    });
    await isolated.create(BOX);
    expect(server.requests[1]?.body).toEqual(BOX);
  });

  test.each<[string, object, string]>([
    ["no workspace", {}, "workspace must be an object"],
    ["no path", { workspace: { path: " " } }, "workspace.path must not be blank"],
    ["a mode", { workspace: { path: "/a", mode: "copy" } }, "workspace.mode must be one of"],
    ["a profile", { ...BOX, profile: "lax" }, "profile must be one of"],
    ["writable paths", { ...BOX, extraWritable: [5] }, "extraWritable[0] must be a string"],
    ["a bind", { ...BOX, binds: ["/a"] }, "binds[0] must be an object"],
    ["a relative source", { ...BOX, binds: [{ source: "a" }] }, "binds[0].source must be an absolute path"],
    [
      "a relative dest",
      { ...BOX, binds: [{ source: "/a", dest: "b" }] },
      "binds[0].dest must be an absolute",
    ],
    [
      "another spelling",
      { ...BOX, binds: [{ source: "/a", readonly: true }] },
      "binds[0].readonly is not an option; use readOnly",
    ],
    ["a network", { ...BOX, shareNet: "no" }, "shareNet must be true or false"],
    [
      "keys without a mode",
      { ...BOX, envPassthrough: { keys: ["A"] } },
      "envPassthrough.mode must be one of",
    ],
    ["a user", { ...BOX, uid: 2 ** 32 }, "uid must be an integer from 0 to 4294967295"],
    ["a way to change the user", { ...BOX, uidMode: "sudo" }, "uidMode must be one of"],
    ["an idle timeout", { ...BOX, idleTimeoutSeconds: 0.5 }, "idleTimeoutSeconds must be an integer"],
  ])("create refuses %s before anything is sent", async (_what, options, message) => {
    const { server, isolated } = withSession(() => new Response());
    const error = await failureOf(isolated.create(options as typeof BOX));
    expect(error).toMatchObject({ code: "INVALID_ARGUMENT", message: expect.stringContaining(message) });
    expect(server.lines).toEqual([]);
  });

  test("list, attach and getInfo describe sessions; servers may repeat the options", async () => {
    const repeated = {
      workspace: { path: "/w", mode: "ro" },
      ...{ profile: "strict", extra_writable: ["/data"], binds: [{ source: "/a", readonly: true }] },
      share_net: true,
      ...{ env_passthrough: { mode: "deny", keys: ["A"] }, uid: 1, gid: 2, uid_mode: "setpriv" },
      idle_timeout_seconds: 0,
    };
    const { server, isolated } = serve(({ line }) => {
      if (line.endsWith("/sessions")) {
        const endless = { ...STATE, idle_remaining_seconds: undefined };
        return Response.json({
          sessions: [
            { session_id: ID, ...STATE },
            { session_id: "b", ...endless, status: "dead" },
          ],
        });
      }
      return Response.json({ ...STATE, ...repeated });
    });
    expect(await isolated.list()).toEqual([
      { id: ID, ...INFO },
      { id: "b", ...INFO, status: "dead", idleRemainingSeconds: undefined },
    ]);
    const session = await isolated.attach(ID);
    expect(await session.getInfo()).toEqual({
      id: ID,
      ...INFO,
      workspace: { path: "/w", mode: "ro" },
      ...{ profile: "strict", extraWritable: ["/data"], binds: [{ source: "/a", readOnly: true }] },
      shareNet: true,
      ...{ envPassthrough: { mode: "deny", keys: ["A"] }, uid: 1, gid: 2, uidMode: "setpriv" },
      idleTimeoutSeconds: 0,
    });
    expect(server.lines).toEqual(["GET /v1/isolated/sessions", `GET ${SESSION}`, `GET ${SESSION}`]);
  });

  test("an unknown session is a 404, for attach too", async () => {
    const { isolated } = serve(() => problem(404, "SESSION_NOT_FOUND", "session not found"));
    expect(await failureOf(isolated.attach(ID))).toMatchObject({
      statusCode: 404,
      code: "SESSION_NOT_FOUND",
    });
    expect(await failureOf(isolated.attach("."))).toMatchObject({ code: "INVALID_ARGUMENT" });
  });

  test("a run streams lines and ends with exit code 0", async () => {
    const { server, isolated } = withSession(() =>
      frames(
        { type: "stdout", text: "one", timestamp: 1 },
        { type: "stdout", text: "two", timestamp: 2 },
        { type: "execution_complete", timestamp: 3 },
      ),
    );
    const session = await isolated.create(BOX);
    const lines: string[] = [];
    const execution = await session.run("cat x", {
      env: { A: "b" },
      timeoutSeconds: 1.5,
      handlers: { onStdout: ({ text }) => void lines.push(text) },
    });
    expect(execution).toMatchObject({ stdout: "one\ntwo\n", exitCode: 0, error: undefined });
    expect(lines).toEqual(["one", "two"]);
    expect(server.lines[1]).toBe(`POST ${SESSION}/run`);
    // The server's limit is later: the SDK's own comes first and says so.
    expect(server.requests[1]?.body).toEqual({ code: "cat x", envs: { A: "b" }, timeout_seconds: 4 });
  });

  test("ExitError is an exit code, and other errors of a run are data", async () => {
    const failed = (ename: string, evalue: string) =>
      frames({ type: "error", text: evalue, timestamp: 1, error: { ename, evalue, traceback: null } });
    const { isolated, server } = withSession(() =>
      server.requests.length === 2
        ? failed("ExitError", "3")
        : failed("RuntimeError", "isolated session is not active: dead"),
    );
    const session = await isolated.create(BOX);
    expect(await session.run("false")).toMatchObject({
      exitCode: 3,
      error: { name: "ExitError", value: "3" },
    });
    expect(await session.run("true")).toMatchObject({
      exitCode: null,
      error: { name: "RuntimeError", value: "isolated session is not active: dead" },
    });
  });

  test("silence ends no run, an interrupt ends the request, and a limit of time ends it as RUN_TIMEOUT", async () => {
    const ended: string[] = [];
    const silent = (request: FakeRequest) =>
      new Promise<Response>((_resolve, reject) => {
        request.signal.addEventListener("abort", () => {
          ended.push(request.line);
          reject(request.signal.reason as Error);
        });
      });
    const server = new FakeServer((request, count) =>
      count === 1 ? Response.json({ session_id: ID, created_at: STATE.created_at }) : silent(request),
    );
    const link = linkTo("http://sandbox.test:44772", {
      fetch: server.fetch,
      streamIdleTimeoutSeconds: 0.01,
      requestTimeoutSeconds: 0.5,
    });
    const session = await new Isolated(link).create(BOX);
    expect(await failureOf(session.run("sleep 9", { timeoutSeconds: 1 }))).toMatchObject({
      code: "RUN_TIMEOUT",
    });
    const run = session.run("sleep 9");
    while (server.requests.length < 3) await new Promise(setImmediate);
    await run.interrupt();
    expect(await failureOf(run)).toMatchObject({ code: "RUN_CANCELLED" });
    expect(ended).toEqual([`POST ${SESSION}/run`, `POST ${SESSION}/run`]);
  });

  test("a background run has a status and a log, which is read from a cursor on", async () => {
    const logs = new Map([
      ["0", [Buffer.from("a\u00e9").subarray(0, 2), "2"]],
      ["1", [Buffer.from("\u00e9b"), "4"]],
    ] as const);
    const { server, isolated } = withSession(({ line, url }) => {
      if (line.startsWith("POST")) {
        const body = { session_id: ID, run_id: "r1", started_at: STATE.created_at };
        return Response.json(body, { status: 202 });
      }
      if (url.pathname.endsWith("/logs")) {
        const [bytes, next] = logs.get(url.searchParams.get("cursor") as "0") ?? ["", "-"];
        return new Response(bytes, { headers: { "EXECD-ISOLATED-TAIL-CURSOR": next } });
      }
      const ended = { running: false, exit_code: 3, finished_at: STATE.last_run_at };
      return Response.json({ session_id: ID, run_id: "r1", started_at: STATE.created_at, ...ended });
    });
    const session = await isolated.create(BOX);
    const started = await session.start("make", { env: { A: "b" } });
    expect(started).toEqual({
      ...{ id: "r1", isRunning: true, exitCode: null, error: undefined },
      ...{ startedAt: INFO.createdAt, finishedAt: undefined },
    });
    expect(server.requests[1]?.body).toEqual({ code: "make", envs: { A: "b" }, background: true });
    expect(await session.getRun("r1")).toEqual({
      ...{ id: "r1", isRunning: false, exitCode: 3, error: undefined },
      ...{ startedAt: INFO.createdAt, finishedAt: INFO.lastRunAt },
    });
    const first = await session.getRunLogs("r1");
    expect(first).toMatchObject({ text: "a", cursor: 1 });
    expect(await session.getRunLogs("r1", { cursor: first.cursor })).toMatchObject({
      text: "\u00e9b",
      cursor: 4,
    });
    expect(server.lines.slice(2)).toEqual([
      `GET ${SESSION}/runs/r1`,
      `GET ${SESSION}/runs/r1/logs?cursor=0`,
      `GET ${SESSION}/runs/r1/logs?cursor=1`,
    ]);
  });

  test("files are those of the sandbox's interface, below the session's routes", async () => {
    const { server, isolated } = withSession(({ line }) => {
      if (line.includes("/files/info")) return Response.json({ x: FILE });
      if (line.includes("/files/search") || line.includes("/directories/list")) return Response.json([FILE]);
      if (line.includes("/files/replace")) return Response.json({ x: { replacedCount: 2 } });
      if (line.includes("/files/download")) return new Response("hi", { headers: { "content-length": "2" } });
      return new Response();
    });
    const { files } = await isolated.create(BOX);
    // Servers know neither the owner nor the group there.
    expect(await files.getInfo("x")).toMatchObject({ path: FILE.path, mode: "644", owner: "", group: "" });
    await files.writeFile("x", "hi");
    expect(await files.readFile("x")).toBe("hi");
    await files.search(".", { pattern: "*.py" });
    await files.listDirectory(".", { depth: 2 });
    await files.createDirectories(["d"]);
    await files.moveFiles([{ src: "x", dest: "y" }]);
    expect(await files.replaceContents([{ path: "x", oldContent: "a", newContent: "b" }])).toEqual([
      { path: "x", replacedCount: 2 },
    ]);
    await files.setPermissions([{ path: "x", mode: 0o600 }]);
    await files.deleteFile("x");
    await files.deleteDirectories(["d"]);
    expect(server.lines.slice(1).map((line) => line.replace(SESSION, "…"))).toEqual([
      "GET …/files/info?path=x",
      "POST …/files/upload",
      "GET …/files/download?path=x",
      "GET …/files/search?path=.&pattern=*.py",
      "GET …/directories/list?path=.&depth=2",
      "POST …/directories",
      "POST …/files/mv",
      "POST …/files/replace?verbose=true",
      "POST …/files/permissions",
      "DELETE …/files?path=x",
      "DELETE …/directories?path=d",
    ]);
  });

  test("runOnce and withSession delete the session, also after an error", async () => {
    const { server, isolated } = withSession(({ line }) =>
      line.startsWith("DELETE") ? new Response() : frames({ type: "execution_complete", timestamp: 3 }),
    );
    expect(await isolated.runOnce("true", { ...BOX, maxOutputBytes: 100 })).toMatchObject({ exitCode: 0 });
    expect(await isolated.withSession(BOX, ({ id }) => id)).toBe(ID);
    const broken = isolated.withSession(BOX, () => {
      throw new RangeError("mine");
    });
    await expect(broken).rejects.toThrow(RangeError);
    const used = ["POST /v1/isolated/session", `DELETE ${SESSION}`];
    expect(server.lines).toEqual([used[0], `POST ${SESSION}/run`, used[1], ...used, ...used]);
    expect(server.requests[0]?.body).toEqual(BOX);
  });

  test("await using deletes a session, and succeeds if it is gone already", async () => {
    const { server, isolated } = withSession(() => problem(404, "SESSION_NOT_FOUND", "session not found"));
    {
      await using session = await isolated.create(BOX);
      expect(await failureOf(session.delete())).toMatchObject({ statusCode: 404 });
    }
    expect(server.lines.slice(1)).toEqual([`DELETE ${SESSION}`, `DELETE ${SESSION}`]);
  });

  test.each<[string, (isolated: Isolated) => PromiseLike<unknown>]>([
    ["create", (isolated) => isolated.create(BOX)],
    ["list", (isolated) => isolated.list()],
    ["attach", (isolated) => isolated.attach(ID)],
    ["runOnce", (isolated) => isolated.runOnce("true", BOX)],
  ])("a server that cannot isolate refuses %s with a reason", async (_what, use) => {
    const { isolated } = serve(() => problem(503, "SERVICE_UNAVAILABLE", "isolation unavailable"));
    const error = await failureOf(use(isolated));
    expect(error).toMatchObject({
      ...{ code: "NOT_SUPPORTED", sandboxId: "sandbox-1", isRetryable: false, cause: { statusCode: 503 } },
      message:
        "This server does not support isolated sessions (isolation unavailable). It needs execd 1.0.20 of July 2026, with bubblewrap.",
    });
  });

  test("a server that is too old for sessions, or for background runs, refuses them with a reason", async () => {
    const { isolated } = withSession(() => new Response("404 page not found", { status: 404 }));
    expect(await failureOf(isolated.list())).toMatchObject({
      code: "NOT_SUPPORTED",
      message: expect.stringContaining("does not support isolated sessions. It needs execd 1.0.20"),
    });
    const session = await isolated.create(BOX);
    for (const failed of [session.getRun("r"), session.getRunLogs("r")]) {
      expect(await failureOf(failed)).toMatchObject({
        code: "NOT_SUPPORTED",
        message: expect.stringContaining("background runs in isolated sessions. It needs execd of September"),
      });
    }
  });

  test("other refusals stay the server's own", async () => {
    const { isolated } = serve(() => problem(503, "NOT_SUPPORTED", "userns unavailable"));
    const error = await failureOf(isolated.create({ ...BOX, uidMode: "userns" }));
    expect(error).toMatchObject({ code: "NOT_SUPPORTED", message: "userns unavailable", isRetryable: false });
  });

  test.each([
    ["is not asked again", problem(503, "SERVICE_UNAVAILABLE", "isolation unavailable"), 1],
    ["is not asked again for a part", problem(503, "NOT_SUPPORTED", "userns unavailable"), 1],
    ["is asked again after an outage", new Response("upstream connect error", { status: 503 }), 3],
  ])("a server that cannot isolate %s", async (_what, response, attempts) => {
    const { server, isolated } = serve(() => response.clone(), {
      maxRetries: 2,
      initialBackoffMillis: 1,
      maxBackoffMillis: 1,
    });
    await failureOf(isolated.list());
    expect(server.lines).toEqual(Array<string>(attempts).fill("GET /v1/isolated/sessions"));
  });
});
