import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";

const ATTEMPTS = 500;
const INTERVAL_MS = 2;

/**
 * A control group (version 2): a set of processes, and all that they start, that the kernel holds or ends as one, and that
 * none of them can leave or outwit. Below this process's own group, where this user may make one there.
 */
export class ControlGroup {
  readonly directory: string;

  /** @param directory - of an existing group */
  constructor(directory: string) {
    this.directory = directory;
  }

  /** Makes a group below the one that this process is in; `undefined` where that cannot be. */
  static make(name: string): ControlGroup | undefined {
    const parent = ownDirectory();
    return parent === undefined ? undefined : new ControlGroup(parent).makeChild(name);
  }

  /** Makes a group below this one; `undefined` where that cannot be, or groups have no such powers. */
  makeChild(name: string): ControlGroup | undefined {
    const directory = path.join(this.directory, name);
    try {
      mkdirSync(directory);
    } catch {
      return undefined;
    }
    const child = new ControlGroup(directory);
    if (child.#read("cgroup.freeze") !== undefined && child.#processes() !== undefined) return child;
    child.#remove();
    return undefined;
  }

  /** The command line that starts a program in this group. It runs outside where the kernel does not allow that. */
  enter(command: string, args: readonly string[]): { command: string; args: string[] } {
    const script = '{ echo 0 > "$0"; } 2>/dev/null; exec "$@"';
    return {
      command: "bash",
      args: ["-c", script, path.join(this.directory, "cgroup.procs"), command, ...args],
    };
  }

  has(pid: number): boolean {
    return this.#processes()?.includes(String(pid)) === true;
  }

  /** Holds every process; resolves to whether all are held. */
  async freeze(): Promise<boolean> {
    if (!this.#write("cgroup.freeze", "1")) return false;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (this.#read("cgroup.events")?.includes("frozen 1") === true) return true;
      await delay(INTERVAL_MS);
    }
    return false;
  }

  /** Lets every process go on. */
  thaw(): void {
    this.#write("cgroup.freeze", "0");
  }

  /** Ends every process, of groups below this one too; those that are held as well. */
  kill(): void {
    // Before Linux 5.14 a group cannot be killed as one; whoever uses it has ended what it knows of itself.
    this.#write("cgroup.kill", "1");
  }

  /** Ends what is left in the group and in those below it, and removes them. */
  async end(): Promise<void> {
    this.kill();
    for (let attempt = 0; !this.#remove() && attempt < ATTEMPTS; attempt++) await delay(INTERVAL_MS);
  }

  /** {@link end} for the end of the host's process, when nothing asynchronous happens any more. */
  endSync(): void {
    this.kill();
    const clock = new Int32Array(new SharedArrayBuffer(4));
    for (let attempt = 0; !this.#remove() && attempt < ATTEMPTS; attempt++) {
      Atomics.wait(clock, 0, 0, INTERVAL_MS);
    }
  }

  #processes(): string[] | undefined {
    return this.#read("cgroup.procs")?.split("\n");
  }

  /** @returns whether it is gone: what still ends keeps it */
  #remove(): boolean {
    for (const name of childrenOf(this.directory))
      new ControlGroup(path.join(this.directory, name)).#remove();
    try {
      rmdirSync(this.directory);
      return true;
    } catch (error) {
      return error instanceof Error && "code" in error && error.code === "ENOENT";
    }
  }

  #read(file: string): string | undefined {
    try {
      return readFileSync(path.join(this.directory, file), "utf8");
    } catch {
      return undefined;
    }
  }

  #write(file: string, text: string): boolean {
    try {
      // Only what is there: in a directory of another kind nothing is to be made.
      writeFileSync(path.join(this.directory, file), text, { flag: "r+" });
      return true;
    } catch {
      return false;
    }
  }
}

function childrenOf(directory: string): string[] {
  try {
    const entries = readdirSync(directory, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch {
    return [];
  }
}

/** Where this process's own group is among the files. */
function ownDirectory(): string | undefined {
  try {
    const [, own] = /^0::(\/.*)$/m.exec(readFileSync("/proc/self/cgroup", "utf8")) ?? [];
    for (const line of readFileSync("/proc/self/mountinfo", "utf8").split("\n")) {
      const [, , , root, mounted, ...rest] = line.split(" ");
      if (own === undefined || root === undefined || mounted === undefined) continue;
      if (rest[rest.indexOf("-") + 1] !== "cgroup2") continue;
      const relative = path.relative(root, own);
      if (!relative.startsWith("..")) return path.join(mounted, relative);
    }
  } catch {
    // No Linux, or no control groups.
  }
  return undefined;
}
