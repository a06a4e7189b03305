import { constants, lstatSync, type Stats } from "node:fs";
import { chmod, lstat, open, opendir } from "node:fs/promises";
import path from "node:path";

/** Longer paths are opened step by step: the system accepts at most 4096 bytes. */
const LONGEST_PATH_BYTES = 3000;
/** The permissions that an owner needs to list a directory and read its entries. */
const LOOK_INTO = 0o500;
const BLOCK_BYTES = 512;
/** The number of files between pauses for other work. */
const BATCH = 128;
/** The minimum size of an entry: empty files and hard links use no blocks, but can fill a disk and its directories. */
const BYTES_PER_NAME = 4096;

/**
 * Measures the disk space of directories and everything in them. The blocks of a file are divided among its hard links,
 * so that they count once without a list of visited files. Links are not followed.
 *
 * @param options.enough - stops early once the result exceeds this
 * @param options.except - files and directories that are left out
 */
export async function diskUsage(
  directories: readonly string[],
  { enough = Infinity, except = [] }: DiskUsageOptions = {},
): Promise<number> {
  const walk = new Walk(enough, new Set(except));
  for (const directory of directories) await walk.measure(directory);
  return walk.total;
}

interface DiskUsageOptions {
  readonly enough?: number | undefined;
  readonly except?: readonly string[];
}

class Walk {
  total = 0;
  readonly #enough: number;
  readonly #except: ReadonlySet<string>;

  constructor(enough: number, except: ReadonlySet<string>) {
    this.#enough = enough;
    this.#except = except;
  }

  async measure(directory: string): Promise<void> {
    if (this.#except.has(directory)) return;
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
      // deleted meanwhile
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
    if (this.#except.has(file)) return;
    const stats = lookAt(file);
    if (stats !== undefined) this.#count(stats.blocks / Math.max(stats.nlink, 1));
  }

  #count(blocks: number): void {
    this.total += Math.max(blocks * BLOCK_BYTES, BYTES_PER_NAME);
  }

  /** Measures a directory through a descriptor: code can create a tree of any depth by changing into it. */
  async #measureByHandle(directory: string): Promise<void> {
    const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants;
    const handle = await open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    try {
      await this.measure(`/proc/self/fd/${handle.fd}/.`);
    } finally {
      await handle.close();
    }
  }

  /** Measures a directory that its owner may not read. */
  async #measureLocked(directory: string, mode: number): Promise<void> {
    await chmod(directory, mode | LOOK_INTO);
    try {
      await this.#measureEntries(directory);
    } finally {
      await chmod(directory, mode);
    }
  }
}

/** Synchronous, because the asynchronous calls take many times longer. */
function lookAt(file: string): Stats | undefined {
  try {
    return lstatSync(file, { throwIfNoEntry: false });
  } catch {
    return undefined; // made inaccessible meanwhile
  }
}
