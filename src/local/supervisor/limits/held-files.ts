import { readdir, stat } from "node:fs/promises";

/** An open file without a name, which exists as long as a process holds it. */
export interface HeldFile {
  readonly pid: number;
  readonly device: number;
  readonly bytes: number;
}

/**
 * Lists the open files of processes that no longer have a name, each once. Files that a process hides are not found.
 */
export async function heldFiles(pids: readonly number[]): Promise<HeldFile[]> {
  const found = new Map<string, HeldFile>();
  for (const pid of pids) {
    const directory = `/proc/${pid}/fd`;
    for (const descriptor of await readdir(directory).catch(() => [])) {
      const file = await stat(`${directory}/${descriptor}`).catch(() => undefined);
      if (file?.isFile() !== true || file.nlink > 0) continue;
      const { dev: device, ino, blocks } = file;
      found.set(`${device}:${ino}`, { pid, device, bytes: blocks * 512 });
    }
  }
  return [...found.values()];
}
