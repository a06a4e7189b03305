import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { iterateEvents } from "../../../src/execution/event-iterable.js";
import { CapturingLogger } from "../../helpers/capturing-logger.js";
import { failureOf, settle } from "../../helpers/promises.js";
import {
  complete,
  init,
  interrupted,
  ping,
  runOf,
  ScriptedSource,
  stdout,
} from "../../helpers/scripted-run.js";

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ["setImmediate", "nextTick", "queueMicrotask"] });
});
afterEach(() => {
  expect(jest.getTimerCount()).toBe(0);
  jest.useRealTimers();
});

async function pass(seconds: number): Promise<void> {
  await jest.advanceTimersByTimeAsync(seconds * 1_000);
  await settle();
}

describe("timeoutSeconds", () => {
  test("ends a run that still sends, with RUN_TIMEOUT and the partial output, and interrupts it", async () => {
    const source = new ScriptedSource({ timeoutSeconds: 10 }).send(init("abc"), stdout("a"));
    source.onInterrupt = () => void source.send(interrupted).end();
    const run = runOf(source);
    await pass(9.999);
    source.send(ping);
    expect(source.interrupts).toEqual([]);
    const failing = failureOf(run);
    await pass(0.001);
    expect(await failing).toMatchObject({
      name: "SandboxTimeoutException",
      error: {
        code: "RUN_TIMEOUT",
        message: "The run did not end within its timeoutSeconds of 10 s.",
      },
      execution: { stdout: "a" },
      sandboxId: "sandbox-1",
    });
    await pass(0.001);
    expect(source.interrupts).toEqual(["abc"]);
    expect(source.isReleased).toBe(true);
  });

  test("starts when the request is sent, not while the run waits for its turn", async () => {
    let begin: () => void = () => undefined;
    const turn = new Promise<void>((resolve) => (begin = resolve));
    const source = new ScriptedSource({ timeoutSeconds: 10, turn });
    const run = runOf(source);
    await pass(100);
    begin();
    await pass(9);
    source.send(init(), complete).end();
    expect((await run).complete).toBeDefined();
  });

  test("goes on while a handler is slow, until the response has ended", async () => {
    const source = new ScriptedSource({ timeoutSeconds: 10 }).send(init("abc"));
    const run = runOf(source, { handlers: { onInit: () => new Promise(() => undefined) } });
    const failing = failureOf(run);
    await pass(10);
    expect(await failing).toMatchObject({ error: { code: "RUN_TIMEOUT" } });
    source.end();
    await settle();

    const ended = new ScriptedSource({ timeoutSeconds: 10 }).send(init(), complete).end();
    let open: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    const slow = runOf(ended, { handlers: { onExecutionComplete: () => gate } });
    // The end of the response is read only after the handler has returned.
    await pass(9);
    open();
    expect((await slow).complete).toBeDefined();
    await pass(100);
  });

  test("may be longer than a timer can hold", async () => {
    const source = new ScriptedSource({ timeoutSeconds: 1e9 }).send(init());
    const run = runOf(source);
    await pass(60);
    source.send(complete).end();
    expect((await run).complete).toBeDefined();
  });
});

describe("silence", () => {
  const limits = { firstByteTimeoutSeconds: 120, idleTimeoutSeconds: 30 };

  test("may last for the longer time until the first byte, and then ends the run", async () => {
    const logger = new CapturingLogger();
    const source = new ScriptedSource({ ...limits, interruptId: "named", logger });
    const run = runOf(source);
    const failing = failureOf(run);
    await pass(119.999);
    expect(source.interrupts).toEqual([]);
    await pass(0.001);
    expect(await failing).toMatchObject({
      name: "SandboxTimeoutException",
      error: { code: "STREAM_STALLED", message: "The event stream sent no data for 120 s." },
    });
    expect(logger.records).toEqual(["warn The event stream sent no data for 120 s."]);
    await pass(0.001);
    expect(source.interrupts).toEqual(["named"]);
    source.end();
    await settle();
  });

  test("does not count while the run waits for its turn", async () => {
    let begin: () => void = () => undefined;
    const turn = new Promise<void>((resolve) => (begin = resolve));
    const source = new ScriptedSource({ ...limits, turn });
    const run = runOf(source);
    await pass(1_000);
    begin();
    await pass(119);
    source.send(init(), complete).end();
    expect((await run).complete).toBeDefined();
  });

  test("between bytes ends the run", async () => {
    const source = new ScriptedSource(limits).send(init("abc"));
    const run = runOf(source);
    const failing = failureOf(run);
    await pass(29);
    source.send(ping);
    await pass(29.999);
    expect(run.execution.id).toBe("abc");
    await pass(0.001);
    expect(await failing).toMatchObject({
      error: { code: "STREAM_STALLED", message: "The event stream sent no data for 30 s." },
      execution: { id: "abc" },
    });
    await pass(5);
    expect([source.ending, source.isReleased]).toEqual(["aborted", true]);
  });

  test("ends with any byte, even one that completes no frame", async () => {
    const source = new ScriptedSource(limits).send(init());
    const run = runOf(source);
    for (const piece of ['{"type":', '"execution_complete"', "}\n"]) {
      await pass(29);
      source.sendText(piece);
    }
    await pass(29);
    source.end();
    expect((await run).complete).toBeDefined();
  });

  test("does not count while a handler is slow", async () => {
    let open: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    const source = new ScriptedSource(limits).send(init("abc"));
    const run = runOf(source, { handlers: { onInit: () => gate } });
    await pass(1_000);
    open();
    await pass(29);
    source.send(complete).end();
    expect((await run).complete).toBeDefined();
  });

  test("does not count while nobody takes the events of a plain stream", async () => {
    const source = new ScriptedSource(limits).send(init("abc"));
    const iterator = iterateEvents(() => source)[Symbol.asyncIterator]();
    await iterator.next();
    await pass(1_000);
    source.send(complete);
    expect((await iterator.next()).value).toMatchObject({ type: "execution_complete" });
    const last = failureOf(iterator.next());
    await pass(30);
    expect(await last).toMatchObject({ error: { code: "STREAM_STALLED" } });
    source.end();
    await settle();
  });

  test("may last without a limit if asked to", async () => {
    const source = new ScriptedSource().send(init());
    const run = runOf(source);
    await pass(1e6);
    source.send(complete).end();
    expect((await run).complete).toBeDefined();
  });
});
