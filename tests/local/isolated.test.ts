import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { Sandbox } from "../../src/index.js";
import { startLocalServer, type LocalServer } from "../../src/local/index.js";
import { failureOf } from "../helpers/promises.js";
import { describeIf, isolationWorks, NO_ISOLATION_REASON } from "../helpers/skips.js";

describeIf(
  isolationWorks,
  "local/isolated",
  NO_ISOLATION_REASON,
)("isolated sessions of a local sandbox", () => {
  let server: LocalServer;
  let sandbox: Sandbox;
  beforeAll(async () => {
    server = await startLocalServer({ port: false, pythonShell: "plain" });
    sandbox = await Sandbox.create({ connectionConfig: server.connectionConfig });
  });
  afterAll(() => server.close());

  test("are not available, and it says why", async () => {
    expect(await sandbox.isolated.capabilities()).toMatchObject({
      available: false,
      message: expect.stringContaining("may not create namespaces"),
    });
    // What it says is true.
    expect((await sandbox.commands.run(["unshare", "--user", "true"])).exitCode).not.toBe(0);
  });

  test.each([
    ["create", () => sandbox.isolated.create({ workspace: { path: "/workspace" } })],
    ["list", () => sandbox.isolated.list()],
    ["attach", () => sandbox.isolated.attach("0b7f5c7a-9f0c-4a39-8f62-0d2f2f9b2b11")],
  ])("%s is refused as by a real server that may not isolate", async (_what, use) => {
    expect(await failureOf(use())).toMatchObject({
      code: "NOT_SUPPORTED",
      cause: { code: "SERVICE_UNAVAILABLE", statusCode: 503 },
    });
  });

  test.each(["GET /diff", "POST /commit"])("%s has its own refusal, as everywhere", async (route) => {
    const [method, path = ""] = route.split(" ");
    const { url, headers } = await sandbox.getEndpoint(44772);
    const response = await server.fetch(`${url}/v1/isolated/session/any${path}`, {
      method: method ?? "",
      headers,
    });
    expect([response.status, await response.json()]).toEqual([
      503,
      expect.objectContaining({ code: "NOT_SUPPORTED" }),
    ]);
  });
});
