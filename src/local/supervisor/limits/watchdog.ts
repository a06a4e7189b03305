import { stat } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { listProcesses, readOf, readStat, sendSignal, TICKS_PER_SECOND } from "../../box/processes.js";
import { diskUsage } from "./disk-usage.js";
import { heldFiles, type HeldFile } from "./held-files.js";
import { signalEverything } from "../process-groups.js";

/** Limits of all processes in the box together, in addition to the kernel's limits for each of them. */
export interface WatchedLimits {
  readonly memoryBytes: number;
  readonly diskBytes: number;
  readonly processes: number;
  /** For each process; `null` for no limit. */
  readonly cpuSeconds: number | null;
  /** The directories that count towards the disk limit. */
  readonly directories: readonly string[];
  /** Paths in them that do not count, because something else is mounted there. */
  readonly mounted: readonly string[];
}

const INTERVAL_MS = 500;
const PAGE_BYTES = 4096;
/** Each page of 4096 bytes needs an entry of 8 bytes in a page table. */
const ADDRESSES_PER_TABLE_BYTE = 512;
/** The share of the time that walks through the files may take. */
const WALK_SHARE = 0.1;
/** The number of idle intervals after which the files are checked anyway. */
const IDLE_INTERVALS = 20;

/** A process, as measured by the watchdog. */
interface Usage {
  readonly pid: number;
  readonly name: string;
  readonly threads: number;
  readonly cpuSeconds: number;
  /** The upper bound: includes all shared memory, and page tables for all of its addresses. */
  readonly mostBytes: number;
}

/**
 * Enforces limits for which there is no unprivileged system call. Only for a box that sees only its own processes:
 * `kill(-1)` reaches every visible process.
 */
export class Watchdog {
  readonly #limits: WatchedLimits;
  readonly #report: (line: string) => void;
  #usedDisk = 0;
  /** Bytes of memory by process. */
  #heldMemory = new Map<number, number>();
  #openRequests = 0;
  /** Whether files may have changed since the last check. */
  #mayHaveChanged = true;
  #lastSeen = "";

  constructor(limits: WatchedLimits, report: (line: string) => void) {
    this.#limits = limits;
    this.#report = report;
  }

  start(): void {
    setInterval(() => this.#checkProcesses(), INTERVAL_MS);
    void this.#watchFiles();
  }

  /** Records the start of work for a client. @returns a function that records its end */
  begin(): () => void {
    this.#openRequests += 1;
    this.#mayHaveChanged = true;
    return () => {
      this.#openRequests -= 1;
      this.#mayHaveChanged = true;
    };
  }

  #checkProcesses(): void {
    const { processes, memoryBytes, cpuSeconds } = this.#limits;
    const pids = others();
    // Count processes only: a fork bomb grows faster than each of its processes can be inspected.
    if (pids.length > processes) return this.#endAll(`more than ${processes} processes`);
    const usages = pids.flatMap((pid) => readUsage(pid) ?? []);
    this.#noteWork(usages);
    if (sum(usages, ({ threads }) => threads) > processes) {
      return this.#endAll(`more than ${processes} processes and threads`);
    }
    if (cpuSeconds !== null) {
      for (const usage of usages) {
        if (usage.cpuSeconds > cpuSeconds) this.#end(usage, `it used more than ${cpuSeconds} s of CPU time`);
      }
    }
    this.#checkMemory(usages, memoryBytes);
  }

