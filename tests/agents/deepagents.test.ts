import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { AIMessage, ToolMessage } from "@langchain/core/messages";
import { fakeModel } from "@langchain/core/testing";
import { createDeepAgent, isSandboxBackend } from "deepagents";
import { OpenSandboxBackend } from "../../src/agents/deepagents.js";
import { startLocalServer, type LocalServer } from "../../src/local/index.js";
import { describeIf, isolationWorks, NO_ISOLATION_REASON } from "../helpers/skips.js";
import { countSandboxes } from "./frameworks.js";

describeIf(
  isolationWorks,
  "agents/deepagents",
  NO_ISOLATION_REASON,
)("OpenSandboxBackend", () => {
  let server: LocalServer;
  let backend: OpenSandboxBackend;
  beforeAll(async () => (server = await startLocalServer({ pythonShell: "plain" })));
  afterAll(() => server.close());
  beforeEach(async () => {
    const { connectionConfig } = server;
    backend = await OpenSandboxBackend.create({ connectionConfig, timeoutSeconds: 2, maxOutputBytes: 1_000 });
  });
  afterEach(async () => {
    await backend.close();
    expect(await countSandboxes(server)).toBe(0);
  });

  test("executes commands, with their exit code and within limits", async () => {
    expect(isSandboxBackend(backend)).toBe(true);
    expect(backend.id).toBe(backend.sandbox.id);
    expect(await backend.execute("echo out; echo err >&2; exit 3")).toEqual({
      output: expect.stringMatching(/^(out\nerr|err\nout)\n$/) as unknown,
      ...{ exitCode: 3, truncated: false },
    });
    const long = await backend.execute("seq 1000");
    expect(long).toMatchObject({ exitCode: 0, truncated: true });
    expect(long.output).toMatch(/^1\n2\n[^]*\n\[…\]\n[^]*\n1000\n$/);
    expect(await backend.execute("echo begun; sleep 60")).toEqual({
      output: "begun\n[stopped after 2 s]\n",
      ...{ exitCode: 124, truncated: false },
    });
  });

  test("uploads and downloads files byte for byte, and names what fails", async () => {
    const bytes = new Uint8Array([0, 255, 10, 13, 128]);
    expect(
      await backend.uploadFiles([
        ["/workspace/new/data.bin", bytes],
        ["relative.txt", bytes],
        ["/usr/data.bin", bytes],
        ["/tmp", bytes],
      ]),
    ).toEqual([
      { path: "/workspace/new/data.bin", error: null },
      { path: "relative.txt", error: "invalid_path" },
      { path: "/usr/data.bin", error: "permission_denied" },
      { path: "/tmp", error: "is_directory" },
    ]);
    await backend.execute("touch /workspace/secret; chmod 000 /workspace/secret");
    const downloads = await backend.downloadFiles([
      ...["/workspace/new/data.bin", "/missing", "/workspace/new/data.bin/x", "/tmp", "relative.txt"],
      "/workspace/secret",
    ]);
    expect(downloads).toEqual([
      { path: "/workspace/new/data.bin", content: bytes, error: null },
      { path: "/missing", content: null, error: "file_not_found" },
      { path: "/workspace/new/data.bin/x", content: null, error: "file_not_found" },
      { path: "/tmp", content: null, error: "is_directory" },
      { path: "relative.txt", content: null, error: "invalid_path" },
      { path: "/workspace/secret", content: null, error: "permission_denied" },
    ]);
  });

  test("has the file tools that deepagents derives", async () => {
    expect(await backend.write("/workspace/src/a.txt", "one\ntwo\nthree\n")).not.toHaveProperty("error");
    expect(await backend.read("/workspace/src/a.txt", 1, 1)).toMatchObject({
      content: expect.stringContaining("two") as unknown,
    });
    expect(await backend.edit("/workspace/src/a.txt", "two", "2")).toMatchObject({ occurrences: 1 });
    expect(await backend.readRaw("/workspace/src/a.txt")).toMatchObject({
      data: { content: expect.stringContaining("2") as unknown },
    });
    expect(await backend.ls("/workspace/src")).toMatchObject({
      files: [{ path: expect.stringContaining("a.txt") as unknown }],
    });
    expect(await backend.grep("three", "/workspace")).toMatchObject({
      matches: [{ line: 3, text: "three" }],
    });
    expect(await backend.glob("**/*.txt", "/workspace")).toMatchObject({
      files: [{ path: expect.stringContaining("a.txt") as unknown }],
    });
    await backend.delete("/workspace/src");
    expect(await backend.read("/workspace/src/a.txt")).toHaveProperty("error");
  });

  test("lets a deep agent work in the sandbox", async () => {
    const model = fakeModel()
      .respondWithTools([
        { name: "write_file", args: { file_path: "/workspace/hello.sh", content: "echo hello $((6*7))\n" } },
      ])
      .respondWithTools([{ name: "execute", args: { command: "bash /workspace/hello.sh" } }])
      .respondWithTools([{ name: "read_file", args: { file_path: "/workspace/missing" } }])
      .respond(new AIMessage("finished"));
    const agent = createDeepAgent({ model, backend });
    const { messages } = await agent.invoke({ messages: [{ role: "user", content: "Go." }] });
    const results = messages.filter((message) => ToolMessage.isInstance(message)).map(({ text }) => text);
    expect(results[1]).toContain("hello 42");
    expect(results[2]).toMatch(/not found|Error/i);
    expect(messages.at(-1)?.text).toBe("finished");
  });
});
