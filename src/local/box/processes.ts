/** Reads and signals processes: those of boxes on the host, those of a box in its supervisor. */
import type { ChildProcess } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import os from "node:os";
import { setTimeout as delay } from "node:timers/promises";

/** The unit of times in /proc/PID/stat, the same on every architecture. */
export const TICKS_PER_SECOND = 100;
/** The index of the start time in {@link ProcessStat.fields}. */
const START_TIME = 19;
const STOP_ATTEMPTS = 500;
/**
 * A process can start another between two scans. This many scans win the race against a process that does nothing else.
 */
const MOST_LOOKS = 20;

/** Gives a process that was just spawned a lower priority than others, though not so low that it never ends beside them. */
export function lowerPriority(child: ChildProcess): void {
  child.once("spawn", () => {
    try {
      if (child.pid !== undefined) os.setPriority(child.pid, os.constants.priority.PRIORITY_BELOW_NORMAL);
    } catch {
      // The process has ended already.
    }
  });
}

/** The content of /proc/PID/stat. */
export interface ProcessStat {
  readonly name: string;
  /** Everything after the name, starting with the state. */
  readonly fields: readonly string[];
}

/** Lists all visible processes; empty without /proc. */
export function listProcesses(): number[] {
  try {
    return readdirSync("/proc")
      .map(Number)
      .filter((pid) => pid > 0);
  } catch {
    return [];
  }
}

/** @returns `undefined` if the process does not exist, or without /proc */
export function readStat(pid: number): ProcessStat | undefined {
  const stat = readOf(pid, "stat");
  if (stat === undefined) return undefined;
  // The name is in parentheses and can contain any character, parentheses included.
  const end = stat.lastIndexOf(")");
  return { name: stat.slice(stat.indexOf("(") + 1, end), fields: stat.slice(end + 2).split(" ") };
}

/** Reads a file of /proc/PID; `undefined` if it cannot be read. */
export function readOf(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return undefined;
  }
}

/**
 * Kills processes that code in a box without its own namespace detached from its process group (`setsid`, daemons).
 * They are recognized by the home directory that they inherited, which is the box's workspace; a process that changed
 * it is not found. Has no effect without /proc.
 */
export function killStrays(workspace: string): void {
  const isStray = (pid: number) =>
    pid !== process.pid && readOf(pid, "environ")?.split("\0").includes(`HOME=${workspace}`) === true;
  for (let look = 0; look < MOST_LOOKS; look++) {
    const strays = listProcesses().filter(isStray);
    if (strays.length === 0) return;
    for (const pid of strays) sendSignal(pid, "SIGKILL");
  }
}

/** Follows only children for a number of generations; `undefined` if the system does not list children. */
export function findDescendant(pid: number, generations: number): number | undefined {
  if (generations === 0) return pid;
  // The oldest is first.
  const [child = ""] = (readOf(pid, `task/${pid}/children`) ?? "").split(" ");
  return /^\d+$/.test(child) ? findDescendant(Number(child), generations - 1) : undefined;
}

/** Identifies a process reliably: its number alone can be reused. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Ticks since system start. */
  readonly startedAt: string;
}

/** @returns `undefined` if the process does not exist, or without /proc */
export function identifyProcess(pid: number | undefined): ProcessIdentity | undefined {
  const startedAt = pid === undefined ? undefined : readStat(pid)?.fields[START_TIME];
  return pid === undefined || startedAt === undefined ? undefined : { pid, startedAt };
}

/** Returns whether a process has ended. The first one of a PID namespace ends after all others in it. */
export function hasEnded({ pid, startedAt }: ProcessIdentity): boolean {
  const { fields = [] } = readStat(pid) ?? {};
  // A zombie has ended, even if its parent has not read its status.
  return fields[START_TIME] !== startedAt || /^[ZX]$/.test(fields[0] ?? "");
}

/** Returns whether a process was stopped by a signal. */
export function isStopped(pid: number): boolean {
  return /^[Tt]$/.test(readState(pid) ?? "");
}

/** Stops a process. Resolves to whether it is stopped. */
export async function stopProcess(pid: number): Promise<boolean> {
  if (!sendSignal(pid, "SIGSTOP")) return false;
  // Without /proc the stop cannot be observed and is assumed.
  for (let attempt = 0; readState(pid) !== undefined; attempt++) {
    if (isStopped(pid)) return true;
    if (attempt === STOP_ATTEMPTS) return false;
    await delay(1);
  }
  return process.platform !== "linux";
}

/** @returns whether the process exists and could be signalled */
export function sendSignal(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

function readState(pid: number): string | undefined {
  return readStat(pid)?.fields[0];
}
