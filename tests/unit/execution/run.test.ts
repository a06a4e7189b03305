import { getEventListeners } from "node:events";
import { describe, expect, test } from "@jest/globals";
import { InvalidArgumentException } from "../../../src/errors.js";
import type { ExecutionHandlers } from "../../../src/execution/handlers.js";
import { Run } from "../../../src/execution/run.js";
import { expectExecution } from "../../helpers/expect-execution.js";
import { CapturingLogger } from "../../helpers/capturing-logger.js";
import { collect, failureOf, settle } from "../../helpers/promises.js";
import {
  complete,
  failed,
  init,
  ping,
  runOf,
  ScriptedSource,
  stdout,
  typesOf,
} from "../../helpers/scripted-run.js";

const hello = (): ScriptedSource => new ScriptedSource().send(init(), stdout("hi\n"), complete).end();

describe("a run", () => {
  test("is a promise of its execution", async () => {
    const run = runOf(hello());
    await expectExecution(run).toPrint("hi\n");
    expect((await run).complete).toEqual({ executionTimeMs: 7, timestamp: 0 });
    expect(Object.prototype.toString.call(run)).toBe("[object Run]");
  });

  test("sends its request at once, even if it is not observed", async () => {
    const source = new ScriptedSource();
    runOf(source);
    await settle();
    expect(source.sent).toBe(1);
  });

  test("has its id and its execution so far", async () => {
    const source = new ScriptedSource();
    const run = runOf(source);
    expect(run.id).toBeUndefined();
    source.send(init("abc"), stdout("one"));
    await settle();
    expect(run.id).toBe("abc");
    expect(run.execution.stdout).toBe("one");
    expect(run.execution.complete).toBeUndefined();
    source.send(complete).end();
    expect(await run).toBe(run.execution);
  });

  test("keeps events by reference: the execution's messages are those events", async () => {
    const run = runOf(hello());
    const events = await collect(run);
    expect((await run).logs.stdout[0]).toBe(events[1]);
  });

  test("that failed in the user's code resolves", async () => {
    const run = runOf(new ScriptedSource().send(init(), complete, failed("ValueError", "bad")).end());
    await expectExecution(run).toFail("ValueError", "bad");
  });

  test("rejects, and does not throw, for bad arguments", async () => {
    const refusal = new InvalidArgumentException("no");
    const run = new Run({
      kind: "code",
      source: () => {
        throw refusal;
      },
    });
    expect(await failureOf(run)).toBe(refusal);
    expect(refusal.execution).toBe(run.execution);
    await run.interrupt();
  });

  test("supports catch and finally, like any promise", async () => {
    const run = runOf(new ScriptedSource().send(init()).end());
    let cleaned = 0;
    const caught = run.finally(() => (cleaned += 1)).catch(() => "caught");
    expect(await caught).toBe("caught");
    expect(await run.catch(() => "again")).toBe("again");
    expect(cleaned).toBe(1);
  });
});

describe("the iterators of a run", () => {
  const ALL = ["init", "stdout", "execution_complete"];

  test("each get every event, even if they start late", async () => {
    const run = runOf(hello());
    expect(await Promise.all([typesOf(run), typesOf(run)])).toEqual([ALL, ALL]);
    await run;
    expect(await typesOf(run)).toEqual(ALL);
  });

  test("get events as they arrive", async () => {
    const source = new ScriptedSource();
    const iterator = runOf(source)[Symbol.asyncIterator]();
    const first = iterator.next();
    source.send(init());
    expect((await first).value).toMatchObject({ type: "init" });
    const [second, third] = [iterator.next(), iterator.next()];
    source.send(stdout("a"), complete).end();
    expect((await second).value).toMatchObject({ type: "stdout" });
    expect((await third).value).toMatchObject({ type: "execution_complete" });
    expect((await iterator.next()).done).toBe(true);
  });

  test("throw the exception of the run, after the events before it", async () => {
    const run = runOf(new ScriptedSource().send(init(), stdout("a")).end());
    const seen: string[] = [];
    const iterating = (async () => {
      for await (const { type } of run) seen.push(type);
    })();
    const failure = await failureOf(iterating);
    expect(seen).toEqual(["init", "stdout"]);
    expect(failure).toBe(await failureOf(run));
    // A late iterator gets the same.
    const late = run[Symbol.asyncIterator]();
    expect((await late.next()).value).toMatchObject({ type: "init" });
    expect((await late.next()).value).toMatchObject({ type: "stdout" });
    expect(await failureOf(late.next())).toBe(failure);
  });

  test("end the run with RUN_CANCELLED when they are left", async () => {
    const source = new ScriptedSource().send(init("abc"), stdout("a"));
    source.onInterrupt = () => void source.send(failed("KeyboardInterrupt")).end();
    const run = runOf(source);
    for await (const event of run) if (event.type === "stdout") break;
    const failure = await failureOf(run);
    expect(failure).toMatchObject({
      name: "SandboxException",
      error: { code: "RUN_CANCELLED" },
      sandboxId: "sandbox-1",
      execution: { stdout: "a", error: undefined },
    });
    await run.interrupt();
    expect(source.interrupts).toEqual(["abc"]);
    expect(source.isReleased).toBe(true);
  });

  test("do not affect a run that has ended, or each other", async () => {
    const run = runOf(hello());
    const slow = run[Symbol.asyncIterator]();
    await slow.next();
    await run;
    for await (const event of run) if (event.type === "init") break;
    expect((await slow.next()).value).toMatchObject({ type: "stdout" });
    await expectExecution(run).toPrint("hi\n");
  });

  test("that wait for an event end when they are left", async () => {
    const source = new ScriptedSource();
    const run = runOf(source);
    const iterator = run[Symbol.asyncIterator]();
    const waiting = iterator.next();
    await iterator.return?.();
    source.end();
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(await failureOf(run)).toMatchObject({ error: { code: "RUN_CANCELLED" } });
  });
});

