import { chmodSync, lstatSync, readdirSync, rmSync } from "node:fs";
import { chmod, lstat, readdir, rm } from "node:fs/promises";
import path from "node:path";

// Processes that were just killed may still be writing: the removal is tried again while they disappear.
const RETRIES = { recursive: true, force: true, maxRetries: 10, retryDelay: 50 } as const;

/** Removes a directory, also where code in a sandbox took away the permissions to do so. */
export async function removeTree(directory: string): Promise<void> {
  try {
    await rm(directory, RETRIES);
  } catch {
    await unlock(directory).catch(() => undefined);
    await rm(directory, RETRIES);
  }
}

/** {@link removeTree} for the end of the process, when nothing asynchronous happens any more. It does what it can. */
export function removeTreeSync(directory: string): void {
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      rmSync(directory, RETRIES);
      return;
    } catch {
      try {
        unlockSync(directory);
      } catch {
        // Something else is being removed meanwhile, or is not ours.
      }
    }
  }
}

async function unlock(directory: string): Promise<void> {
  if (!(await lstat(directory)).isDirectory()) return;
  await chmod(directory, 0o700);
  for (const name of await readdir(directory)) await unlock(path.join(directory, name));
}

function unlockSync(directory: string): void {
  if (!lstatSync(directory).isDirectory()) return;
  chmodSync(directory, 0o700);
  for (const name of readdirSync(directory)) unlockSync(path.join(directory, name));
}
