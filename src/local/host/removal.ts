import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { rm } from "node:fs/promises";

// Processes that were just killed may still be writing: the removal is tried again while they disappear.
const RETRIES = { recursive: true, force: true, maxRetries: 10, retryDelay: 50 } as const;

/**
 * What removes a directory where Node cannot: code in a sandbox may have taken away the permissions to do so, or have made
 * paths that are longer than the system takes at once. Both programs go from directory to directory instead. Of files no
 * permissions are changed: another name of one may be elsewhere.
 */
const programs = (directory: string) =>
  [
    ["find", [directory, "-type", "d", "!", "-perm", "-700", "-execdir", "chmod", "700", "{}", ";"]],
    ["rm", ["-rf", directory]],
  ] as const;
/** `find` refuses to run where a relative directory is searched for programs. */
const OPTIONS = { stdio: "ignore", env: { PATH: "/usr/local/bin:/usr/bin:/bin" } } as const;

/** Removes a directory, whatever code in a sandbox has done to it. @throws {Error} where it cannot be removed all the same */
export async function removeTree(directory: string): Promise<void> {
  try {
    await rm(directory, RETRIES);
  } catch {
    for (const [program, args] of programs(directory)) {
      const child = spawn(program, args, OPTIONS);
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
    for (const [program, args] of programs(directory)) spawnSync(program, args, OPTIONS);
  }
}
