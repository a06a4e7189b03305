import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { startLocalServer, type LocalServer } from "../../src/local/index.js";
import { isExchange, type Exchange } from "../helpers/fixtures.js";
import { describeIf, isolationWorks, NO_ISOLATION_REASON } from "../helpers/skips.js";
import { run } from "../package/programs.js";

test("wrong usage is an error that says how it is used", async () => {
  const { exitCode, output } = await run(process.execPath, ["scripts/record.mjs", "requests.json"]);
  expect(output).toContain("usage: npm run record");
  expect(exitCode).toBe(2);
});

describeIf(
  isolationWorks,
  "scripts/record",
  NO_ISOLATION_REASON,
)("recording a server", () => {
  let server: LocalServer;
  let directory: string;
  beforeAll(async () => {
    server = await startLocalServer({ pythonShell: "plain" });
    directory = await mkdtemp(path.join(tmpdir(), "record-"));
  });
  afterAll(async () => {
    await server.close();
    await rm(directory, { recursive: true });
  });

  async function record(which: string, requests: unknown): Promise<Exchange[]> {
    const [requestsFile, outFile] = [path.join(directory, "requests.json"), path.join(directory, "out.json")];
    await writeFile(requestsFile, JSON.stringify(requests));
    const { domain, apiKey } = server.connectionConfig;
    const options = ["--domain", domain, "--api-key", apiKey, "--server", which];
    const { exitCode, output } = await run(process.execPath, [
      "scripts/record.mjs",
      ...options,
      requestsFile,
      outFile,
    ]);
    expect({ exitCode, output }).toMatchObject({ exitCode: 0 });
    const text = await readFile(outFile, "utf8");
    expect(text).not.toContain(apiKey);
    const exchanges: unknown = JSON.parse(text);
    if (!Array.isArray(exchanges) || !exchanges.every(isExchange)) throw new TypeError("no exchanges");
    return exchanges;
  }

  test("keeps execd's responses piece by piece, and parts of them for later requests", async () => {
    const [streamed, status, wrong] = await record("execd", [
      {
        label: "prints",
        method: "POST",
        path: "/command",
        body: { command: "echo hi" },
        keep: { id: '"text":"([0-9a-f]{32})"' },
      },
      { label: "its status", method: "GET", path: "/command/status/{{id}}" },
      { label: "no JSON", method: "POST", path: "/command", body: "{" },
    ]);
    expect(streamed?.response).toMatchObject({ status: 200, error: null });
    const text = streamed?.response.chunks.map(([, chunk]) => chunk).join("") ?? "";
    expect(text).toContain('{"type":"stdout","text":"hi"');
    const id = /"text":"([0-9a-f]{32})"/.exec(text)?.[1];
    expect(status?.request.path).toBe(`/command/status/${id ?? ""}`);
    expect(status?.response.status).toBe(200);
    expect(wrong).toMatchObject({ request: { body: "{" }, response: { status: 400 } });
    expect(JSON.stringify([streamed, status, wrong])).not.toMatch(/x-execd-access-token/i);
  });

  test("keeps the lifecycle server's responses without the key", async () => {
    const [listed] = await record("lifecycle", [{ label: "list", method: "GET", path: "/sandboxes" }]);
    expect(listed?.request).toEqual({ method: "GET", path: "/sandboxes", headers: {}, body: null });
    expect(listed?.response.status).toBe(200);
  });
});