describe("handlers", () => {
  test("are called for their events, in order, once the event is part of the execution", async () => {
    const source = new ScriptedSource().send(
      init("abc"),
      ping,
      stdout("out"),
      { type: "stderr", text: "err", timestamp: 3 },
      { type: "execution_count", executionCount: 4, timestamp: 4 },
      { type: "result", results: { "text/plain": "5" }, timestamp: 5 },
      failed("E", "v"),
      complete,
    );
    const calls: unknown[] = [];
    const run = runOf(source.end(), {
      handlers: {
        onEvent: ({ type }) => calls.push(type),
        onInit: ({ id }) => calls.push([id, run.execution.id]),
        onStdout: ({ text }) => calls.push([text, run.execution.stdout]),
        onStderr: ({ text, timestamp }) => calls.push([text, timestamp]),
        onResult: (result) => calls.push(result === run.execution.results[0]),
        onError: (error) => calls.push(error === run.execution.error),
        onExecutionComplete: ({ executionTimeMs }) => calls.push(executionTimeMs),
      },
    });
    await run;
    expect(calls).toEqual([
      "init",
      ["abc", "abc"],
      "ping",
      "stdout",
      ["out", "out"],
      "stderr",
      ["err", 3],
      "execution_count",
      "result",
      true,
      "error",
      true,
      "execution_complete",
      7,
    ]);
  });

  test("run before iterators, and the promise settles last", async () => {
    const order: string[] = [];
    const run = runOf(hello(), {
      handlers: { onEvent: ({ type }) => void order.push(`handler ${type}`) },
    });
    const done = run.then(() => order.push("promise"));
    for await (const { type } of run) order.push(`iterator ${type}`);
    await done;
    for (const type of ["init", "stdout", "execution_complete"]) {
      expect(order.indexOf(`handler ${type}`)).toBeLessThan(order.indexOf(`iterator ${type}`));
    }
    expect(order.indexOf("promise")).toBeGreaterThan(order.indexOf("handler execution_complete"));
  });

  test("are awaited in order, and do not hold back events that were handled", async () => {
    const order: string[] = [];
    const gates = new Map<string, () => void>();
    const run = runOf(new ScriptedSource().send(init(), stdout("a"), stdout("b"), complete).end(), {
      handlers: {
        onStdout: async ({ text }) => {
          order.push(`begin ${text}`);
          await new Promise<void>((resolve) => gates.set(text, resolve));
          order.push(`end ${text}`);
        },
      },
    });
    const iterator = run[Symbol.asyncIterator]();
    // The earlier event has arrived, although its chunk is not finished.
    expect((await iterator.next()).value).toMatchObject({ type: "init" });
    await settle();
    expect(order).toEqual(["begin a"]);
    gates.get("a")?.();
    expect((await iterator.next()).value).toMatchObject({ text: "a" });
    await settle();
    expect(order).toEqual(["begin a", "end a", "begin b"]);
    gates.get("b")?.();
    await run;
  });

  test("may return a value that is not a promise", async () => {
    const handlers: ExecutionHandlers = {
      onEvent: () => 1,
      onStdout: () => true,
      onInit: () => null,
      onExecutionComplete: () => ({}),
    };
    await expectExecution(runOf(hello(), { handlers })).toPrint("hi\n");
  });

  test("may return any kind of promise", async () => {
    const calls: string[] = [];
    const run = runOf(hello(), {
      handlers: {
        onEvent: () => ({ then: (resolve: () => void) => setImmediate(resolve) }),
        onStdout: ({ text }) => calls.push(text),
      },
    });
    await run;
    expect(calls).toEqual(["hi\n"]);
  });

  const kinds: [string, (error: unknown) => unknown][] = [
    [
      "throw",
      (error) => {
        throw error;
      },
    ],
    [
      "reject",
      async (error) => {
        await settle();
        throw error;
      },
    ],
    [
      "give a promise that throws",
      (error) => ({
        then: () => {
          throw error;
        },
      }),
    ],
  ];
  test.each(kinds)("that %s end the run with their own error, unchanged", async (_, fail) => {
    const own = new InvalidArgumentException("the handler's own");
    const calls: string[] = [];
    const source = new ScriptedSource().send(init("abc"), stdout("a"), stdout("b"));
    source.onInterrupt = () => void source.end();
    const run = runOf(source, {
      handlers: {
        onStdout: ({ text }) => {
          calls.push(text);
          return fail(own);
        },
      },
    });
    expect(await failureOf(run)).toBe(own);
    expect(own.execution).toBeUndefined();
    expect(own.sandboxId).toBeUndefined();
    expect(calls).toEqual(["a"]);
    expect(run.execution.stdout).toBe("a");
    // It is interrupted on the server too.
    await run.interrupt();
    expect(source.interrupts).toEqual(["abc"]);
  });

  test("are no longer called once one of them has stopped the run", async () => {
    const controller = new AbortController();
    const calls: string[] = [];
    const source = new ScriptedSource({ signal: controller.signal }).send(
      init(),
      stdout("a"),
      stdout("b"),
      complete,
    );
    const run = runOf(source.end(), {
      handlers: {
        onStdout: ({ text }) => {
          calls.push(text);
          controller.abort("enough");
        },
      },
    });
    expect(await failureOf(run)).toBe("enough");
    expect(calls).toEqual(["a"]);
    expect(run.execution.stdout).toBe("a");
  });

  test("of a type are not called when the run was stopped while onEvent waited", async () => {
    const controller = new AbortController();
    const calls: string[] = [];
    let open: () => void = () => undefined;
    const run = runOf(new ScriptedSource({ signal: controller.signal }).send(init(), complete).end(), {
      handlers: {
        onEvent: () => new Promise<void>((resolve) => (open = resolve)),
        onInit: ({ id }) => calls.push(id),
      },
    });
    await settle();
    controller.abort("enough");
    expect(await failureOf(run)).toBe("enough");
    open();
    await settle();
    expect(calls).toEqual([]);
  });
});

