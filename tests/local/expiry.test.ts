import { existsSync, readdirSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { LocalClient, until, type LocalSandbox } from "../helpers/local-sandbox.js";
import { describeIf, isolationWorks, NO_ISOLATION_REASON } from "../helpers/skips.js";

describeIf(
  isolationWorks,
  "local/expiry",
  NO_ISOLATION_REASON,
)("a sandbox with a timeout", () => {
  let client: LocalClient;
  beforeAll(async () => {
    client = await LocalClient.start();
  });
  afterAll(() => client.server.close());

  const renew = (sandbox: LocalSandbox, expiresAt: string) =>
    client.send("POST", `${sandbox.path}/renew-expiration`, { expiresAt });
  const inSeconds = (seconds: number) => new Date(Date.now() + seconds * 1000).toISOString();

  test("expires that long after its creation", async () => {
    const sandbox = await client.create({ timeout: 3600 });
    const info = await client.json("GET", sandbox.path);
    const [created, expires] = [info["createdAt"], info["expiresAt"]].map((time) => Date.parse(String(time)));
    expect((expires ?? 0) - (created ?? 0)).toBe(3_600_000);
  });

  test("is gone at its end, with its processes and files, even when it is paused", async () => {
    const sandbox = await client.create();
    const directory = directoryOf(sandbox);
    await sandbox.command("sleep 600 >/dev/null 2>&1 & echo file > file");
    await client.send("POST", `${sandbox.path}/pause`);
    expect((await renew(sandbox, inSeconds(0.4))).status).toBe(200);
    await until(
      async () => (await client.send("GET", sandbox.path)).status,
      (status) => status === 404,
    );
    await until(
      () => existsSync(directory),
      (exists) => !exists,
    );
  });

  test("lives on if its end is moved in time", async () => {
    const [renewed, other] = await Promise.all([client.create(), client.create()]);
    await renew(renewed, inSeconds(0.4));
    await renew(other, inSeconds(0.4));
    await renew(renewed, inSeconds(3600));
    await until(
      async () => (await client.send("GET", other.path)).status,
      (status) => status === 404,
    );
    expect(await renewed.state()).toBe("Running");
  });

  test.each([
    ["2001-01-01T00:00:00Z", 400, "DOCKER::INVALID_EXPIRATION"],
    ["soon", 422, undefined],
    [1e13, 422, undefined],
    [undefined, 422, undefined],
  ])("its end cannot be moved to %s", async (expiresAt, status, code) => {
    const sandbox = await client.create();
    const answer = await client.send("POST", `${sandbox.path}/renew-expiration`, { expiresAt });
    expect(answer.status).toBe(status);
    expect(((await answer.json()) as { code?: string }).code).toBe(code);
  });

  test("cannot live beyond the year 9999, and a request for that makes none", async () => {
    const before = await client.json("GET", "/v1/sandboxes");
    const body = { image: { uri: "any" }, entrypoint: ["any"], resourceLimits: {}, timeout: 1e13 };
    const answer = await client.send("POST", "/v1/sandboxes", body);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toEqual({
      code: "SANDBOX::INVALID_PARAMETER",
      message: expect.stringContaining("too large to represent safely"),
    });
    expect(await client.json("GET", "/v1/sandboxes")).toEqual(before);
  });

  test("one without a timeout cannot get an end", async () => {
    const sandbox = await client.create({ timeout: null });
    const answer = await renew(sandbox, inSeconds(60));
    expect(answer.status).toBe(409);
  });
});

/** Where the server keeps the files of a sandbox. */
function directoryOf({ id }: LocalSandbox): string {
  const found = readdirSync(os.tmpdir())
    .map((name) => path.join(os.tmpdir(), name, id))
    .find((directory) => existsSync(directory));
  if (found === undefined) throw new Error(`There is no directory of ${id}.`);
  return found;
}
