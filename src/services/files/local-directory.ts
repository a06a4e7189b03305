import type { FileMode } from "./mode.js";
import { attempt, failure, modeOf, nodeFileSystem } from "./local-file.js";

/** A file below a local directory. */
export interface LocalEntry {
  readonly local: string;
  /** The path relative to the directory, with `/` between the names. */
  readonly relative: string;
  readonly size: number;
  readonly mode: FileMode;
}

/** The content of a local directory, at any depth. */
export interface LocalTree {
  readonly files: readonly LocalEntry[];
  /** The relative paths of directories, each before its content. The directory itself is `""`. */
  readonly directories: readonly string[];
  /** The local paths of symbolic links and special files, which are not copied. */
  readonly skipped: readonly string[];
}

/** Returns whether a local path is a directory. @throws {SandboxException} `LOCAL_FILE` outside Node */
export async function isLocalDirectory(path: string): Promise<boolean> {
  const fs = nodeFileSystem();
  return await fs.stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}

/** Lists a local directory at any depth, without following symbolic links in it. */
export async function walkLocal(root: string, signal: AbortSignal | undefined): Promise<LocalTree> {
  const fs = nodeFileSystem();
  const files: LocalEntry[] = [];
  const directories: string[] = [""];
  const skipped: string[] = [];
  // The loop adds to the list over which it iterates.
  for (const directory of directories) {
    signal?.throwIfAborted();
    const path = directory === "" ? root : `${root}/${directory}`;
    for (const entry of await attempt(path, () => fs.readdir(path, { withFileTypes: true }))) {
      const relative = directory === "" ? entry.name : `${directory}/${entry.name}`;
      const local = `${root}/${relative}`;
      if (entry.isDirectory()) directories.push(relative);
      else if (entry.isFile()) {
        const stats = await attempt(local, () => fs.lstat(local));
        files.push({ local, relative, size: stats.size, mode: modeOf(stats) });
      } else skipped.push(local);
    }
  }
  return { files, directories, skipped };
}

/**
 * Creates a directory below another one, and its parent. Rejects a symbolic link in its place or its parent's: files would
 * be written elsewhere.
 */
export async function makeLocalDirectory(root: string, relative: string): Promise<void> {
  const fs = nodeFileSystem();
  const path = relative === "" ? root : `${root}/${relative}`;
  await attempt(path, async () => {
    await fs.mkdir(path, { recursive: relative === "" }).catch((error: unknown) => {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    });
    // The root is the caller's choice and may be a symbolic link.
    const stats = relative === "" ? await fs.stat(path) : await fs.lstat(path);
    if (!stats.isDirectory()) throw failure(path, "expected a directory that is not a symbolic link");
  });
}
