import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { Sandbox } from "../../../src/sandbox.js";
import { CapturingLogger } from "../../helpers/capturing-logger.js";
import { errorResponse, FakeLifecycle, ID, sandboxJson } from "../../helpers/fake-server.js";
import { failureOf, settle } from "../../helpers/promises.js";

const TAKE = `POST /sandboxes/${ID}/snapshots`;
const GET = "GET /snapshots/snap";
const DELETE = "DELETE /snapshots/snap";
const CREATE = "POST /sandboxes";

const snapshot = (state: string, message?: string) => ({
  id: "snap",
  sandboxId: ID,
  status: { state, message },
  createdAt: "2026-11-23T17:02:20Z",
});

let server: FakeLifecycle;
let sandbox: Sandbox;
let isTaken: boolean;
let snapshots: string[];
beforeEach(async () => {
  jest.useFakeTimers({ doNotFake: ["setImmediate", "nextTick", "queueMicrotask"] });
  server = new FakeLifecycle();
  isTaken = false;
  snapshots = [];
  server.on(TAKE, () => {
    snapshots.push("snap");
    return Response.json(snapshot("Creating"), { status: 202 });
  });
  server.on(GET, () => Response.json(snapshot(isTaken ? "Ready" : "Creating")));
  server.on(DELETE, () => {
    if (!isTaken) return errorResponse(409, "SNAPSHOT::INVALID_STATE");
    snapshots.pop();
    return new Response(null, { status: 204 });
  });
  server.on(`GET /sandboxes/${ID}`, () => Response.json(sandboxJson(ID, { entrypoint: ["/start.sh"] })));
  sandbox = await Sandbox.connect({ sandboxId: ID, connectionConfig: server.config() });
  server.requests.length = 0;
});
afterEach(async () => {
  await jest.advanceTimersByTimeAsync(1_000);
  await settle();
  expect(snapshots).toEqual([]);
  expect(jest.getTimerCount()).toBe(0);
  jest.useRealTimers();
});

async function advance(seconds: number): Promise<void> {
  await jest.advanceTimersByTimeAsync(seconds * 1_000);
  await settle();
}

describe("fork", () => {
  test("takes a snapshot, creates a sandbox from it with the same entrypoint, and deletes the snapshot", async () => {
    const forking = sandbox.fork({ timeoutSeconds: 90, metadata: { attempt: "1" } });
    await advance(1);
    isTaken = true;
    await advance(1);
    expect(await forking).toBeInstanceOf(Sandbox);
    expect(server.only(CREATE).body).toEqual({
      snapshotId: "snap",
      entrypoint: ["/start.sh"],
      metadata: { attempt: "1" },
      resourceLimits: { cpu: "1", memory: "2Gi" },
      timeout: 90,
    });
    expect(server.routes.at(-1)).toBe(DELETE);
  });

  test("lets an entrypoint replace the sandbox's", async () => {
    isTaken = true;
    await sandbox.fork({ entrypoint: ["sleep", "9"] });
    expect(server.only(CREATE).body).toMatchObject({ entrypoint: ["sleep", "9"] });
  });

  test("deletes the snapshot if the sandbox is not created", async () => {
    isTaken = true;
    server.on(CREATE, () => errorResponse(500, "BROKEN"));
    expect(await failureOf(sandbox.fork())).toMatchObject({ statusCode: 500 });
    expect(server.routes.at(-1)).toBe(DELETE);
  });

  test("says why the snapshot failed, and deletes it", async () => {
    isTaken = true;
    server.on(GET, () => Response.json(snapshot("Failed", "no space")));
    expect(await failureOf(sandbox.fork())).toMatchObject({
      code: "SNAPSHOT_FAILED",
      message: "The snapshot of the sandbox failed: no space",
      sandboxId: ID,
    });
    expect(server.routes).not.toContain(CREATE);
  });

  test.each([
    [409, "SNAPSHOT::INVALID_SOURCE_STATE"],
    [501, "SNAPSHOT::NOT_IMPLEMENTED"],
  ])("passes on the server's refusal with %d", async (status, code) => {
    server.on(TAKE, () => errorResponse(status, code));
    expect(await failureOf(sandbox.fork())).toMatchObject({ statusCode: status, code });
    expect(server.routes).toEqual([TAKE]);
  });

  test("rejects at once on abort, and deletes the snapshot as soon as it is taken", async () => {
    const leaving = new AbortController();
    const failure = failureOf(sandbox.fork({ signal: leaving.signal }));
    await advance(1);
    leaving.abort("enough");
    expect(await failure).toBe("enough");
    await advance(2);
    expect(snapshots).toEqual(["snap"]);
    isTaken = true;
    await advance(1);
    expect(snapshots).toEqual([]);
    expect(server.routes).not.toContain(CREATE);
  });

  test("deletes a snapshot whose response comes after the abort", async () => {
    let answer: (response: Response) => void = () => undefined;
    server.on(TAKE, () => new Promise<Response>((resolve) => (answer = resolve)));
    const leaving = new AbortController();
    const failure = failureOf(sandbox.fork({ signal: leaving.signal }));
    await settle();
    leaving.abort("enough");
    expect(await failure).toBe("enough");
    isTaken = true;
    snapshots.push("snap");
    answer(Response.json(snapshot("Ready")));
    await settle();
    expect(snapshots).toEqual([]);
  });

  test("deletes both if it is aborted while the sandbox starts", async () => {
    isTaken = true;
    server.hang("GET /ping");
    const leaving = new AbortController();
    const failure = failureOf(sandbox.fork({ signal: leaving.signal }));
    await settle();
    leaving.abort("enough");
    expect(await failure).toBe("enough");
    await settle();
    expect(server.routes).toContain(`DELETE /sandboxes/${ID}`);
  });

  test("ends after createTimeoutSeconds if the snapshot is never ready", async () => {
    const failure = failureOf(sandbox.fork({ createTimeoutSeconds: 10 }));
    await advance(10);
    expect(await failure).toMatchObject({ name: "SandboxTimeoutException", code: "WAIT_TIMEOUT" });
    isTaken = true;
  });

  test("does not fail if the snapshot cannot be deleted, but logs it", async () => {
    isTaken = true;
    const logger = new CapturingLogger();
    const own = await Sandbox.connect({ sandboxId: ID, connectionConfig: server.config({ logger }) });
    server.on(DELETE, () => {
      snapshots.pop();
      return errorResponse(500, "DOCKER::SNAPSHOT_IMAGE_REMOVE_FAILED");
    });
    await own.fork();
    expect(JSON.stringify(logger)).toContain("snapshot snap of a fork could not be deleted");
  });

  test.each([
    { image: "python:3.12" },
    { snapshotId: "s" },
    { timeoutSeconds: 1 },
    { readyTimeoutSeconds: -1 },
  ])("refuses %j before anything is sent", async (options) => {
    expect(await failureOf(sandbox.fork(options as object))).toMatchObject({ code: "INVALID_ARGUMENT" });
    expect(server.requests).toEqual([]);
  });
});
