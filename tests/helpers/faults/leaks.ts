import { getEventListeners } from "node:events";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect } from "@jest/globals";

/** How long what is left of a call may take to go, where nothing is to wait for. */
const PATIENCE_MILLIS = 8_000;
const MIB = 1024 * 1024;

// Jest gives tests a copy of `process`, to which nothing is ever reported.
const realProcess = process.getBuiltinModule("node:process");

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Waits for what an event of the platform brings about, without an event of its own. */
export async function until(isSo: () => boolean, patienceMillis = PATIENCE_MILLIS): Promise<void> {
  const end = performance.now() + patienceMillis;
  while (!isSo() && performance.now() < end) await new Promise(setImmediate);
}

/** What keeps a process alive: timers, sockets and servers, by how many there are. */
function openResources(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const kind of realProcess.getActiveResourcesInfo()) {
    // Requests to the system are gone by themselves; the test's own report is one of them.
    if (
      /^(Timeout|TCPSocketWrap|TCPServerWrap|FSReqCallback|Immediate)$/.test(kind) &&
      kind !== "Immediate"
    ) {
      counts[kind] = (counts[kind] ?? 0) + 1;
    }
  }
  return counts;
}

/** Sees what a piece of work leaves behind. */
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

  /** Afterwards nothing may listen to this signal. */
  watch(signal: AbortSignal): void {
    this.#signals.push(signal);
  }

  /** Fails if anything is open that was not before: a timer, a socket, a server, a listener, a rejection. */
  async expectNothingLeft(): Promise<void> {
    const extra = (): Record<string, number> =>
      Object.fromEntries(
        Object.entries(openResources()).filter(([kind, count]) => count > (this.#before[kind] ?? 0)),
      );
    // A rejection is told of a turn after it has happened.
    for (let turn = 0; turn < 3; turn += 1) await new Promise(setImmediate);
    await until(() => Object.keys(extra()).length === 0);
    realProcess.off("unhandledRejection", this.#onRejection);
    expect(extra()).toEqual({});
    expect(this.#rejections).toEqual([]);
    for (const signal of this.#signals) expect(getEventListeners(signal, "abort")).toEqual([]);
  }
}

/** What the heap holds when nothing is left to collect, in MiB. */
export async function heapMiB(): Promise<number> {
  for (let round = 0; round < 4; round += 1) {
    collectGarbage();
    // What is finalised, and what streams and sockets release, goes in later turns.
    await new Promise(setImmediate);
  }
  const { heapUsed, external } = realProcess.memoryUsage();
  return (heapUsed + external) / MIB;
}

/** Does some work twice and fails if the second time has left more than this in memory. */
export async function expectMemoryBack(work: () => Promise<unknown>, mostMiB: number): Promise<void> {
  // The first time fills caches: compiled code, connections' buffers, jest's own.
  await work();
  const before = await heapMiB();
  await work();
  expect((await heapMiB()) - before).toBeLessThan(mostMiB);
}
