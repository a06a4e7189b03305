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
  // No run may leave anything behind.
  expect(jest.getTimerCount()).toBe(0);
  jest.useRealTimers();
});

async function pass(millis: number): Promise<void> {
  await jest.advanceTimersByTimeAsync(millis);
  await settle();
}

describe("an abort", () => {
  const reason = { any: "value" };

  test("before the run sends nothing", async () => {
    const source = new ScriptedSource({ signal: AbortSignal.abort(reason) });
    const run = runOf(source);
    expect(await failureOf(run)).toBe(reason);
    await run.interrupt();
    expect([source.sent, source.interrupts]).toEqual([0, []]);
  });

  test("while the run waits for its turn sends nothing, and leaves the queue", async () => {
    const controller = new AbortController();
    const source = new ScriptedSource({ signal: controller.signal, turn: new Promise(() => undefined) });
    const run = runOf(source);
    await settle();
    controller.abort(reason);
    expect(await failureOf(run)).toBe(reason);
    await run.interrupt();
    expect([source.sent, source.interrupts]).toEqual([0, []]);
  });

  test("in the same tick as the run's turn sends nothing", async () => {
    const controller = new AbortController();
    const source = new ScriptedSource({ signal: controller.signal });
    const run = runOf(source);
    controller.abort(reason);
    expect(await failureOf(run)).toBe(reason);
    await settle();
    expect(source.sent).toBe(0);
  });

  test("rejects at once with its own reason, and interrupts are sent until the response ends", async () => {
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

  test("sends one interrupt if the first has an effect", async () => {
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

  test("lets the next run wait up to 5 s for an interrupt that was not answered", async () => {
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

  test("before init waits for it in a default context, and starts the schedule then", async () => {
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

  test("takes effect while a handler holds events back, even after the response has ended", async () => {
    const controller = new AbortController();
    // The response of this command ended with its first chunk.
    const source = new ScriptedSource({ signal: controller.signal, endsAt: "terminal-event" });
    source.send(init(), stdout("a"), complete);
    const run = runOf(source, { handlers: { onStdout: () => new Promise(() => undefined) } });
    await settle();
    controller.abort(reason);
    expect(await failureOf(run)).toBe(reason);
    // Events that a handler got are part of the outcome. There is nothing left to interrupt.
    expect(run.execution).toMatchObject({ stdout: "a", complete: undefined });
    await pass(10);
    expect(source.interrupts).toEqual([]);
    expect(getEventListeners(controller.signal, "abort")).toHaveLength(0);
  });

  test("after the end has no effect, and the run leaves no listener on the signal", async () => {
    const controller = new AbortController();
    const run = runOf(new ScriptedSource({ signal: controller.signal }).send(init(), complete).end());
    await run;
    expect(getEventListeners(controller.signal, "abort")).toHaveLength(0);
    controller.abort(reason);
    expect((await run).complete).toBeDefined();
    expect(await typesOf(run)).toEqual(["init", "execution_complete"]);
  });

  test("does not change its reason, even if that is an exception of the library", async () => {
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

  test("can be awaited by a handler, since it reads on in the place of the consumer", async () => {
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

  test("rejects after 5 s, and the run continues", async () => {
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

  test("rejects with the failure of the last interrupt if none had an effect", async () => {
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

  test("resolves if the run has ended, even if its interrupt failed", async () => {
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

  test("stops waiting when its signal aborts; the run continues", async () => {
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

  test("of a run that has ended has no effect", async () => {
    const source = new ScriptedSource().send(init("abc"), complete).end();
    const run = runOf(source);
    await run;
    await run.interrupt();
    expect(source.interrupts).toEqual([]);
  });

  test("of a run that was aborted waits until it has ended on the server", async () => {
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

test("a run that only gets pings has no time limit", async () => {
  const source = new ScriptedSource({ idleTimeoutSeconds: 30 }).send(init());
  const run = runOf(source);
  for (let elapsed = 0; elapsed < 3_600; elapsed += 3) {
    await jest.advanceTimersByTimeAsync(3_000);
    source.send(ping);
  }
  source.send(complete).end();
  expect((await run).complete).toBeDefined();
});