describe("a run that nobody observes", () => {
  async function withUnhandled(work: () => Promise<void>): Promise<unknown[]> {
    const unhandled: unknown[] = [];
    const listener = (reason: unknown): void => void unhandled.push(reason);
    process.on("unhandledRejection", listener);
    try {
      await work();
      await settle();
    } finally {
      process.off("unhandledRejection", listener);
    }
    return unhandled;
  }

  test("raises no unhandled rejection when it fails, and is logged", async () => {
    const logger = new CapturingLogger();
    const unhandled = await withUnhandled(async () => {
      runOf(new ScriptedSource().send(init()).end(), { logger });
      while (logger.records.length === 0) await settle();
    });
    expect(unhandled).toEqual([]);
    expect(logger.records).toEqual([
      "warn A run that nobody awaits failed: SandboxConnectionException: The event stream ended before the run was complete.",
    ]);
  });

  test("logs nothing when it succeeds", async () => {
    const logger = new CapturingLogger();
    const unhandled = await withUnhandled(async () => {
      runOf(hello(), { logger });
      await settle();
    });
    expect([unhandled, logger.records]).toEqual([[], []]);
  });

  test.each([
    ["awaited", (run: Run) => failureOf(run)],
    ["iterated", (run: Run) => failureOf(collect(run))],
  ])("is distinguished from one that is %s, even if that fails at once", async (_, observe) => {
    const logger = new CapturingLogger();
    const unhandled = await withUnhandled(async () => {
      const source = (): never => {
        throw new InvalidArgumentException("no");
      };
      await observe(new Run({ kind: "code", source, logger }));
    });
    expect([unhandled, logger.records]).toEqual([[], []]);
  });
});

test("2,000 runs at once end, each with its own output, under one signal with one listener", async () => {
  const { signal } = new AbortController();
  const sources = Array.from({ length: 2_000 }, () => new ScriptedSource({ signal }));
  const runs = sources.map((source) => runOf(source));
  await settle();
  expect(getEventListeners(signal, "abort")).toHaveLength(1);
  for (const [index, source] of sources.entries()) source.send(init(), stdout(`${index}`), complete).end();
  const outputs = (await Promise.all(runs)).map((execution) => execution.stdout);
  expect(outputs).toEqual(sources.map((_, index) => `${index}`));
  expect(getEventListeners(signal, "abort")).toHaveLength(0);
});
