import { constants, lstatSync, type Stats } from "node:fs";
import { chmod, lstat, open, opendir } from "node:fs/promises";
import path from "node:path";

/** Longer paths are begun anew from where they are; the system takes no more than 4096 bytes at once. */
const LONGEST_PATH_BYTES = 3000;
/** What an owner needs to list a directory and to look at what is in it. */
const LOOK_INTO = 0o500;
const BLOCK_BYTES = 512;
/** So many files are looked at before others get their turn. */
const BATCH = 128;
/** Empty files take no blocks, but a disk can be full of them. */
const LEAST_BYTES = 1024;

/**
 * The bytes that directories and what is below them take on disk, each file once, whatever its names. Links are not
 * followed.
 */
export async function diskUsage(directories: readonly string[]): Promise<number> {
  const walk = new Walk();
  let total = 0;
  for (const directory of directories) total += await walk.measure(directory);
  return total;
}

class Walk {
  /** Files with several names that have been counted. */
  readonly #counted = new Set<string>();

  async measure(directory: string): Promise<number> {
    try {
      if (Buffer.byteLength(directory) > LONGEST_PATH_BYTES) return await this.#measureByHandle(directory);
      const { mode, blocks } = await lstat(directory);
      const isOpen = (mode & LOOK_INTO) === LOOK_INTO;
      const within = isOpen ? this.#measureEntries(directory) : this.#measureLocked(directory, mode);
      return bytesOf(blocks) + (await within);
    } catch {
      return 0; // removed meanwhile
    }
  }

  async #measureEntries(directory: string): Promise<number> {
    let total = 0;
    for await (const entry of await opendir(directory, { bufferSize: BATCH })) {
      const file = path.join(directory, entry.name);
      total += entry.isDirectory() ? await this.measure(file) : this.#measureFile(file);
    }
    return total;
  }

  #measureFile(file: string): number {
    const stats = lookAt(file);
    if (stats === undefined) return 0;
    if (stats.nlink > 1) {
      const id = `${stats.dev}:${stats.ino}`;
      if (this.#counted.has(id)) return 0;
      this.#counted.add(id);
    }
    return bytesOf(stats.blocks);
  }

  /** Code can make a tree as deep as it likes, by going into it. */
  async #measureByHandle(directory: string): Promise<number> {
    const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants;
    const handle = await open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    try {
      return await this.measure(`/proc/self/fd/${handle.fd}/.`);
    } finally {
      await handle.close();
    }
  }

  /** What its owner has locked away takes room, too. */
  async #measureLocked(directory: string, mode: number): Promise<number> {
    await chmod(directory, mode | LOOK_INTO);
    try {
      return await this.#measureEntries(directory);
    } finally {
      await chmod(directory, mode);
    }
  }
}

/** Without a detour through other threads, which takes many times as long. */
function lookAt(file: string): Stats | undefined {
  try {
    return lstatSync(file, { throwIfNoEntry: false });
  } catch {
    return undefined; // locked away meanwhile
  }
}

function bytesOf(blocks: number): number {
  return Math.max(blocks * BLOCK_BYTES, LEAST_BYTES);
}
