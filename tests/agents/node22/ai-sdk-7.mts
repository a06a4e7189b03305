import { generateText, isStepCount, jsonSchema, streamText, tool } from "ai";
import { MockLanguageModelV4 } from "ai/test";
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Sandbox } from "opensandbox-code-interpreter";
import { codeTools, sandboxProvider, sandboxSession } from "opensandbox-code-interpreter/ai-sdk";
import { startLocalServer, type LocalServer } from "opensandbox-code-interpreter/local";
import { AFTERWARDS, ENDLESS, scriptedAnswers, seenIn, STEPS } from "../scripted-answers.ts";
import { assertSeen, countSandboxes } from "./scripted.mts";

const BYTES = new Uint8Array([0, 255, 10, 13, 128]);

let server: LocalServer;
before(async () => {
  server = await startLocalServer();
});
after(() => server.close());

test("a model runs code, sees a picture, corrects a mistake, and goes on after an abort", async () => {
  const { tools, close } = codeTools({ connectionConfig: server.connectionConfig });
  const first = new MockLanguageModelV4(scriptedAnswers(STEPS));
  const { text } = await generateText({ model: first, tools, stopWhen: isStepCount(10), prompt: "Go." });
  assert.equal(text, "finished");
  assertSeen(seenIn(first.doGenerateCalls.at(-1)?.prompt ?? []));

  const abort = new AbortController();
  const aborted = streamText({
    ...{ model: new MockLanguageModelV4(scriptedAnswers([ENDLESS])), tools, prompt: "Wait." },
    abortSignal: abort.signal,
    onError: () => undefined,
  });
  const preliminary: unknown[] = [];
  for await (const part of aborted.stream) {
    if (part.type !== "tool-result" || part.preliminary !== true) continue;
    preliminary.push(part.output);
    abort.abort(new Error("changed my mind"));
  }
  assert.deepEqual(preliminary, [{ text: "waiting\n", images: [], isError: false }]);

  const second = new MockLanguageModelV4(scriptedAnswers([AFTERWARDS]));
  await generateText({ model: second, tools, stopWhen: isStepCount(3), prompt: "Go on." });
  assertSeen(seenIn(second.doGenerateCalls.at(-1)?.prompt ?? []), [AFTERWARDS]);

  assert.equal(await countSandboxes(server), 1);
  await close();
  assert.equal(await countSandboxes(server), 0);
});

