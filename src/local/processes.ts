/** The processes of boxes as the host sees them. */
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

const STOP_ATTEMPTS = 500;

/** The only child of the only child …, so many generations down; `undefined` where the system does not tell. */
export function findDescendant(pid: number, generations: number): number | undefined {
  if (generations === 0) return pid;
  try {
    // The oldest comes first.
    const [child = ""] = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ");
    return /^\d+$/.test(child) ? findDescendant(Number(child), generations - 1) : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a process was stopped by a signal. */
export function isStopped(pid: number): boolean {
  return /^[Tt]$/.test(readState(pid) ?? "");
}

/** When a process began, in the kernel's own time; `undefined` for one that there is not, or where it cannot be told. */
export function startTimeOf(pid: number): string | undefined {
  return readFields(pid)?.[19];
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
  return readFields(pid)?.[0];
}

/** The fields of /proc/PID/stat after the name, which may contain anything. */
function readFields(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}
