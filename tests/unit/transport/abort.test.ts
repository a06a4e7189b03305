import { getEventListeners } from "node:events";
import { expect, test } from "@jest/globals";
import { onAbort, raceAbort, sleep } from "../../../src/transport/abort.js";
import { failureOf } from "../../helpers/promises.js";

const listenersOf = (signal: AbortSignal): number => getEventListeners(signal, "abort").length;

test("a signal has one listener for 2,000 callbacks, and none when they are gone", () => {
  const { signal } = new AbortController();
  const unlinks = Array.from({ length: 2_000 }, () => onAbort(signal, () => undefined));
  expect(listenersOf(signal)).toBe(1);
  for (const unlink of unlinks) unlink();
  expect(listenersOf(signal)).toBe(0);
});

test("an abort calls back once, with the signal's own reason, and leaves no listener", () => {
  const controller = new AbortController();
  const reasons: unknown[] = [];
  const unlink = onAbort(controller.signal, (reason) => reasons.push(reason));
  onAbort(controller.signal, (reason) => reasons.push(reason));
  const reason = { any: "value" };
  controller.abort(reason);
  expect(reasons).toEqual([reason, reason]);
  expect(reasons[0]).toBe(reason);
  unlink();
  expect(listenersOf(controller.signal)).toBe(0);
});

test("removing a callback twice does not affect later ones", () => {
  const controller = new AbortController();
  const unlink = onAbort(controller.signal, () => undefined);
  unlink();
  let isCalled = false;
  onAbort(controller.signal, () => (isCalled = true));
  unlink();
  onAbort(controller.signal, () => undefined);
  expect(listenersOf(controller.signal)).toBe(1);
  controller.abort();
  expect(isCalled).toBe(true);
});

test("a signal that has already aborted calls no callback", () => {
  onAbort(AbortSignal.abort(), () => {
    throw new Error("It did.");
  })();
});

test("racing resolves to the outcome of the work if nothing aborts, and leaves no listener", async () => {
  const { signal } = new AbortController();
  const failure = new Error("no");
  expect(await raceAbort(signal, Promise.resolve(1))).toBe(1);
  expect(await failureOf(raceAbort(signal, Promise.reject(failure)))).toBe(failure);
  expect(listenersOf(signal)).toBe(0);
});

test("racing against an aborted signal rejects with its reason instead of the failure of the work", async () => {
  const reason = new Error("enough");
  expect(await failureOf(raceAbort(AbortSignal.abort(reason), Promise.reject(new Error("other"))))).toBe(
    reason,
  );
});

test("an abort ends a sleep at once", async () => {
  const controller = new AbortController();
  const sleeping = failureOf(sleep(2 ** 30, controller.signal));
  controller.abort("enough");
  expect(await sleeping).toBe("enough");
  expect(listenersOf(controller.signal)).toBe(0);
});