  /** Uses cheap upper bounds first, and reads exact numbers only where they matter. */
  #checkMemory(usages: readonly Usage[], limit: number): void {
    const held = (pid: number) => this.#heldMemory.get(pid) ?? 0;
    if (sum(usages, ({ pid, mostBytes }) => mostBytes + held(pid)) <= limit) return;
    const measure = (read: (pid: number) => Memory) =>
      usages.map((usage) => {
        const { anonymous, shared } = read(usage.pid);
        // A file without a name that is also mapped counts only once.
        return { ...usage, bytes: anonymous + Math.max(shared, held(usage.pid)) };
      });
    if (sum(measure(readOwnMemory), ({ bytes }) => bytes) <= limit) return;
    const exact = measure(readShareOfMemory);
    if (sum(exact, ({ bytes }) => bytes) <= limit) return;
    const largest = exact.reduce((most, usage) => (usage.bytes > most.bytes ? usage : most));
    this.#end(largest, `the sandbox used more than its ${describeBytes(limit)} of memory`);
  }

  /** A process that used no CPU time changed no significant amount of files. */
  #noteWork(usages: readonly Usage[]): void {
    const seen = usages.map(({ pid, cpuSeconds }) => `${pid}:${cpuSeconds}`).join();
    if (seen !== this.#lastSeen) this.#mayHaveChanged = true;
    this.#lastSeen = seen;
  }

  async #watchFiles(): Promise<never> {
    for (let idle = 0; ;) {
      const startedAt = performance.now();
      if (this.#mayHaveChanged || this.#openRequests > 0 || idle >= IDLE_INTERVALS) {
        idle = 0;
        this.#mayHaveChanged = false;
        await this.#checkFiles();
      } else {
        idle += 1;
      }
      const duration = performance.now() - startedAt;
      await delay(Math.max(INTERVAL_MS, duration / WALK_SHARE));
    }
  }

  async #checkFiles(): Promise<void> {
    const { directories, mounted, diskBytes } = this.#limits;
    // Usage that was within the limit and now exceeds it has grown.
    const named = await diskUsage(directories, {
      enough: this.#usedDisk <= diskBytes ? diskBytes : undefined,
      except: mounted,
    });
    const stats = await Promise.all(directories.map(async (directory) => stat(directory)));
    const devices = new Set(stats.map(({ dev }) => dev));
    const isOnDisk = ({ device }: HeldFile) => devices.has(device);
    const held = await heldFiles(others());
    const used = named + sum(held.filter(isOnDisk), ({ bytes }) => bytes);
    this.#heldMemory = new Map();
    for (const { pid, bytes } of held.filter((file) => !isOnDisk(file))) {
      this.#heldMemory.set(pid, (this.#heldMemory.get(pid) ?? 0) + bytes);
    }
    // Code that deletes files must be able to continue.
    if (used > diskBytes && used > this.#usedDisk) {
      this.#endAll(`more than ${describeBytes(diskBytes)} of files`);
    }
    this.#usedDisk = used;
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

/** Every process of the box except the server's. */
function others(): number[] {
  return listProcesses().filter((pid) => pid !== 1 && pid !== process.pid);
}

function readUsage(pid: number): Usage | undefined {
  const found = readStat(pid);
  if (found === undefined) return undefined; // it has ended
  const { name, fields } = found;
  return {
    pid,
    name,
    threads: Number(fields[17]),
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
    mostBytes: Number(fields[21]) * PAGE_BYTES + Number(fields[20]) / ADDRESSES_PER_TABLE_BYTE,
  };
}

/** Memory that belongs to no file: a process's own, page tables included, and shared memory. */
interface Memory {
  readonly anonymous: number;
  readonly shared: number;
}

/** Without files. Shared memory counts fully for each process. */
function readOwnMemory(pid: number): Memory {
  const status = readOf(pid, "status") ?? "";
  const [anonymous = 0, shared = 0] = [kilobytes(status, "RssAnon"), kilobytes(status, "RssShmem")];
  return { anonymous: anonymous + tables(status), shared };
}

/** Each process's share of shared memory. */
function readShareOfMemory(pid: number): Memory {
  const rollup = readOf(pid, "smaps_rollup") ?? "";
  const [anonymous, shared] = [kilobytes(rollup, "Pss_Anon"), kilobytes(rollup, "Pss_Shmem")];
  // Older kernels, and processes that made themselves unreadable, do not report it.
  if (anonymous === undefined || shared === undefined) return readOwnMemory(pid);
  return { anonymous: anonymous + tables(readOf(pid, "status") ?? ""), shared };
}

/** The page tables of a process. They grow with the addresses it uses, even if these share one page. */
function tables(status: string): number {
  return kilobytes(status, "VmPTE") ?? 0;
}

/** Parses a line of a file of /proc into bytes. */
function kilobytes(text: string, name: string): number | undefined {
  const [, digits] = new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text) ?? [];
  return digits === undefined ? undefined : Number(digits) * 1024;
}

function sum<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}

function describeBytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`;
}
