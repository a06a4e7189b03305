import { describe, expect, test } from "@jest/globals";
import type { ExecutionEvent } from "../../../src/execution/event.js";
import { expectExecution } from "../../helpers/expect-execution.js";
import { collect, failureOf, settle } from "../../helpers/promises.js";
import {
  complete,
  failed,
  init,
  ping,
  responseOf,
  runOf,
  ScriptedSource,
  stdout,
  typesOf,
} from "../../helpers/scripted-run.js";

describe("code succeeds at the clean end of the response after", () => {
  const cases: [string, ExecutionEvent[]][] = [
    ["a completion", [init(), stdout("a"), complete]],
    ["a completion that came before the output", [init(), complete, stdout("a")]],
    ["a completion without init", [stdout("a"), complete]],
    ["an error", [init(), stdout("a"), failed("E")]],
    ["an error and a completion", [init(), failed("E"), complete, stdout("a")]],
    ["a completion and an error", [init(), complete, stdout("a"), failed("E")]],
  ];
  test.each(cases)("%s", async (_, events) => {
    const error = events.some(({ type }) => type === "error") ? (["E", ""] as const) : undefined;
    await expectExecution(runOf(new ScriptedSource().send(...events).end())).toBe({ stdout: "a", error });
  });

  test("a completion without a newline", async () => {
    const source = new ScriptedSource().sendText('{"type":"execution_complete"}').end();
    await expectExecution(runOf(source)).toBe({ executionTimeMs: 0 });
  });
});

test("a run of code ends with the response, not at its completion", async () => {
  const source = new ScriptedSource().send(init(), complete);
  const run = runOf(source);
  let isDone = false;
  void run.then(() => (isDone = true));
  await settle();
  expect(run.execution.complete).toBeDefined();
  expect(isDone).toBe(false);
  source.send(stdout("late")).end();
  await expectExecution(run).toPrint("late");
});

describe("a response is cut", () => {
  const cases: [string, ScriptedSource, string][] = [
    ["before anything came", new ScriptedSource(), "before the run was complete"],
    ["after output alone", new ScriptedSource().send(init(), stdout("a")), "before the run was complete"],
    ["after pings alone", new ScriptedSource().send(init(), ping, ping), "before the run was complete"],
    ["inside a frame", new ScriptedSource().send(init()).sendText('{"type":"stdout","te'), "inside a frame"],
    [
      "inside a frame after the completion",
      new ScriptedSource().send(init(), complete).sendText('{"type":"std'),
      "inside a frame",
    ],
  ];
  test.each(cases)("%s", async (_, source, message) => {
    const run = runOf(source.end());
    expect(await failureOf(run)).toMatchObject({
      name: "SandboxConnectionException",
      error: { code: "STREAM_CUT" },
      message: expect.stringContaining(message),
      sandboxId: "sandbox-1",
      execution: run.execution,
    });
    // The run may continue on the server: it is interrupted, and the context's next run is told.
    await run.interrupt();
    expect(source.isReleased).toBe(true);
    expect(source.isUnsettled).toBe(true);
  });
});

test("a response that breaks fails the run with the output so far, even after the completion", async () => {
  const broken = new Error("broken");
  const source = new ScriptedSource().send(init(), complete, stdout("a")).break(broken);
  const run = runOf(source);
  expect(await failureOf(run)).toBe(broken);
  expect(run.execution).toMatchObject({ stdout: "a", complete: { executionTimeMs: 7 } });
  expect(source.isReleased).toBe(true);
});

test("a request that fails makes the run fail, and lets the next one start", async () => {
  const refused = new Error("refused");
  const source = new ScriptedSource();
  source.open = () => Promise.reject(refused);
  expect(await failureOf(runOf(source))).toBe(refused);
  expect(source.isReleased).toBe(true);
});

describe("an error inside the response", () => {
  const text = (message: string): string => JSON.stringify({ code: "RUNTIME_ERROR", message });

  test.each(["", "\n\n"])("is thrown with the partial output; it ends with %j", async (end) => {
    const source = new ScriptedSource().send(init("abc"), stdout("a")).sendText(text("no kernel") + end);
    if (end === "") source.end();
    const run = runOf(source);
    expect(await failureOf(run)).toMatchObject({
      name: "SandboxApiException",
      error: { code: "RUNTIME_ERROR", message: "no kernel" },
      statusCode: 200,
      isRetryable: false,
      execution: { id: "abc", stdout: "a" },
    });
    // The rest is not read.
    expect(source.ending).toBe(end === "" ? undefined : "cancelled");
    expect(source.isReleased).toBe(true);
    expect(source.interrupts).toEqual([]);
  });

  test("takes precedence over an error in the user's code", async () => {
    const source = new ScriptedSource()
      .send(init(), failed("DBInitError", "refused"))
      .sendText(text("refused"));
    expect(await failureOf(runOf(source.end()))).toMatchObject({
      statusCode: 200,
      execution: { error: { name: "DBInitError" } },
    });
  });

  test("is retryable if the context is busy", async () => {
    const source = new ScriptedSource().send(init()).sendText(text("error running codes session is busy"));
    expect(await failureOf(runOf(source.end()))).toMatchObject({ isRetryable: true });
  });
});

