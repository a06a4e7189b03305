import { constants, lstatSync, type Stats } from "node:fs";
import { chmod, lstat, open, opendir } from "node:fs/promises";
import path from "node:path";

/** Longer paths are continued relative to a descriptor; the system takes no more than 4096 bytes at once. */
const LONGEST_PATH_BYTES = 3000;
/** What an owner needs to list a directory and to look at what is in it. */
const LOOK_INTO = 0o500;
const BLOCK_BYTES = 512;
/** So many files are looked at before other work gets its turn. */
const BATCH = 128;
/** What every name counts at least: empty files and hard links take no blocks, but can fill a disk and its directories. */
const BYTES_PER_NAME = 4096;

/**
 * Measures the bytes that directories and what is below them take on disk. The blocks of a file are divided among its names,
 * so that they count once without a list of what was seen. Symbolic links are not followed.
 *
 * @param enough - where the walk may stop: what is returned is then more than this
 */
export async function diskUsage(directories: readonly string[], enough = Infinity): Promise<number> {
  const walk = new Walk(enough);
  for (const directory of directories) await walk.measure(directory);
  return walk.total;
}

class Walk {
  total = 0;
  readonly #enough: number;

  constructor(enough: number) {
    this.#enough = enough;
  }

  async measure(directory: string): Promise<void> {
    try {
      if (Buffer.byteLength(directory) > LONGEST_PATH_BYTES) {
        await this.#measureByHandle(directory);
        return;
      }
      const { mode, blocks } = await lstat(directory);
      this.#count(blocks);
      const isOpen = (mode & LOOK_INTO) === LOOK_INTO;
      await (isOpen ? this.#measureEntries(directory) : this.#measureLocked(directory, mode));
    } catch {
      // Removed meanwhile.
    }
  }

  async #measureEntries(directory: string): Promise<void> {
    for await (const entry of await opendir(directory, { bufferSize: BATCH })) {
      if (this.total > this.#enough) return;
      const file = path.join(directory, entry.name);
      if (entry.isDirectory()) await this.measure(file);
      else this.#measureFile(file);
    }
  }

  #measureFile(file: string): void {
    const stats = lookAt(file);
    if (stats !== undefined) this.#count(stats.blocks / Math.max(stats.nlink, 1));
  }

  #count(blocks: number): void {
    this.total += Math.max(blocks * BLOCK_BYTES, BYTES_PER_NAME);
  }

  /** Code can make a tree as deep as it likes, by going into it. */
  async #measureByHandle(directory: string): Promise<void> {
    const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants;
    const handle = await open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    try {
      await this.measure(`/proc/self/fd/${handle.fd}/.`);
    } finally {
      await handle.close();
    }
  }

  /** What its owner may not read takes room, too. */
  async #measureLocked(directory: string, mode: number): Promise<void> {
    await chmod(directory, mode | LOOK_INTO);
    try {
      await this.#measureEntries(directory);
    } finally {
      await chmod(directory, mode);
    }
  }
}

/** Synchronous, as the way through other threads takes many times as long. */
function lookAt(file: string): Stats | undefined {
  try {
    return lstatSync(file, { throwIfNoEntry: false });
  } catch {
    return undefined; // locked away meanwhile
  }
}
