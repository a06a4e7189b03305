import { readdir, stat } from "node:fs/promises";

/** A file without a name, which a process keeps in being by having it open. */
export interface HeldFile {
  readonly pid: number;
  readonly device: number;
  readonly bytes: number;
}

/** The open files of processes that have no name (any more), each once; what a process hides is not seen. */
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
