import type { Commands } from "../index.js";
import type { ToolFile } from "./types.js";

/** How many of the newest files are looked at. */
const WINDOW = 200;
// ctime, since copying and unpacking give files the modification times of their originals.
const LIST = String.raw`{ find . \( -name '.?*' -o -name node_modules -o -name __pycache__ -o -name venv \) -prune -o -type f -printf '%C@ %s %P\n' 2>/dev/null || find . \( -name '.?*' -o -name node_modules -o -name __pycache__ -o -name venv \) -prune -o -type f -exec stat -f '%Fc %z %N' {} + 2>/dev/null; } | sort -rn | head -n ${WINDOW}`;

interface ListedFile extends ToolFile {
  readonly changedAt: number;
}

/**
 * Finds out which files below the working directory were created or changed between two looks. One command per look:
 * the newest files are compared with those of the look before.
 */
export class ChangedFiles {
  readonly #commands: Commands;
  #seen: Promise<readonly ListedFile[]> | undefined;

  constructor(commands: Commands) {
    this.#commands = commands;
  }

  /** Remembers the files as they are, unless that has been done. */
  async begin(signal: AbortSignal): Promise<void> {
    this.#seen ??= this.#list(signal);
    await this.#seen;
  }

  /** Returns what was created or changed since the last look, newest first. */
  async look(signal: AbortSignal): Promise<ToolFile[]> {
    const before = (await this.#seen) ?? [];
    const now = await this.#list(signal);
    this.#seen = Promise.resolve(now);
    const newest = before[0]?.changedAt ?? 0;
    const known = new Map(before.map((file) => [file.path, file]));
    return now
      .filter((file) => {
        const old = known.get(file.path);
        // What is older than the newest file of before was only moved up by deletions.
        return file.changedAt >= newest && (old?.changedAt !== file.changedAt || old.size !== file.size);
      })
      .map(({ path, size }) => ({ path, size }));
  }

  /** Takes the files as they are for known, after a change that the model was told of already. */
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