describe("sandboxSession", () => {
  let sandbox: Sandbox;
  let session: ReturnType<typeof sandboxSession>;
  before(async () => {
    sandbox = await Sandbox.create({ connectionConfig: server.connectionConfig });
    session = sandboxSession(sandbox);
  });
  after(() => sandbox.kill());

  test("run takes a directory and variables, and returns both streams and the exit code", async () => {
    const options = {
      command: "pwd; echo $COLOR >&2; exit 3",
      workingDirectory: "/tmp",
      env: { COLOR: "red" },
    };
    assert.deepEqual(await session.run(options), { exitCode: 3, stdout: "/tmp\n", stderr: "red\n" });
    const abort = AbortSignal.timeout(200);
    await assert.rejects(session.run({ command: "sleep 60", abortSignal: abort }), { name: "TimeoutError" });
  });

  test("spawn streams stdout and stderr apart while the process runs", async () => {
    const command = "echo out; echo err >&2; until [ -e go ]; do sleep 0.05; done; echo end; exit 4";
    const process = await session.spawn({ command });
    const stdout = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const stderr = process.stderr.pipeThrough(new TextDecoderStream()).getReader();
    assert.deepEqual(await stdout.read(), { done: false, value: "out\n" });
    assert.deepEqual(await stderr.read(), { done: false, value: "err\n" });
    await session.writeTextFile({ path: "go", content: "" });
    assert.deepEqual(await stdout.read(), { done: false, value: "end\n" });
    assert.deepEqual(await process.wait(), { exitCode: 4 });
    assert.deepEqual(await Promise.all([stdout.read(), stderr.read()]), [
      { done: true, value: undefined },
      { done: true, value: undefined },
    ]);
  });

  test("kill ends a spawned process, also the second time; an abort rejects wait with its reason", async () => {
    const process = await session.spawn({ command: "echo begun; sleep 60" });
    const stdout = process.stdout.getReader();
    await stdout.read();
    await process.kill();
    await process.kill();
    assert.notEqual((await process.wait()).exitCode, 0);
    assert.equal((await stdout.read()).done, true);

    const abort = new AbortController();
    const other = await session.spawn({ command: "echo begun; sleep 60", abortSignal: abort.signal });
    await other.stdout.getReader().read();
    abort.abort(new Error("enough"));
    await assert.rejects(other.wait(), { message: "enough" });
  });

  test("spawn refuses a standard input before it starts anything", async () => {
    await assert.rejects(session.spawn({ command: "touch started", stdin: true }), /stdin must be false/);
    assert.equal(await session.stat({ path: "started" }), null);
  });

  test("files are byte-exact, in all three forms, and relative to where commands start", async () => {
    await session.writeBinaryFile({ path: "deep/er/data.bin", content: BYTES });
    assert.deepEqual(await session.readBinaryFile({ path: "deep/er/data.bin" }), BYTES);
    assert.equal((await session.run({ command: "wc -c < deep/er/data.bin" })).stdout.trim(), "5");

    const content = new Blob([BYTES]).stream();
    await session.writeFile({ path: "/tmp/streamed.bin", content });
    const stream = await session.readFile({ path: "/tmp/streamed.bin" });
    assert.ok(stream);
    assert.deepEqual(new Uint8Array(await new Response(stream).arrayBuffer()), BYTES);

    const text = "\ufeffone\ntwo ✓\nthree\n";
    await session.writeTextFile({ path: "text.txt", content: text });
    assert.equal(await session.readTextFile({ path: "text.txt" }), text);
    assert.equal(await session.readTextFile({ path: "text.txt", startLine: 2, endLine: 2 }), "two ✓");
    assert.equal(await session.readTextFile({ path: "text.txt", startLine: 3, endLine: 99 }), "three\n");
    await session.writeBinaryFile({ path: "latin.txt", content: new Uint8Array([0xe9]) });
    assert.equal(await session.readTextFile({ path: "latin.txt", encoding: "latin1" }), "é");
    await assert.rejects(session.writeTextFile({ path: "x", content: "", encoding: "latin1" }), /"utf-8"/);
    await assert.rejects(session.writeTextFile({ path: "/tmp", content: "" }), /directory/);
  });

  test("missing files are null", async () => {
    const path = "missing";
    assert.equal(await session.readFile({ path }), null);
    assert.equal(await session.readBinaryFile({ path }), null);
    assert.equal(await session.readTextFile({ path }), null);
    assert.equal(await session.stat({ path }), null);
    assert.equal(await session.listDirectory({ path }), null);
    assert.equal(await session.deleteFile({ path }), false);
  });

  test("stat and listDirectory follow a link that they are given, and name those that they find", async () => {
    await session.run({
      command: "mkdir -p tree/sub; echo 1234 > tree/f; ln -s tree link; ln -s f tree/l; mkfifo tree/p",
    });
    assert.deepEqual(await session.stat({ path: "tree/l" }), { type: "file", size: 5 });
    assert.equal((await session.stat({ path: "link" }))?.type, "directory");
    assert.equal((await session.stat({ path: "tree/p" }))?.type, "other");
    const entries = await session.listDirectory({ path: "link" });
    assert.deepEqual(
      entries?.sort((a, b) => a.name.localeCompare(b.name)),
      [
        { name: "f", type: "file" },
        { name: "l", type: "symlink" },
        { name: "p", type: "other" },
        { name: "sub", type: "directory" },
      ],
    );
    await assert.rejects(session.listDirectory({ path: "tree/f" }), /not a directory/);
  });

  test("deleteFile deletes a link itself, and refuses a directory", async () => {
    await session.run({ command: "echo 1 > target; ln -s target alias; mkdir -p folder" });
    assert.equal(await session.deleteFile({ path: "alias" }), true);
    assert.equal((await session.stat({ path: "target" }))?.type, "file");
    await assert.rejects(session.deleteFile({ path: "folder" }), /directory/);
  });

  test("tools get the session as experimental_sandbox", async () => {
    const model = new MockLanguageModelV4(scriptedAnswers([{ tool: "who", input: {}, text: "" }]));
    const who = tool({
      inputSchema: jsonSchema({ type: "object" }),
      execute: async (_input, options) => await options.experimental_sandbox?.run({ command: "echo me" }),
    });
    await generateText({
      model,
      tools: { who },
      stopWhen: isStepCount(2),
      prompt: "Go.",
      experimental_sandbox: session,
    });
    assert.equal(
      seenIn(model.doGenerateCalls.at(-1)?.prompt ?? [])[0]?.text,
      '{"exitCode":0,"stdout":"me\\n","stderr":""}',
    );
  });
});

describe("sandboxProvider", () => {
  test("creates a session, stops it, resumes it from another provider, and destroys it", async () => {
    const { connectionConfig } = server;
    const created: string[] = [];
    const provider = sandboxProvider({ connectionConfig, ports: [8000] });
    assert.equal(provider.specificationVersion, "harness-sandbox-v1");
    const session = await provider.createSession({
      sessionId: "an id / with what labels cannot have, and far too long to be the value of one of them",
      onFirstCreate: async (restricted) => {
        created.push((await restricted.run({ command: "echo set up > marker; pwd" })).stdout.trim());
      },
    });
    assert.deepEqual(created, [session.defaultWorkingDirectory]);
    assert.deepEqual(session.ports, [8000]);
    await session.stop();
    await session.stop();

    const other = sandboxProvider({ connectionConfig, ports: [8000] });
    const resumed = await other.resumeSession({
      sessionId: "an id / with what labels cannot have, and far too long to be the value of one of them",
    });
    assert.equal(resumed.id, session.id);
    assert.equal(await resumed.readTextFile({ path: "marker" }), "set up\n");
    await resumed.destroy();
    assert.equal(await countSandboxes(server), 0);
    await assert.rejects(
      other.resumeSession({ sessionId: "unknown" }),
      /There is no sandbox of session unknown/,
    );
  });

  test("gives the address of a port", async () => {
    const session = await sandboxProvider({ connectionConfig: server.connectionConfig }).createSession();
    await session.spawn({ command: "python3 -m http.server 8000" });
    await session.run({ command: "until (echo > /dev/tcp/127.0.0.1/8000) 2>/dev/null; do sleep 0.1; done" });
    const { url, headers } = await session.getPortEndpoint({ port: 8000 });
    assert.equal((await fetch(url, { headers })).status, 200);
    assert.match(await session.getPortUrl({ port: 8000, protocol: "ws" }), /^ws:\/\/127\.0\.0\.1:/);
    await session.destroy();
  });

  test("leaves no sandbox behind when the first set-up fails", async () => {
    const provider = sandboxProvider({ connectionConfig: server.connectionConfig });
    const onFirstCreate = () => Promise.reject(new Error("no set-up"));
    await assert.rejects(provider.createSession({ onFirstCreate }), { message: "no set-up" });
    assert.equal(await countSandboxes(server), 0);
  });
});
