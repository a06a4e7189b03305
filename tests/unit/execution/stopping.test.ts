import { getEventListeners } from "node:events";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { InvalidArgumentException } from "../../../src/errors.js";
import { failureOf, settle } from "../../helpers/promises.js";
import {
  complete,
  init,
  interrupted,
  ping,
  runOf,
  ScriptedSource,
  stdout,
  typesOf,
} from "../../helpers/scripted-run.js";

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ["setImmediate", "nextTick", "queueMicrotask"] });
});
afterEach(() => {
  // Nothing may be left behind, whatever a run went through.
  expect(jest.getTimerCount()).toBe(0);
  jest.useRealTimers();
});

async function pass(millis: number): Promise<void> {
  await jest.advanceTimersByTimeAsync(millis);
  await settle();
}

describe("an abort", () => {
  const reason = { any: "value" };

  test("that comes before the run sends nothing", async () => {
    const source = new ScriptedSource({ signal: AbortSignal.abort(reason) });
    const run = runOf(source);
    expect(await failureOf(run)).toBe(reason);
    await run.interrupt();
    expect([source.sent, source.interrupts]).toEqual([0, []]);
  });

  test("that comes while the run waits for its turn sends nothing, and gives its place up", async () => {
    const controller = new AbortController();
    const source = new ScriptedSource({ signal: controller.signal, turn: new Promise(() => undefined) });
    const run = runOf(source);
    await settle();
    controller.abort(reason);
    expect(await failureOf(run)).toBe(reason);
    await run.interrupt();
    expect([source.sent, source.interrupts]).toEqual([0, []]);
  });

  test("that comes in the same turn as the run's turn sends nothing", async () => {
    const controller = new AbortController();
    const source = new ScriptedSource({ signal: controller.signal });
    const run = runOf(source);
    controller.abort(reason);
    expect(await failureOf(run)).toBe(reason);
    await settle();
    expect(source.sent).toBe(0);
  });

  test("settles the caller at once with its own reason, and the server is told until the response ends", async () => {
    const controller = new AbortController();
    const source = new ScriptedSource({ signal: controller.signal }).send(init("abc"), stdout("a"));
    const run = runOf(source);
    await settle();
    source.send(stdout("undelivered"));
    controller.abort(reason);
    expect(await failureOf(run)).toBe(reason);
    expect(run.execution.stdout).toBe("a");
    expect(getEventListeners(controller.signal, "abort")).toHaveLength(0);
    const counts: number[] = [];
    for (const millis of [1, 498, 2, 498, 2, 998, 2]) {
      await pass(millis);
      counts.push(source.interrupts.length);
    }
    // At 0, 0.5, 1 and 2 seconds.
    expect(counts).toEqual([1, 1, 2, 2, 3, 3, 4]);
    expect(source.isReleased).toBe(false);
    source.send(stdout("late"), interrupted).end();
    await settle();
    expect(source.isReleased).toBe(true);
    expect(source.ending).toBeUndefined();
    expect(source.interrupts).toEqual(["abc", "abc", "abc", "abc"]);
    expect(run.execution).toMatchObject({ stdout: "a", error: undefined });
  });

  test("needs one interrupt where the first is heard", async () => {
    const controller = new AbortController();
    const source = new ScriptedSource({ signal: controller.signal }).send(init("abc"));
    source.onInterrupt = () => void source.send(interrupted).end();
    const run = runOf(source);
    await settle();
    controller.abort(reason);
    expect(await failureOf(run)).toBe(reason);
    await pass(10_000);
    expect(source.interrupts).toEqual(["abc"]);
  });

  test("cancels the request after 5 s, and the next run may start", async () => {
    const controller = new AbortController();
    const source = new ScriptedSource({ signal: controller.signal }).send(init("abc"));
    const run = runOf(source);
    await settle();
    controller.abort(reason);
    expect(await failureOf(run)).toBe(reason);
    await pass(4_999);
    expect([source.ending, source.isReleased]).toEqual([undefined, false]);
    await pass(1);
    expect([source.ending, source.isReleased]).toEqual(["aborted", true]);
  });

  test("leaves the next run waiting for an interrupt that is still on its way, 5 s long", async () => {
    const controller = new AbortController();
    const source = new ScriptedSource({ signal: controller.signal }).send(init("abc"));
    source.onInterrupt = () => {
      source.send(interrupted).end();
      return new Promise(() => undefined);
    };
    const run = runOf(source);
    await settle();
    controller.abort(reason);
    expect(await failureOf(run)).toBe(reason);
    await pass(4_999);
    expect(source.isReleased).toBe(false);
    await pass(1);
    expect(source.isReleased).toBe(true);
  });

  test("before init interrupts a named context at once", async () => {
    const controller = new AbortController();
    const source = new ScriptedSource({ signal: controller.signal, interruptId: "named" });
    source.onInterrupt = () => void source.end();
    const run = runOf(source);
    await settle();
    controller.abort(reason);
    expect(await failureOf(run)).toBe(reason);
    await pass(1);
    expect(source.interrupts).toEqual(["named"]);
  });

  test("before init waits for it in a default context, and counts the schedule from then", async () => {
    const controller = new AbortController();
    const source = new ScriptedSource({ signal: controller.signal });
    const run = runOf(source);
    await settle();
    controller.abort(reason);
    expect(await failureOf(run)).toBe(reason);
    await pass(3_000);
    expect(source.interrupts).toEqual([]);
    source.send(init("abc"));
    await settle();
    await pass(1);
    expect(source.interrupts).toEqual(["abc"]);
    expect(source.joined).toEqual(["abc"]);
    await pass(499);
    expect(source.interrupts).toEqual(["abc", "abc"]);
    source.end();
    await settle();
  });

  test("counts while a handler holds events back, also after the response has ended", async () => {
    const controller = new AbortController();
    // A command's response has ended with its first chunk here.
    const source = new ScriptedSource({ signal: controller.signal, endsAt: "terminal-event" });
    source.send(init(), stdout("a"), complete);
    const run = runOf(source, { handlers: { onStdout: () => new Promise(() => undefined) } });
    await settle();
    controller.abort(reason);
    expect(await failureOf(run)).toBe(reason);
    // What a handler was given is part of the outcome; there is nothing left to interrupt.
    expect(run.execution).toMatchObject({ stdout: "a", complete: undefined });
    await pass(10);
    expect(source.interrupts).toEqual([]);
    expect(getEventListeners(controller.signal, "abort")).toHaveLength(0);
  });

  test("that comes after the end changes nothing, and nothing of the run hangs on the signal", async () => {
    const controller = new AbortController();
    const run = runOf(new ScriptedSource({ signal: controller.signal }).send(init(), complete).end());
    await run;
    expect(getEventListeners(controller.signal, "abort")).toHaveLength(0);
    controller.abort(reason);
    expect((await run).complete).toBeDefined();
    expect(await typesOf(run)).toEqual(["init", "execution_complete"]);
  });

  test("is not added to, even if its reason is one of the library's exceptions", async () => {
    const own = new InvalidArgumentException("the caller's own");
    const run = runOf(new ScriptedSource({ signal: AbortSignal.abort(own) }));
    expect(await failureOf(run)).toBe(own);
    expect([own.execution, own.sandboxId]).toEqual([undefined, undefined]);
  });

  test("ends a session by its request, since its id must never be interrupted", async () => {
    const controller = new AbortController();
    const source = new ScriptedSource({ signal: controller.signal, isSession: true }).send(init("session"));
    const run = runOf(source);
    await settle();
    controller.abort(reason);
    expect(await failureOf(run)).toBe(reason);
    await settle();
    expect([source.ending, source.isReleased]).toEqual(["aborted", true]);
  });
});

