import { readFileSync } from "node:fs";
import os from "node:os";

/** What a sandbox may use. {@link resolveLimits} describes each limit. */
export interface Limits {
  readonly memoryBytes: number;
  readonly diskBytes: number;
  readonly processes: number;
  /** `undefined` for all cores of the machine. */
  readonly cpuCount: number | undefined;
  /** For each process. `undefined` for no limit. */
  readonly cpuSeconds: number | undefined;
}

const MIB = 2 ** 20;
const GIB = 2 ** 30;
const DEFAULT_DISK = 10 * GIB;
const DEFAULT_PROCESSES = 512;
/** Kernels start within this limit; Java alone needs 256 MiB. */
const LEAST_MEMORY = 128 * MIB;
const LEAST_DISK = MIB;
const LEAST_PROCESSES = 32;

/**
 * Resolves `resourceLimits`. As on the real server with Docker, an invalid value is ignored.
 *
 * - `memory` (`512Mi`, `2Gi`; default: 4 GiB, or three quarters of the memory of a small machine): no process can have
 * more data than this; if all together have, the largest is killed.
 * - `cpu` (`1`, `500m`): the sandbox runs on this number of cores, rounded up.
 * - `disk` or `ephemeral-storage` (default: 10 GiB): no file can be larger; if all together are, and still grow, every
 * process of the sandbox is killed.
 * - `processes` (default: 512), threads included: if there are more, every process of the sandbox is killed.
 * - `cpu-seconds`: a process that has used more CPU time is killed.
 */
export function resolveLimits(resources: Readonly<Record<string, string>>): Limits {
  const memory = parseQuantity(resources["memory"]);
  const disk = parseQuantity(resources["disk"]) ?? parseQuantity(resources["ephemeral-storage"]);
  const processes = parseQuantity(resources["processes"]);
  const cpu = parseQuantity(resources["cpu"]);
  return {
    memoryBytes: Math.max(Math.floor(memory ?? Math.min(4 * GIB, os.totalmem() * 0.75)), LEAST_MEMORY),
    diskBytes: Math.max(Math.floor(disk ?? DEFAULT_DISK), LEAST_DISK),
    processes: Math.max(Math.floor(processes ?? DEFAULT_PROCESSES), LEAST_PROCESSES),
    cpuCount: cpu === undefined ? undefined : Math.max(Math.ceil(cpu), 1),
    cpuSeconds: parseQuantity(resources["cpu-seconds"]),
  };
}

const SUFFIXES: Readonly<Record<string, number>> = {
  "": 1,
  m: 1e-3,
  k: 1e3,
  K: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: MIB,
  Gi: GIB,
  Ti: 2 ** 40,
};

/** Parses a Kubernetes quantity. Returns `undefined` if it is invalid or not positive. */
export function parseQuantity(text: string | undefined): number | undefined {
  const [, digits, suffix = ""] = /^(\d{1,15}(?:\.\d{1,9})?)([a-zA-Z]{0,2})$/.exec(text?.trim() ?? "") ?? [];
  const factor = SUFFIXES[suffix];
  if (digits === undefined || factor === undefined) return undefined;
  const value = Number(digits) * factor;
  return value > 0 && value <= Number.MAX_SAFE_INTEGER ? value : undefined;
}

/**
 * Chooses the cores of a sandbox, in the format of `taskset`, or `undefined` for all. Each sandbox starts at another
 * core, to spread the load.
 */
export function chooseCores(
  cpuCount: number | undefined,
  available: readonly number[],
  ordinal: number,
): string | undefined {
  if (cpuCount === undefined || cpuCount >= available.length) return undefined;
  const chosen = Array.from(
    { length: cpuCount },
    (_item, index) => available[(ordinal + index) % available.length],
  );
  return chosen.join(",");
}

/** Returns the cores that this process may use. */
export function availableCores(): number[] {
  try {
    const status = readFileSync("/proc/self/status", "utf8");
    return parseCores(/^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1] ?? "");
  } catch {
    return []; // not Linux
  }
}

/** Parses the kernel's lists of numbers, such as `0-3,8`. */
export function parseCores(list: string): number[] {
  return list.split(",").flatMap((range) => {
    const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(range) ?? [];
    if (first === undefined) return [];
    return Array.from({ length: Number(last) - Number(first) + 1 }, (_item, index) => Number(first) + index);
  });
}
