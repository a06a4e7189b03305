import type { FileMode } from "./mode.js";
import { attempt, failure, modeOf, nodeFileSystem } from "./local-file.js";

/** A file below a local directory. */
export interface LocalEntry {
  readonly local: string;
  /** Its path below the directory, with `/` between the names. */
  readonly relative: string;
  readonly size: number;
  readonly mode: FileMode;
}

/** What is in a local directory, at any depth. */
export interface LocalTree {
  readonly files: readonly LocalEntry[];
  /** Their paths below the directory, each before what is in it; the directory itself is `""`. */
  readonly directories: readonly string[];
  /** Local paths of symbolic links and special files, which are not followed and not copied. */
  readonly skipped: readonly string[];
}

/** Tells whether a local path leads to a directory. @throws {SandboxException} `LOCAL_FILE` outside Node */
export async function isLocalDirectory(path: string): Promise<boolean> {
  const fs = nodeFileSystem();
  return await fs.stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}

/** Finds everything below a local directory, without following symbolic links in it. */
export async function walkLocal(root: string, signal: AbortSignal | undefined): Promise<LocalTree> {
  const fs = nodeFileSystem();
  const files: LocalEntry[] = [];
  const directories: string[] = [""];
  const skipped: string[] = [];
  // The list grows while it is gone through.
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
 * Makes a directory below another one, whose own parent is made too. A symbolic link in the place of either part is
 * refused: what is written into it would land elsewhere.
 */
export async function makeLocalDirectory(root: string, relative: string): Promise<void> {
  const fs = nodeFileSystem();
  const path = relative === "" ? root : `${root}/${relative}`;
  await attempt(path, async () => {
    await fs.mkdir(path, { recursive: relative === "" }).catch((error: unknown) => {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    });
    // The root itself is the caller's choice.
    const stats = relative === "" ? await fs.stat(path) : await fs.lstat(path);
    if (!stats.isDirectory()) throw failure(path, "expected a directory that is not a symbolic link");
  });
}
