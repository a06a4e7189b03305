import { execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { DATA_DIRECTORIES, type Isolation } from "../box/isolation/isolation.js";

/** Killed processes may still be writing, so an incomplete removal is repeated until they are gone. */
const ATTEMPTS = 10;
const RETRY_DELAY_MS = 50;
/** How much of a program's error output a message includes. */
const COMPLAINT_CHARS = 2000;

/**
 * `rm` opens each directory relative to its parent, so paths can have any length. If it fails, code in a box may have
 * removed the owner's permissions on directories; these are restored. File modes stay unchanged, as a file can have a
 * hard link elsewhere.
 */
const REMOVE = `
rm -rf -- "$@" && exit
find "$@" -type d ! -perm -700 -execdir chmod 700 {} ';'
rm -rf -- "$@"
`;

/** The only variable that the programs need. `find` refuses to run if the search path contains a relative directory. */
const ENVIRONMENT = { PATH: "/usr/local/bin:/usr/bin:/bin" };

/**
 * Copies and removes files that code in a box can write, or recently could.
 *
 * The host never walks such a tree itself: between two system calls, a process that is still ending can replace a
 * directory by a link to the user's files. Programs in their own box do the work. That box sees the tree but none of
 * the user's files, so such a link leads nowhere. It also keeps the cost of millions of names out of this process. No
 * other module of the host may remove, copy or list these trees; the linter forbids the functions for it.
 */
export class Trees {
  readonly #isolation: Isolation;

  constructor(isolation: Isolation) {
    this.#isolation = isolation;
  }

  /** Copies the data directories of a box into an empty directory. @throws {Error} with the program's error output */
  async copy(from: string, to: string, signal?: AbortSignal): Promise<void> {
    const [program, ...args] = this.#isolation.confine({ from, to }, (inside) => [
      // Keeps hard links, pipes, times and permissions, which no function of Node.js does, and does not follow links.
      ...["cp", "-a"],
      ...DATA_DIRECTORIES.map((name) => path.join(inside.from, name)),
      inside.to,
    ]);
    await new Promise<void>((resolve, reject) => {
      execFile(
        program,
        args,
        { signal, killSignal: "SIGKILL", env: ENVIRONMENT },
        (error, _out, complaint) => {
          if (error === null) return resolve();
          const reason = complaint === "" ? error.message : complaint.trim().slice(-COMPLAINT_CHARS);
          reject(new Error(`The files could not be copied: ${reason}`));
        },
      );
    });
  }

  /**
   * Removes everything from a directory except the entries in `kept`.
   *
   * @returns whether nothing else is left
   */
  async empty(directory: string, kept: readonly string[] = []): Promise<boolean> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (attempt > 0) await delay(RETRY_DELAY_MS);
      const command = this.#removal(directory, kept);
      if (command === undefined) return true;
      // At the lowest priority, in favour of running boxes.
      const child = spawn("nice", ["-n", "19", ...command], {
        stdio: "ignore",
        env: ENVIRONMENT,
        detached: true,
      });
      await once(child, "close").catch(() => undefined);
    }
    return this.#removal(directory, kept) === undefined;
  }

  /** Like {@link empty}, but synchronous. Used when the process exits. */
  emptySync(directory: string, kept: readonly string[], timeoutMs: number): boolean {
    const deadline = Date.now() + timeoutMs;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const command = this.#removal(directory, kept);
      if (command === undefined) return true;
      const left = deadline - Date.now();
      if (left <= 0) return false;
      const [program, ...args] = command;
      // In its own session: closing a terminal sends SIGHUP to everything in its session.
      const options = {
        stdio: "ignore",
        env: ENVIRONMENT,
        detached: true,
        timeout: left,
        killSignal: "SIGKILL",
      } as const;
      spawnSync(program, args, options);
    }
    return this.#removal(directory, kept) === undefined;
  }

  /** @returns `undefined` if there is nothing to remove */
  #removal(directory: string, kept: readonly string[]): readonly [string, ...string[]] | undefined {
    // In the directory itself, the host chose every name.
    const names = readdirSync(directory).filter((name) => !kept.includes(name));
    if (names.length === 0) return undefined;
    return this.#isolation.confine({ to: directory }, ({ to }) => [
      ...["sh", "-c", REMOVE, "sh"],
      ...names.map((name) => path.join(to, name)),
    ]);
  }
}
