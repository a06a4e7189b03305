import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { rm } from "node:fs/promises";

// Processes that were just killed may still be writing: the removal is tried again while they disappear.
const RETRIES = { recursive: true, force: true, maxRetries: 10, retryDelay: 50 } as const;

/**
 * What removes a directory where Node cannot: code in a sandbox may have taken away the permissions to do so, or have made
 * paths that are longer than the system takes at once. Both programs go from directory to directory instead.
 */
const PROGRAMS = [
  ["chmod", "-R", "u+rwX"],
  ["rm", "-rf"],
] as const;

/** Removes a directory, whatever code in a sandbox has done to it. @throws {Error} where it cannot be removed all the same */
export async function removeTree(directory: string): Promise<void> {
  try {
    await rm(directory, RETRIES);
  } catch {
    for (const [program, ...args] of PROGRAMS) {
      const child = spawn(program, [...args, directory], { stdio: "ignore" });
      await once(child, "close").catch(() => undefined);
    }
    await rm(directory, RETRIES);
  }
}

/** {@link removeTree} for the end of the process, when nothing asynchronous happens any more. It does what it can. */
export function removeTreeSync(directory: string): void {
  try {
    rmSync(directory, RETRIES);
  } catch {
    for (const [program, ...args] of PROGRAMS) spawnSync(program, [...args, directory], { stdio: "ignore" });
  }
}
