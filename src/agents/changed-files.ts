import type { Commands } from "../index.js";
import type { ToolFile } from "./types.js";

/** The number of newest files to compare. */
const WINDOW = 200;
// ctime, since copying and unpacking give files the modification times of their originals.
const LIST = String.raw`{ find . \( -name '.?*' -o -name node_modules -o -name __pycache__ -o -name venv \) -prune -o -type f -printf '%C@ %s %P\n' 2>/dev/null || find . \( -name '.?*' -o -name node_modules -o -name __pycache__ -o -name venv \) -prune -o -type f -exec stat -f '%Fc %z %N' {} + 2>/dev/null; } | sort -rn | head -n ${WINDOW}`;

interface ListedFile extends ToolFile {
  readonly changedAt: number;
}

/**
 * Finds the files below the working directory that were created or changed between two calls. Each call runs one command
 * and compares the newest files with those of the previous call.
 */
export class ChangedFiles {
  readonly #commands: Commands;
  #seen: Promise<readonly ListedFile[]> | undefined;

  constructor(commands: Commands) {
    this.#commands = commands;
  }

  /** Records the current files, unless they were recorded before. */
  async begin(signal: AbortSignal): Promise<void> {
    this.#seen ??= this.#list(signal);
    await this.#seen;
  }

  /** Returns the files that were created or changed since the previous call, newest first. */
  async look(signal: AbortSignal): Promise<ToolFile[]> {
    const before = (await this.#seen) ?? [];
    const now = await this.#list(signal);
    this.#seen = Promise.resolve(now);
    const newest = before[0]?.changedAt ?? 0;
    const known = new Map(before.map((file) => [file.path, file]));
    return now
      .filter((file) => {
        const old = known.get(file.path);
        // A file older than the previous newest one is here only because other files were deleted.
        return file.changedAt >= newest && (old?.changedAt !== file.changedAt || old.size !== file.size);
      })
      .map(({ path, size }) => ({ path, size }));
  }

  /** Records the current files as known, after a change that was already reported to the model. */
  async skip(signal: AbortSignal): Promise<void> {
    if (this.#seen !== undefined) await this.look(signal);
  }

  async #list(signal: AbortSignal): Promise<ListedFile[]> {
    const { stdout } = await this.#commands.run(LIST, { signal, timeoutSeconds: 10 });
    return stdout.split("\n").flatMap((line) => {
      const [, changedAt, size, path] = /^([\d.]+) (\d+) (?:\.\/)?(.+)$/.exec(line) ?? [];
      return path === undefined ? [] : [{ changedAt: Number(changedAt), size: Number(size), path }];
    });
  }
}
