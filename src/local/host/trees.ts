import { execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { DATA_DIRECTORIES, type Isolation } from "../box/isolation/isolation.js";

/** Processes that were just killed may still be writing: an incomplete removal is repeated while they disappear. */
const ATTEMPTS = 10;
const RETRY_DELAY_MS = 50;
/** How much of a program's complaint an error repeats. */
const COMPLAINT_CHARS = 2000;

/**
 * `rm` opens each directory relative to its parent, whatever the length of the path. Where it fails, code in a box may have
 * taken away the owner's permissions. The modes of files stay as they are: a file may have another name elsewhere.
 */
const REMOVE = `
rm -rf -- "$@" && exit
find "$@" -type d ! -perm -700 -execdir chmod 700 {} ';'
rm -rf -- "$@"
`;

/** `find` refuses to run where a relative directory is searched for programs. Nothing else of the environment is needed. */
const ENVIRONMENT = { PATH: "/usr/local/bin:/usr/bin:/bin" };

/**
 * Copies and removes what code in a box can write, or could write a moment ago.
 *
 * The host itself never walks such a tree: a process that is still dying can exchange a directory for a link to the user's
 * files between two system calls. The work is done by programs in a box of their own, which sees the tree and nothing else
 * of the user's, so that such a link leads nowhere. That also keeps the cost of millions of names out of this process.
 * No other module of the host may remove, copy or list these trees; the linter forbids the functions for it.
 */
export class Trees {
  readonly #isolation: Isolation;

  constructor(isolation: Isolation) {
    this.#isolation = isolation;
  }

  /** Copies the data directories of a box into a directory that has none. @throws {Error} with what the program said */
  async copy(from: string, to: string, signal?: AbortSignal): Promise<void> {
    const [program, ...args] = this.#isolation.confine({ from, to }, (inside) => [
      // Keeps hard links, pipes, times and permissions, which no function of Node.js does. Links are not followed.
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
   * Removes everything from a directory except the entries named in `kept`.
   *
   * @returns whether nothing else is left
   */
  async empty(directory: string, kept: readonly string[] = []): Promise<boolean> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (attempt > 0) await delay(RETRY_DELAY_MS);
      const command = this.#removal(directory, kept);
      if (command === undefined) return true;
      // At the lowest priority: the boxes that go on are what people wait for.
      const child = spawn("nice", ["-n", "19", ...command], {
        stdio: "ignore",
        env: ENVIRONMENT,
        detached: true,
      });
      await once(child, "close").catch(() => undefined);
    }
    return this.#removal(directory, kept) === undefined;
  }

  /** {@link empty} for the end of the process, when nothing asynchronous happens any more. */
  emptySync(directory: string, kept: readonly string[], timeoutMs: number): boolean {
    const deadline = Date.now() + timeoutMs;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const command = this.#removal(directory, kept);
      if (command === undefined) return true;
      const left = deadline - Date.now();
      if (left <= 0) return false;
      const [program, ...args] = command;
      // In a session of its own: a terminal that is closed sends SIGHUP to everything in this one.
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

  /** @returns `undefined` where there is nothing to remove */
  #removal(directory: string, kept: readonly string[]): readonly [string, ...string[]] | undefined {
    // Of the directory itself every name is the host's own.
    const names = readdirSync(directory).filter((name) => !kept.includes(name));
    if (names.length === 0) return undefined;
    return this.#isolation.confine({ to: directory }, ({ to }) => [
      ...["sh", "-c", REMOVE, "sh"],
      ...names.map((name) => path.join(to, name)),
    ]);
  }
}
