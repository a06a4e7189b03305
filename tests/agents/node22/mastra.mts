import { Agent } from "@mastra/core/agent";
import { Workspace } from "@mastra/core/workspace";
import { MockLanguageModelV3 } from "ai6/test";
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { startLocalServer, type LocalServer } from "opensandbox-code-interpreter/local";
import { codeTools, OpenSandbox } from "opensandbox-code-interpreter/mastra";
import { AFTERWARDS, ENDLESS, scriptedAnswers, seenIn, STEPS } from "../scripted-answers.ts";
import { assertHas, assertSeen, countSandboxes } from "./scripted.mts";

let server: LocalServer;
before(async () => {
  server = await startLocalServer();
});
after(() => server.close());

/** An agent whose model makes some tool calls, and that model's view of their results. */
function scriptedAgent(steps: typeof STEPS, given: object) {
  const model = new MockLanguageModelV3(scriptedAnswers(steps));
  const agent = new Agent({ id: "tested", name: "Tested", instructions: "Work.", model, ...given });
  const seen = () => seenIn([...model.doStreamCalls, ...model.doGenerateCalls].at(-1)?.prompt ?? []);
  return { agent, seen };
}

describe("codeTools", () => {
  test("let a model run code, see a picture, correct a mistake, and go on after an abort", async () => {
    const { tools, interpreter, close } = codeTools({ connectionConfig: server.connectionConfig });
    const first = scriptedAgent(STEPS, { tools });
    const { text } = await first.agent.generate("Go.", { maxSteps: 10 });
    assert.equal(text, "finished");
    assertSeen(first.seen());

    const abort = new AbortController();
    const aborted = scriptedAgent([ENDLESS], { tools });
    const stream = await aborted.agent.stream("Wait.", { abortSignal: abort.signal });
    const live: unknown[] = [];
    for await (const chunk of stream.fullStream) {
      if (chunk.type !== "tool-output") continue;
      live.push(chunk.payload.output);
      abort.abort(new Error("changed my mind"));
    }
    assert.deepEqual(live[0], { stream: "stdout", text: "waiting\n" });

    const second = scriptedAgent([AFTERWARDS], { tools });
    await second.agent.generate("Go on.");
    assertSeen(second.seen(), [AFTERWARDS]);
    assert.ok((await interpreter()).id);

    assert.equal(await countSandboxes(server), 1);
    await close();
    assert.equal(await countSandboxes(server), 0);
  });
});

describe("OpenSandbox", () => {
  let sandbox: OpenSandbox;
  beforeEach(() => {
    sandbox = new OpenSandbox({
      connectionConfig: server.connectionConfig,
      env: { COLOR: "red", NONE: undefined },
    });
  });
  afterEach(async () => {
    await sandbox.destroy();
    assert.equal(await countSandboxes(server), 0);
  });

  test("starts, stops with its files kept, starts again and is destroyed", async () => {
    assert.equal(sandbox.status, "pending");
    assert.deepEqual(await sandbox.start(), { outcome: "created" });
    assert.equal(sandbox.status, "running");
    await sandbox.executeCommand?.("echo kept > file");
    const { id } = await sandbox.sandbox();
    await sandbox.stop();
    assert.equal(sandbox.status, "stopped");
    assert.deepEqual(await sandbox.start(), { outcome: "connected" });
    assert.equal((await sandbox.executeCommand?.("cat file"))?.stdout, "kept\n");
    const info = await sandbox.getInfo();
    assert.equal(info.id, sandbox.id);
    assert.equal(info.metadata?.["sandboxId"], id);
    await sandbox.destroy();
    assert.equal(sandbox.status, "destroyed");
  });

  test("executes commands with arguments, variables, a directory, callbacks and limits", async () => {
    const lines: string[] = [];
    const result = await sandbox.executeCommand?.("printf", ["%s\n", "a b", "$HOME"], {
      onStdout: (data) => lines.push(data),
    });
    assert.equal(result?.stdout, "a b\n$HOME\n");
    assert.deepEqual(lines, ["a b\n", "$HOME\n"]);
    const failed = await sandbox.executeCommand?.("echo $COLOR $SIZE; pwd >&2; exit 3", [], {
      ...{ cwd: "/tmp", env: { SIZE: "big" } },
    });
    assertHas(failed, {
      ...{ success: false, exitCode: 3, stdout: "red big\n", stderr: "/tmp\n", killed: false },
    });
    const bounded = await sandbox.executeCommand?.("seq 1000", [], { maxRetainedBytes: 5 });
    assertHas(bounded, { stdout: "1000\n", stdoutTruncated: true, exitCode: 0 });
    const slow = await sandbox.executeCommand?.("echo begun; sleep 60", [], { timeout: 1_000 });
    assertHas(slow, {
      ...{ timedOut: true, killed: true, exitCode: 124, stdout: "begun\n" },
    });
    const abort = new AbortController();
    const onStdout = () => abort.abort();
    const aborted = await sandbox.executeCommand?.("echo begun; sleep 60", [], {
      abortSignal: abort.signal,
      onStdout,
    });
    assertHas(aborted, { success: false, killed: true });
  });

  test("writes files with their modes", async () => {
    await sandbox.writeFiles([
      { path: "/workspace/new/data.bin", content: Buffer.from([0, 255]), mode: 0o600 },
      { path: "/workspace/text.txt", content: "✓" },
    ]);
    const result = await sandbox.executeCommand?.("stat -c '%a %s' new/data.bin; cat text.txt");
    assert.equal(result?.stdout, "600 2\n✓\n");
  });

  test("manages processes", async () => {
    const { processes } = sandbox;
    assert.ok(processes);
    const process = await processes.spawn("echo begun; until [ -e go ]; do sleep 0.05; done; echo end");
    assert.deepEqual(await processes.list(), [{ pid: process.pid, running: true, command: process.command }]);
    await sandbox.executeCommand?.("touch go");
    assertHas(await process.wait(), { exitCode: 0, stdout: "begun\nend\n" });
    assert.equal(await process.kill(), false);
    await assert.rejects(process.sendStdin("x"), /no standard input/);

    const endless = await processes.spawn("sleep 60");
    assert.equal(await processes.kill(endless.pid), true);
    assert.notEqual(endless.exitCode, 0);
    assert.equal(await processes.kill("unknown"), false);
  });

  test("gives the URL of a port while it runs", async () => {
    assert.equal(await sandbox.networking.getPortUrl(8000), null);
    await sandbox.start();
    assert.match((await sandbox.networking.getPortUrl(8000)) ?? "", /^http:\/\/127\.0\.0\.1:/);
  });

  test("is the sandbox of a workspace that an agent works in", async () => {
    const workspace = new Workspace({ sandbox });
    const step = {
      tool: "mastra_workspace_execute_command",
      input: { command: "echo $((6 * 7))" },
      text: "42",
    };
    const { agent, seen } = scriptedAgent([step], { workspace });
    await agent.generate("Go.", { maxSteps: 3 });
    assertSeen(seen(), [step]);
  });
});
