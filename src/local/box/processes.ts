/** Processes as the system shows them: those of boxes to the host, a box's own to its supervisor. */
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/** The unit of times in /proc/PID/stat; the kernel has reported in it on every architecture for decades. */
export const TICKS_PER_SECOND = 100;
/** Where the start time is among the fields of {@link ProcessStat}. */
const START_TIME = 19;
const STOP_ATTEMPTS = 500;
/** A process can start another between two looks; after this many looks the race with a process that does nothing else ends. */
const MOST_LOOKS = 20;

/** What /proc/PID/stat says of a process. */
export interface ProcessStat {
  readonly name: string;
  /** Everything after the name, from the state on. */
  readonly fields: readonly string[];
}

/** Every process that can be seen; none where there is no /proc. */
export function listProcesses(): number[] {
  try {
    return readdirSync("/proc")
      .map(Number)
      .filter((pid) => pid > 0);
  } catch {
    return [];
  }
}

/** @returns `undefined` for a process that there is not (any more), or where there is no /proc */
export function readStat(pid: number): ProcessStat | undefined {
  const stat = readOf(pid, "stat");
  if (stat === undefined) return undefined;
  // The name is in parentheses and may contain anything, these included.
  const end = stat.lastIndexOf(")");
  return { name: stat.slice(stat.indexOf("(") + 1, end), fields: stat.slice(end + 2).split(" ") };
}

/** A file of /proc/PID; `undefined` where it cannot be read. */
export function readOf(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return undefined;
  }
}

/**
 * Ends what code in a box without a namespace of its own has put out of reach of its process group (`setsid`, daemons).
 * Such processes are known by the home directory that they inherited, which is a box's workspace and nothing else's; one
 * that has changed it is not found. Where there is no /proc nothing is.
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

/** The only child of the only child …, so many generations down; `undefined` where the system does not tell. */
export function findDescendant(pid: number, generations: number): number | undefined {
  if (generations === 0) return pid;
  // The oldest comes first.
  const [child = ""] = (readOf(pid, `task/${pid}/children`) ?? "").split(" ");
  return /^\d+$/.test(child) ? findDescendant(Number(child), generations - 1) : undefined;
}

/** A process that is recognized again: its number alone may soon be another's. */
export interface KnownProcess {
  readonly pid: number;
  /** Ticks since the system was started. */
  readonly startedAt: string;
}

/** @returns `undefined` where there is no such process, or no /proc */
export function knowProcess(pid: number | undefined): KnownProcess | undefined {
  const startedAt = pid === undefined ? undefined : readStat(pid)?.fields[START_TIME];
  return pid === undefined || startedAt === undefined ? undefined : { pid, startedAt };
}

/** Whether a process has ended. The first one of a PID namespace ends after every other process in it. */
export function hasEnded({ pid, startedAt }: KnownProcess): boolean {
  const { fields = [] } = readStat(pid) ?? {};
  // A zombie has ended, though its parent has not asked for its status.
  return fields[START_TIME] !== startedAt || /^[ZX]$/.test(fields[0] ?? "");
}

/** Whether a process was stopped by a signal. */
export function isStopped(pid: number): boolean {
  return /^[Tt]$/.test(readState(pid) ?? "");
}

/** Stops a process and resolves to whether it is. */
export async function stopProcess(pid: number): Promise<boolean> {
  if (!sendSignal(pid, "SIGSTOP")) return false;
  // What cannot be observed has to be believed.
  for (let attempt = 0; readState(pid) !== undefined; attempt++) {
    if (isStopped(pid)) return true;
    if (attempt === STOP_ATTEMPTS) return false;
    await delay(1);
  }
  return process.platform !== "linux";
}

/** @returns whether there was such a process, and it could be reached */
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
