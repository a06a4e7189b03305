import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import type { Configuration } from "../../../../src/local/supervisor/configuration.js";
import type { Kernel } from "../../../../src/local/supervisor/code/kernel.js";
import { KernelPool } from "../../../../src/local/supervisor/code/kernel-pool.js";
import { PipePool } from "../../../../src/local/supervisor/pipes.js";

/** A kernel that runs no code. */
class IdleKernel implements Kernel {
  alive = true;
  readonly ready = Promise.resolve();

  run(): Promise<void> {
    return Promise.resolve();
  }
  interrupt(): void {
    // No code runs.
  }
  setFlowing(): void {
    // No output is read.
  }
  kill(): Promise<void> {
    this.alive = false;
    return Promise.resolve();
  }
}

let started: IdleKernel[] = [];
beforeEach(() => {
  started = [];
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

function poolOf({ prewarm = [] }: { prewarm?: string[] } = {}): KernelPool {
  const configuration: Configuration = {
    workspace: "/workspace",
    scratch: "/scratch",
    env: {},
    languages: { bash: { command: ["bash"] }, go: { unavailable: "no Go" } },
    jupyterPorts: [],
    mounts: [],
    prewarm,
    limits: null,
  };
  const start = () => {
    const kernel = new IdleKernel();
    started.push(kernel);
    return Promise.resolve(kernel);
  };
  return new KernelPool(configuration, new PipePool("/scratch"), { bash: start });
}

const minutes = (count: number) => jest.advanceTimersByTimeAsync(count * 60_000);

test("taking a kernel starts a spare, which the next call takes", async () => {
  const pool = poolOf();
  const first = await pool.take("bash");
  await minutes(0);
  expect(started).toHaveLength(2);
  expect(first).toBe(started[0]);
  expect(await pool.take("bash")).toBe(started[1]);
});

test("an unused spare is stopped after ten minutes, and kernels in use are not", async () => {
  const pool = poolOf();
  const taken = await pool.take("bash");
  await minutes(9);
  expect(started[1]?.alive).toBe(true);
  await minutes(1);
  expect(started[1]?.alive).toBe(false);
  expect(taken.alive).toBe(true);
  expect(jest.getTimerCount()).toBe(0);
  expect(await pool.take("bash")).toBe(started[2]);
});

test("a spare that has ended is not used", async () => {
  const pool = poolOf({ prewarm: ["bash"] });
  await minutes(0);
  await started[0]?.kill();
  expect(await pool.take("bash")).toBe(started[1]);
});

test("an unavailable language is refused with the reason", async () => {
  const pool = poolOf();
  expect(pool.whyUnavailable("bash")).toBeUndefined();
  expect(pool.whyUnavailable("go")).toBe("no Go");
  await expect(pool.take("go")).rejects.toThrow("no Go");
});