describe("interrupt()", () => {
  test("resolves when the run has ended, and the run resolves too", async () => {
    const source = new ScriptedSource().send(init("abc"), stdout("a"));
    const run = runOf(source);
    await settle();
    let isDone = false;
    const interrupting = run.interrupt().then(() => (isDone = true));
    await pass(1);
    expect(source.interrupts).toEqual(["abc"]);
    await pass(600);
    expect(source.interrupts).toEqual(["abc", "abc"]);
    expect(isDone).toBe(false);
    source.send(stdout("b"), interrupted).end();
    await interrupting;
    expect(await run).toMatchObject({ stdout: "ab", error: { name: "KeyboardInterrupt" } });
    await pass(5_000);
    expect(source.interrupts).toHaveLength(2);
  });

  test("reads on while the run's own consumer does not: a handler may await it", async () => {
    const source = new ScriptedSource().send(init("abc"), stdout("a"));
    source.onInterrupt = () => void source.send(stdout("b")).send(interrupted).end();
    const seen: string[] = [];
    const run = runOf(source, {
      handlers: {
        onStdout: async ({ text }) => {
          seen.push(text);
          if (text === "a") await run.interrupt();
        },
      },
    });
    await pass(10);
    expect(await run).toMatchObject({ stdout: "ab", error: { name: "KeyboardInterrupt" } });
    expect(seen).toEqual(["a", "b"]);
  });

  test("of a run that waits for its turn cancels it", async () => {
    const source = new ScriptedSource({ turn: new Promise(() => undefined) });
    const run = runOf(source);
    await settle();
    const failing = failureOf(run);
    await run.interrupt();
    expect(await failing).toMatchObject({ error: { code: "RUN_CANCELLED" }, sandboxId: "sandbox-1" });
    expect([source.sent, source.interrupts]).toEqual([0, []]);
  });

  test("gives up after 5 s, and the run goes on", async () => {
    const source = new ScriptedSource().send(init("abc"));
    const run = runOf(source);
    await settle();
    const failing = failureOf(run.interrupt());
    await pass(5_000);
    expect(await failing).toMatchObject({
      name: "SandboxTimeoutException",
      error: { code: "REQUEST_TIMEOUT" },
    });
    expect(source.interrupts).toHaveLength(4);
    expect(source.ending).toBeUndefined();
    source.send(complete).end();
    expect((await run).complete).toBeDefined();
  });

  test("tells how the last interrupt failed, if none was heard", async () => {
    const refused = new Error("refused");
    const source = new ScriptedSource().send(init("abc"));
    source.onInterrupt = () => Promise.reject(refused);
    const run = runOf(source);
    await settle();
    const failing = failureOf(run.interrupt());
    await pass(5_000);
    expect(await failing).toBe(refused);
    source.send(complete).end();
    await run;
  });

  test("succeeds although its interrupt failed, if the run has ended", async () => {
    const source = new ScriptedSource().send(init("abc"));
    source.onInterrupt = () => {
      source.send(complete).end();
      return Promise.reject(new Error("no such session"));
    };
    const run = runOf(source);
    await settle();
    const interrupting = run.interrupt();
    await pass(1);
    await interrupting;
    expect((await run).complete).toBeDefined();
  });

  test("waits no longer when its signal aborts; the run goes on", async () => {
    const controller = new AbortController();
    const source = new ScriptedSource().send(init("abc"));
    const run = runOf(source);
    await settle();
    const failing = failureOf(run.interrupt({ signal: controller.signal }));
    await pass(700);
    controller.abort("enough");
    expect(await failing).toBe("enough");
    await pass(5_000);
    expect(source.interrupts).toHaveLength(2);
    expect(getEventListeners(controller.signal, "abort")).toHaveLength(0);
    expect(await failureOf(run.interrupt({ signal: controller.signal }))).toBe("enough");
    source.send(complete).end();
    await run;
  });

  test("of a run that has ended does nothing", async () => {
    const source = new ScriptedSource().send(init("abc"), complete).end();
    const run = runOf(source);
    await run;
    await run.interrupt();
    expect(source.interrupts).toEqual([]);
  });

  test("of a run that was aborted waits until the server is done with it", async () => {
    const controller = new AbortController();
    const source = new ScriptedSource({ signal: controller.signal }).send(init("abc"));
    const run = runOf(source);
    await settle();
    controller.abort("enough");
    expect(await failureOf(run)).toBe("enough");
    const other = new AbortController();
    const impatient = failureOf(run.interrupt({ signal: other.signal }));
    const interrupting = run.interrupt();
    await pass(1);
    other.abort("impatient");
    expect(await impatient).toBe("impatient");
    expect(source.isReleased).toBe(false);
    source.send(interrupted).end();
    await interrupting;
    expect(source.isReleased).toBe(true);
    expect(source.interrupts).toEqual(["abc"]);
  });

  test("in a session ends the request, and the run with RUN_CANCELLED", async () => {
    const source = new ScriptedSource({ isSession: true }).send(init("session"), stdout("a"));
    const run = runOf(source);
    await settle();
    const failing = failureOf(run);
    await run.interrupt();
    expect(await failing).toMatchObject({ error: { code: "RUN_CANCELLED" }, execution: { stdout: "a" } });
    expect(source.ending).toBe("aborted");
  });
});

test("a run of pings waits for as long as it takes", async () => {
  const source = new ScriptedSource({ idleTimeoutSeconds: 30 }).send(init());
  const run = runOf(source);
  for (let elapsed = 0; elapsed < 3_600; elapsed += 3) {
    await jest.advanceTimersByTimeAsync(3_000);
    source.send(ping);
  }
  source.send(complete).end();
  expect((await run).complete).toBeDefined();
});
