import { opendir, lstat } from "node:fs/promises";
import path from "node:path";
import { listProcesses, readOf, readStat, sendSignal, TICKS_PER_SECOND } from "../processes.js";
import { signalEverything } from "./processes.js";

/** What the processes in the box may use together, beyond what the kernel enforces for each of them. */
export interface WatchedLimits {
  readonly memoryBytes: number;
  readonly diskBytes: number;
  readonly processes: number;
  /** Of one process; null: no limit. */
  readonly cpuSeconds: number | null;
  /** The directories whose files count. */
  readonly directories: readonly string[];
}

const INTERVAL_MS = 500;
const PAGE_BYTES = 4096;
/** A walk through the files may take this share of the time. */
const WALK_SHARE = 0.05;

/** A process as the watchdog sees it. */
interface Usage {
  readonly pid: number;
  readonly name: string;
  readonly threads: number;
  readonly cpuSeconds: number;
  readonly memoryBytes: number;
}

/**
 * Keeps a box within limits for which there is no system call that works without privileges. Only where the box has
 * processes of its own alone: `kill(-1)` means every process that can be seen.
 */
export class Watchdog {
  readonly #limits: WatchedLimits;
  readonly #report: (line: string) => void;
  #usedDisk = 0;

  constructor(limits: WatchedLimits, report: (line: string) => void) {
    this.#limits = limits;
    this.#report = report;
  }

  start(): void {
    setInterval(() => this.#checkProcesses(), INTERVAL_MS);
    void this.#watchDisk();
  }

  #checkProcesses(): void {
    const { processes, memoryBytes, cpuSeconds } = this.#limits;
    const own = new Set([1, process.pid]);
    const pids = listProcesses().filter((pid) => !own.has(pid));
    // By the number of processes alone: a fork bomb must not be given the time to be looked at one by one.
    if (pids.length > processes) return this.#endAll(`more than ${processes} processes`);
    const usages = pids.flatMap((pid) => readUsage(pid) ?? []);
    if (sum(usages, ({ threads }) => threads) > processes) {
      return this.#endAll(`more than ${processes} processes and threads`);
    }
    if (cpuSeconds !== null) {
      for (const usage of usages) {
        if (usage.cpuSeconds > cpuSeconds) this.#end(usage, `it used more than ${cpuSeconds} s of CPU time`);
      }
    }
    if (sum(usages, (usage) => usage.memoryBytes) <= memoryBytes) return;
    // What processes share was counted for each of them; now exactly.
    const exact = usages.map((usage) => ({ ...usage, memoryBytes: readSharedOut(usage) }));
    if (sum(exact, (usage) => usage.memoryBytes) <= memoryBytes) return;
    const largest = exact.reduce((most, usage) => (usage.memoryBytes > most.memoryBytes ? usage : most));
    this.#end(largest, `the sandbox used more than its ${describeBytes(memoryBytes)} of memory`);
  }

  async #watchDisk(): Promise<never> {
    for (;;) {
      const startedAt = performance.now();
      const used = await measure(this.#limits.directories);
      // Whoever makes room must be able to go on.
      if (used > this.#limits.diskBytes && used > this.#usedDisk) {
        this.#endAll(`more than ${describeBytes(this.#limits.diskBytes)} of files`);
      }
      this.#usedDisk = used;
      const duration = performance.now() - startedAt;
      await new Promise((resolve) => setTimeout(resolve, Math.max(INTERVAL_MS, duration / WALK_SHARE)));
    }
  }

  #end({ pid, name }: Usage, reason: string): void {
    this.#report(`process ${pid} (${name}) was killed: ${reason}`);
    sendSignal(pid, "SIGKILL");
  }

  #endAll(reason: string): void {
    this.#report(`every process was killed: ${reason}`);
    signalEverything("SIGKILL", true);
  }
}

function readUsage(pid: number): Usage | undefined {
  const [stat, statm] = [readStat(pid), readOf(pid, "statm")];
  if (stat === undefined || statm === undefined) return undefined; // ended meanwhile
  const { name, fields } = stat;
  const [resident = 0, shared = 0] = statm.split(" ").slice(1).map(Number);
  return {
    pid,
    name,
    threads: Number(fields[17]),
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
    memoryBytes: (resident - shared) * PAGE_BYTES,
  };
}

/** What a process uses, with its part only of what it shares with others. */
function readSharedOut({ pid, memoryBytes }: Usage): number {
  const rollup = readOf(pid, "smaps_rollup");
  if (rollup === undefined) return 0; // ended meanwhile
  return Number(/^Pss_Anon:\s+(\d+) kB/m.exec(rollup)?.[1] ?? memoryBytes / 1024) * 1024;
}

/** The bytes on disk below some directories; links are not followed. */
async function measure(directories: readonly string[]): Promise<number> {
  let total = 0;
  const pending = [...directories];
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    try {
      for await (const entry of await opendir(directory)) {
        const file = path.join(directory, entry.name);
        if (entry.isDirectory()) pending.push(file);
        else
          total += await lstat(file).then(
            ({ blocks }) => blocks * 512,
            () => 0,
          );
      }
    } catch {
      // Removed meanwhile, or its owner may not look into it either.
    }
  }
  return total;
}

function sum<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}

function describeBytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`;
}
