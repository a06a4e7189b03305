import { readdirSync, readFileSync } from "node:fs";

/** A process can start another between two looks; one that does nothing else is not raced for ever. */
const MOST_LOOKS = 20;

/**
 * Ends what code in a box without a namespace of its own has put out of reach of its process group (`setsid`, daemons).
 * Such processes are known by the home directory that they inherited, which is a box's workspace and nothing else's; one
 * that has changed it is not found. Where there is no /proc nothing is.
 */
export function killStrays(workspace: string): void {
  for (let look = 0; look < MOST_LOOKS; look++) {
    const strays = processesWithHome(workspace);
    if (strays.length === 0) return;
    for (const pid of strays) kill(pid);
  }
}

function processesWithHome(home: string): number[] {
  return listDirectory("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => environmentOf(pid).includes(`HOME=${home}`))
    .map(Number);
}

function environmentOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
  } catch {
    return []; // somebody else's, or gone
  }
}

function listDirectory(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It was faster.
  }
}
