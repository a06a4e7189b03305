import { getEventListeners } from "node:events";
import { describe, expect, test } from "@jest/globals";
import { InvalidArgumentException } from "../../../src/errors.js";
import { iterateEvents } from "../../../src/execution/event-iterable.js";
import { failureOf, settle } from "../../helpers/promises.js";
import { complete, init, interrupted, ScriptedSource, stdout, typesOf } from "../../helpers/scripted-run.js";

test("a plain stream yields all events and ends", async () => {
  const source = new ScriptedSource().send(init(), stdout("a")).send(stdout("b"), complete).end();
  const events = iterateEvents(() => source);
  expect(await typesOf(events)).toEqual(["init", "stdout", "stdout", "execution_complete"]);
  expect(source.isReleased).toBe(true);
});

test("it sends and checks nothing before the first event is requested", async () => {
  const source = new ScriptedSource();
  let made = 0;
  const events = iterateEvents(() => {
    made += 1;
    return source;
  });
  const iterator = events[Symbol.asyncIterator]();
  await settle();
  expect([made, source.sent]).toEqual([0, 0]);
  const first = iterator.next();
  source.send(init());
  expect((await first).value).toMatchObject({ type: "init" });
  expect([made, source.sent]).toEqual([1, 1]);
  source.end();
});

test("it reads no faster than events are taken", async () => {
  const source = new ScriptedSource();
  for (const text of ["a", "b", "c"]) source.send(stdout(text));
  const iterator = iterateEvents(() => source)[Symbol.asyncIterator]();
  for (const reads of [1, 2, 3]) {
    await iterator.next();
    await settle();
    expect(source.reads).toBe(reads);
  }
  await iterator.return?.();
  source.end();
});

test("events that are requested concurrently arrive in order", async () => {
  const source = new ScriptedSource();
  const iterator = iterateEvents(() => source)[Symbol.asyncIterator]();
  const asked = [iterator.next(), iterator.next(), iterator.next(), iterator.next()];
  source.send(init(), stdout("a")).send(complete).end();
  const types = (await Promise.all(asked)).map(({ done, value }) => (done === true ? "done" : value.type));
  expect(types).toEqual(["init", "stdout", "execution_complete", "done"]);
});

test("it has one consumer", async () => {
  const events = iterateEvents(() => new ScriptedSource().send(complete).end());
  await typesOf(events);
  expect(() => events[Symbol.asyncIterator]()).toThrow(InvalidArgumentException);
});

describe("leaving the loop", () => {
  test("interrupts the run without an error for the caller", async () => {
    const source = new ScriptedSource().send(init("abc"), stdout("a"), stdout("b"));
    source.onInterrupt = () => void source.send(interrupted).end();
    for await (const event of iterateEvents(() => source)) if (event.type === "stdout") break;
    while (!source.isReleased) await settle();
    expect(source.interrupts).toEqual(["abc"]);
  });

  test("before the first event sends nothing", async () => {
    const source = new ScriptedSource();
    const iterator = iterateEvents(() => source)[Symbol.asyncIterator]();
    await iterator.return?.();
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
    expect(source.sent).toBe(0);
  });

  test("ends a wait for the next event", async () => {
    const source = new ScriptedSource();
    const iterator = iterateEvents(() => source)[Symbol.asyncIterator]();
    const waiting = iterator.next();
    await settle();
    await iterator.return?.();
    expect(await waiting).toEqual({ done: true, value: undefined });
    source.end();
  });

  test("after the end has no effect", async () => {
    const source = new ScriptedSource().send(init("abc"), complete).end();
    const iterator = iterateEvents(() => source)[Symbol.asyncIterator]();
    while ((await iterator.next()).done !== true);
    await iterator.return?.();
    await settle();
    expect(source.interrupts).toEqual([]);
  });
});

test("bad arguments reject the first event, once", async () => {
  const refusal = new InvalidArgumentException("no");
  const iterator = iterateEvents(() => {
    throw refusal;
  })[Symbol.asyncIterator]();
  expect(await failureOf(iterator.next())).toBe(refusal);
  expect((await iterator.next()).done).toBe(true);
});

test("a failure is thrown after the events before it, and ends the iteration", async () => {
  const source = new ScriptedSource().send(init(), stdout("a")).end();
  const iterator = iterateEvents(() => source)[Symbol.asyncIterator]();
  await iterator.next();
  expect((await iterator.next()).value).toMatchObject({ text: "a" });
  expect(await failureOf(iterator.next())).toMatchObject({ error: { code: "STREAM_CUT" } });
  expect((await iterator.next()).done).toBe(true);
});

test("an abort is thrown before the remaining events, with its own reason", async () => {
  const controller = new AbortController();
  const source = new ScriptedSource({ signal: controller.signal })
    .send(init("abc"), stdout("a"), complete)
    .end();
  const iterator = iterateEvents(() => source)[Symbol.asyncIterator]();
  await iterator.next();
  controller.abort("enough");
  expect(await failureOf(iterator.next())).toBe("enough");
  expect((await iterator.next()).done).toBe(true);
  expect(getEventListeners(controller.signal, "abort")).toHaveLength(0);
});