describe("a malformed frame", () => {
  const malformed = [
    "{not json}\n",
    '{"type":"stdout","text":5}\n',
    '{"neither":"type nor code"}\n',
    "output that lost its frame\n",
    "data: [1]\n\n",
  ];
  test.each(malformed)("fails the run at once, after the events before it: %j", async (frame) => {
    const source = new ScriptedSource().send(init("abc"), stdout("a"));
    const run = runOf(source.sendText(frame));
    const failure = await failureOf(run);
    expect(failure).toMatchObject({
      name: "SandboxException",
      error: { code: "STREAM_MALFORMED" },
      execution: { stdout: "a" },
    });
    expect(await failureOf(collect(run))).toBe(failure);
    // The run is interrupted, and the rest of its response is read and discarded.
    expect(source.isReleased).toBe(false);
    source.send(stdout("b"), failed("KeyboardInterrupt")).end();
    await run.interrupt();
    expect(source.isReleased).toBe(true);
    expect(run.execution).toMatchObject({ stdout: "a", error: undefined });
  });

  test("at the very end interrupts nothing", async () => {
    const source = new ScriptedSource({ interruptId: "abc" })
      .send(init("abc"))
      .sendText('data: {"type":5}')
      .end();
    expect(await failureOf(runOf(source))).toMatchObject({ error: { code: "STREAM_MALFORMED" } });
    await settle();
    expect(source.interrupts).toEqual([]);
  });
});

test("frames of both kinds, and comments and fields of standard streams, are understood", async () => {
  const source = new ScriptedSource()
    .sendText(": a comment\nevent: x\nid: 5\n\n")
    .sendText('data: {"type":"init","text":"abc"}\n\n')
    .sendText('{"type":"stdout","text":"h\u00e9"}\n\ndata: {"type":"execution_complete"}')
    .end();
  await expectExecution(runOf(source)).toBe({ id: "abc", stdout: "hé", executionTimeMs: 0 });
});

test("an event of an unknown type is passed on", async () => {
  const source = new ScriptedSource()
    .send(init())
    .sendText('{"type":"telemetry","load":3}\n')
    .send(complete)
    .end();
  const [, event] = await collect(runOf(source));
  expect(event).toEqual({ type: "telemetry", raw: { type: "telemetry", load: 3 }, timestamp: 0 });
});

describe("a command ends at its terminal event", () => {
  test.each([
    ["a completion", complete, 0],
    ["an exit code", failed("CommandExecError", "3"), 3],
    ["a signal", failed("CommandExecError", "-1"), -1],
    ["a start that failed", failed("CommandExecError", "fork/exec: no such file"), null],
  ])("%s, and the rest of the response is cancelled", async (_, terminal, exitCode) => {
    const source = new ScriptedSource({ endsAt: "terminal-event" });
    const run = runOf(source.send(init(), stdout("a"), terminal), { kind: "command" });
    await expectExecution(run).toBe({ stdout: "a\n", exitCode });
    // Shortly after: a response that ends by itself leaves its connection to the next request.
    while (source.ending === undefined) await settle();
    expect(source.ending).toBe("cancelled");
  });

  test("and later events in the same chunk are ignored", async () => {
    const source = new ScriptedSource({ endsAt: "terminal-event" });
    const run = runOf(source.send(init(), complete, ping, stdout("b")), { kind: "command" });
    expect(await typesOf(run)).toEqual(["init", "execution_complete"]);
  });

  test("and not at a clean end of the response before it", async () => {
    const source = new ScriptedSource({ endsAt: "terminal-event" }).send(init(), stdout("a")).end();
    expect(await failureOf(runOf(source, { kind: "command" }))).toMatchObject({
      error: { code: "STREAM_CUT" },
      execution: { exitCode: null },
    });
  });

  test("even if the cancellation fails or never ends", async () => {
    for (const cancel of [() => Promise.reject(new Error("no")), () => new Promise<void>(() => undefined)]) {
      const source = new ScriptedSource({ endsAt: "terminal-event" });
      const text = '{"type":"init","text":"abc"}\n{"type":"execution_complete"}\n';
      const bytes = new TextEncoder().encode(text);
      source.open = (request) => {
        const body = new ReadableStream<Uint8Array>({
          start(controller) {
            controller.enqueue(bytes);
          },
          cancel,
        });
        return Promise.resolve(responseOf(body, request));
      };
      await expectExecution(runOf(source, { kind: "command" })).toBe({ exitCode: 0 });
      expect(source.isReleased).toBe(true);
    }
  });
});
