import { describe, expect, test } from "@jest/globals";
import { RunQueue, type Turn, type Interruptible } from "../../../src/execution/run-queue.js";
import { failureOf, settle } from "../../helpers/promises.js";

/** Waits for a turn, and tells whether it has come. */
class Waiting {
  turn: Turn | undefined;
  readonly controller = new AbortController();
  readonly failure: Promise<unknown>;

  constructor(queue: RunQueue, context: { id?: string; language: string }) {
    const acquiring = queue.waitForTurn(context, this.controller.signal).then((turn) => {
      this.turn = turn;
      throw new Error("It did not fail.");
    });
    this.failure = failureOf(acquiring);
  }

  get hasTurn(): boolean {
    return this.turn !== undefined;
  }
}

const python = { language: "python" };
const inContext = (id: string): { id: string; language: string } => ({ id, language: "python" });

async function turnsOf(...waiting: readonly Waiting[]): Promise<boolean[]> {
  await settle();
  return waiting.map(({ hasTurn }) => hasTurn);
}

test("runs of one context take turns, in order", async () => {
  const queue = new RunQueue();
  const [one, two, three] = [1, 2, 3].map(() => new Waiting(queue, inContext("a"))) as [
    Waiting,
    Waiting,
    Waiting,
  ];
  expect(await turnsOf(one, two, three)).toEqual([true, false, false]);
  one.turn?.release();
  expect(await turnsOf(two, three)).toEqual([true, false]);
  one.turn?.release();
  expect(await turnsOf(two, three)).toEqual([true, false]);
  two.turn?.release();
  expect(await turnsOf(three)).toEqual([true]);
});

test("runs of different contexts and languages do not wait for each other", async () => {
  const queue = new RunQueue();
  const all = [inContext("a"), inContext("b"), python, { language: "bash" }].map(
    (context) => new Waiting(queue, context),
  );
  expect(await turnsOf(...all)).toEqual([true, true, true, true]);
});

test("a context whose id is a language's name is not that language's default context", async () => {
  const queue = new RunQueue();
  const all = [inContext("python"), python].map((context) => new Waiting(queue, context));
  expect(await turnsOf(...all)).toEqual([true, true]);
});

const run: Interruptible = { interrupt: () => Promise.resolve() };

describe("a run that leaves the line", () => {
  test("rejects with the signal's own reason, and the next run still waits for the first", async () => {
    const queue = new RunQueue();
    const one = new Waiting(queue, inContext("a"));
    const two = new Waiting(queue, inContext("a"));
    const three = new Waiting(queue, inContext("a"));
    await settle();
    two.controller.abort("enough");
    expect(await two.failure).toBe("enough");
    expect(await turnsOf(three)).toEqual([false]);
    one.turn?.release();
    expect(await turnsOf(three)).toEqual([true]);
  });

  test("before it has joined never joins it", async () => {
    const queue = new RunQueue();
    expect(await failureOf(queue.waitForTurn(python, AbortSignal.abort("enough")))).toBe("enough");
    expect(queue.size).toBe(0);
  });
});

describe("a default context", () => {
  test("takes turns before its id is known", async () => {
    const queue = new RunQueue();
    const [one, two] = [new Waiting(queue, python), new Waiting(queue, python)];
    expect(await turnsOf(one, two)).toEqual([true, false]);
  });

  test("joins the queue of its id, in both directions", async () => {
    const queue = new RunQueue();
    const [one, two] = [new Waiting(queue, python), new Waiting(queue, python)];
    await settle();
    one.turn?.joinContext("a", run);
    const named = new Waiting(queue, inContext("a"));
    const last = new Waiting(queue, python);
    expect(await turnsOf(two, named, last)).toEqual([false, false, false]);
    one.turn?.release();
    expect(await turnsOf(two, named, last)).toEqual([true, false, false]);
    two.turn?.joinContext("a", run);
    two.turn?.release();
    expect(await turnsOf(named, last)).toEqual([true, false]);
    named.turn?.joinContext("a", run);
    named.turn?.release();
    expect(await turnsOf(last)).toEqual([true]);
    last.turn?.release();
    await settle();
    expect(queue.size).toBe(0);
  });

  test("that was recreated has a new id, and waiting runs move to it", async () => {
    const queue = new RunQueue();
    const first = new Waiting(queue, python);
    await settle();
    first.turn?.joinContext("old", run);
    first.turn?.release();
    await settle();
    const [one, two] = [new Waiting(queue, python), new Waiting(queue, python)];
    await settle();
    one.turn?.joinContext("new", run);
    const named = new Waiting(queue, inContext("new"));
    const late = new Waiting(queue, python);
    one.turn?.release();
    // It waits in the queue of the old id, and runs in the new context.
    expect(await turnsOf(two, named, late)).toEqual([true, false, false]);
    two.turn?.release();
    expect(await turnsOf(named, late)).toEqual([true, false]);
    named.turn?.release();
    expect(await turnsOf(late)).toEqual([true]);
    late.turn?.release();
    await settle();
    expect(queue.size).toBe(0);
  });

  test("exists once for each language", async () => {
    const queue = new RunQueue();
    const one = new Waiting(queue, python);
    await settle();
    one.turn?.joinContext("a", run);
    expect(await turnsOf(new Waiting(queue, { language: "bash" }))).toEqual([true]);
  });
});

test("2,000 runs of a default context take turns, and leave nothing behind", async () => {
  const queue = new RunQueue();
  const order: number[] = [];
  let atOnce = 0;
  const { signal } = new AbortController();
  await Promise.all(
    Array.from({ length: 2_000 }, async (_, index) => {
      const turn = await queue.waitForTurn(python, signal);
      atOnce += 1;
      expect(atOnce).toBe(1);
      turn.joinContext("a", run);
      await Promise.resolve();
      order.push(index);
      atOnce -= 1;
      turn.release();
    }),
  );
  expect(order).toEqual(Array.from({ length: 2_000 }, (_, index) => index));
  await settle();
  expect(queue.size).toBe(0);
});
