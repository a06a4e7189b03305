import { readFileSync } from "node:fs";
import os from "node:os";

/** What a sandbox may use. What each limit does is said in {@link resolveLimits}. */
export interface Limits {
  readonly memoryBytes: number;
  readonly diskBytes: number;
  readonly processes: number;
  /** `undefined`: as many as the machine has. */
  readonly cpuCount: number | undefined;
  /** Of one process. `undefined`: no limit. */
  readonly cpuSeconds: number | undefined;
}

const MIB = 2 ** 20;
const GIB = 2 ** 30;
const DEFAULT_DISK = 10 * GIB;
const DEFAULT_PROCESSES = 512;
/** Kernels start within these; Java alone needs 256 MiB. */
const LEAST_MEMORY = 128 * MIB;
const LEAST_DISK = MIB;
const LEAST_PROCESSES = 32;

/**
 * Reads `resourceLimits`. As on the real server with Docker, a value that makes no sense is as good as none.
 *
 * - `memory` (`512Mi`, `2Gi`; default: 4 GiB, on a small machine three quarters of its memory): no process can have more
 *   data than this; where all together do, the largest is killed.
 * - `cpu` (`1`, `500m`): the sandbox runs on that many cores, rounded up.
 * - `disk` or `ephemeral-storage` (default: 10 GiB): no file can be larger; where all together are, and still grow,
 *   every process of the sandbox is killed.
 * - `processes` (default: 512), threads included: where there are more, every process of the sandbox is killed.
 * - `cpu-seconds`: a process that has used more than this is killed.
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

/** Reads a quantity as Kubernetes writes it; `undefined` if it is invalid or not more than zero. */
export function parseQuantity(text: string | undefined): number | undefined {
  const [, digits, suffix = ""] = /^(\d{1,15}(?:\.\d{1,9})?)([a-zA-Z]{0,2})$/.exec(text?.trim() ?? "") ?? [];
  const factor = SUFFIXES[suffix];
  if (digits === undefined || factor === undefined) return undefined;
  const value = Number(digits) * factor;
  return value > 0 && value <= Number.MAX_SAFE_INTEGER ? value : undefined;
}

/**
 * The cores for a sandbox, as `taskset` takes them; `undefined` where it may use all. Sandboxes begin at different cores,
 * so that a machine's work does not end up on its first.
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

/** The cores that this process may use. */
export function availableCores(): number[] {
  try {
    const status = readFileSync("/proc/self/status", "utf8");
    return parseCores(/^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1] ?? "");
  } catch {
    return []; // no Linux
  }
}

/** Reads the kernel's lists of numbers: `0-3,8`. */
export function parseCores(list: string): number[] {
  return list.split(",").flatMap((range) => {
    const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(range) ?? [];
    if (first === undefined) return [];
    return Array.from({ length: Number(last) - Number(first) + 1 }, (_item, index) => Number(first) + index);
  });
}
