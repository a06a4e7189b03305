import { getEventListeners } from "node:events";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect } from "@jest/globals";

/** How long the resources of a call may take to disappear where no event reports it. */
const PATIENCE_MILLIS = 20_000;
const MIB = 1024 * 1024;

// Jest passes a copy of `process` to tests, which receives no events.
const realProcess = process.getBuiltinModule("node:process");
// Real even where a test has replaced the clock.
const { setTimeout: pause } = process.getBuiltinModule("node:timers/promises");

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Polls until a condition holds, for platform changes without an event. */
export async function until(isSo: () => boolean, patienceMillis = PATIENCE_MILLIS): Promise<void> {
  const end = performance.now() + patienceMillis;
  for (let turn = 0; !isSo() && performance.now() < end; turn += 1) {
    // Most changes take a few turns. To go on without a pause would keep others from the processor.
    await (turn < 50 ? new Promise(setImmediate) : pause(2));
  }
}

/** Counts what keeps a process alive: timers, sockets and servers. */
function openResources(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const kind of realProcess.getActiveResourcesInfo()) {
    // Requests to the system end by themselves; one of them is the test's own report.
    if (
      /^(Timeout|TCPSocketWrap|TCPServerWrap|FSReqCallback|Immediate)$/.test(kind) &&
      kind !== "Immediate"
    ) {
      counts[kind] = (counts[kind] ?? 0) + 1;
    }
  }
  return counts;
}

/** Detects resources that a piece of work leaves open. */
export class LeakWatch {
  readonly #before = openResources();
  readonly #rejections: unknown[] = [];
  readonly #signals: AbortSignal[] = [];
  readonly #onRejection = (reason: unknown): void => {
    this.#rejections.push(reason);
  };

  constructor() {
    realProcess.on("unhandledRejection", this.#onRejection);
  }

  /** Expects no listener on this signal afterwards. */
  watch(signal: AbortSignal): void {
    this.#signals.push(signal);
  }

  /** Fails if anything is open that was not before: a timer, socket, server, listener or unhandled rejection. */
  async expectNothingLeft(): Promise<void> {
    const extra = (): Record<string, number> =>
      Object.fromEntries(
        Object.entries(openResources()).filter(([kind, count]) => count > (this.#before[kind] ?? 0)),
      );
    // Unhandled rejections are reported one turn later.
    for (let turn = 0; turn < 3; turn += 1) await new Promise(setImmediate);
    await until(() => Object.keys(extra()).length === 0);
    realProcess.off("unhandledRejection", this.#onRejection);
    expect(extra()).toEqual({});
    expect(this.#rejections).toEqual([]);
    for (const signal of this.#signals) expect(getEventListeners(signal, "abort")).toEqual([]);
  }
}

/** Returns the size of the heap after garbage collection, in MiB. */
export async function heapMiB(): Promise<number> {
  for (let round = 0; round < 4; round += 1) {
    collectGarbage();
    // Finalizers, streams and sockets release memory in later turns.
    await new Promise(setImmediate);
  }
  const { heapUsed, external } = realProcess.memoryUsage();
  return (heapUsed + external) / MIB;
}

/** Does work so many times, after a tenth of that, and fails if it leaves more than this in memory. */
export async function expectMemoryBack(
  work: (times: number) => Promise<unknown>,
  times: number,
  mostMiB: number,
): Promise<void> {
  // This fills caches: compiled code, connection buffers, Jest's own.
  await work(times / 10);
  const before = await heapMiB();
  await work(times);
  expect((await heapMiB()) - before).toBeLessThan(mostMiB);
}
