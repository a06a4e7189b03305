import {
  accessSync,
  constants,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";

const ATTEMPTS = 500;
const INTERVAL_MS = 2;

/**
 * A control group (version 2): a set of processes and all their descendants, which the kernel freezes or kills as one,
 * and which none of them can leave. It is created below this process's own group, if this user may do that.
 *
 * Its memory is limited where the kernel supports it: by version 2, or by a second group of version 1 on systems that
 * have both.
 */
export class ControlGroup {
  readonly directory: string;
  /** The version 1 group that limits memory, if version 2 does not. */
  readonly memory: string | undefined;

  /** @param directory - the directory of an existing group */
  constructor(directory: string, memory?: string) {
    this.directory = directory;
    this.memory = memory;
  }

  /** Creates a group below the one of this process, or returns `undefined` if that is not possible. */
  static make(name: string): ControlGroup | undefined {
    const own = ownDirectory("cgroup2");
    return own === undefined
      ? undefined
      : new ControlGroup(parentFor(own), ownDirectory("memory")).makeChild(name);
  }

  /**
   * Creates a group below this one. Returns `undefined` if that is not possible, or if the kernel's groups lack a
   * required feature.
   */
  makeChild(name: string): ControlGroup | undefined {
    const directory = path.join(this.directory, name);
    try {
      mkdirSync(directory);
    } catch {
      return undefined;
    }
    const child = new ControlGroup(directory, makeMemoryGroup(this.memory, name));
    if (child.#read("cgroup.freeze") !== undefined && child.#processes() !== undefined) {
      // Allows groups below this one to limit memory.
      child.#write("cgroup.subtree_control", "+memory");
      return child;
    }
    child.#remove();
    return undefined;
  }

  /**
   * Limits the memory of all processes together, including the kernel's own for them: socket and pipe buffers, page
   * tables, files in memory. Has no effect if the kernel does not support it.
   */
  limitMemory(bytes: number): void {
    this.#write("memory.max", String(bytes));
    this.#write("memory.swap.max", "0");
    if (this.memory !== undefined)
      writeExisting(path.join(this.memory, "memory.limit_in_bytes"), String(bytes));
  }

  /**
   * Returns the command line that starts a program in this group, or outside of it if the kernel does not allow that.
   */
  enter(command: string, args: readonly string[]): { command: string; args: string[] } {
    const script =
      '{ echo 0 > "$0/cgroup.procs"; echo 0 > "$1/cgroup.procs"; } 2>/dev/null; shift; exec "$@"';
    return {
      command: "bash",
      args: ["-c", script, this.directory, this.memory ?? this.directory, command, ...args],
    };
  }

  has(pid: number): boolean {
    return this.#processes()?.includes(String(pid)) === true;
  }

  /** Freezes every process. Resolves to whether all are frozen. */
  async freeze(): Promise<boolean> {
    if (!this.#write("cgroup.freeze", "1")) return false;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (this.#read("cgroup.events")?.includes("frozen 1") === true) return true;
      await delay(INTERVAL_MS);
    }
    return false;
  }

  /** Continues every frozen process. */
  thaw(): void {
    this.#write("cgroup.freeze", "0");
  }

  /** Kills every process in this group and the groups below it, frozen ones too. */
  kill(): void {
    // Linux before 5.14 has no `cgroup.kill`; killing the first process of the box is enough there.
    this.#write("cgroup.kill", "1");
  }

  /** Kills what is left in the group and the groups below it, and removes them. */
  async end(): Promise<void> {
    this.kill();
    for (let attempt = 0; !this.#remove() && attempt < ATTEMPTS; attempt++) await delay(INTERVAL_MS);
  }

  /** Like {@link end}, but synchronous. Used when the host process exits. */
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

  /** @returns whether it is removed; processes that are still ending prevent it */
  #remove(): boolean {
    return [this.directory, this.memory].every(
      (directory) => directory === undefined || removeGroup(directory),
    );
  }

  #read(file: string): string | undefined {
    try {
      return readFileSync(path.join(this.directory, file), "utf8");
    } catch {
      return undefined;
    }
  }

  #write(file: string, text: string): boolean {
    return writeExisting(path.join(this.directory, file), text);
  }
}

/**
 * Returns the group to create others in. A group that contains processes cannot let the groups below it limit memory,
 * so limited ones are created beside it where that is allowed, as in a systemd session.
 */
function parentFor(own: string): string {
  const above = path.dirname(own);
  try {
    if (limitsMemoryBelow(own) || !limitsMemoryBelow(above)) return own;
    accessSync(path.join(above, "cgroup.procs"), constants.W_OK);
    accessSync(above, constants.W_OK);
    return above;
  } catch {
    return own;
  }
}

function limitsMemoryBelow(directory: string): boolean {
  return readFileSync(path.join(directory, "cgroup.subtree_control"), "utf8").split(/\s/).includes("memory");
}

function writeExisting(file: string, text: string): boolean {
  try {
    // Never create a file: in a control group the file exists.
    writeFileSync(file, text, { flag: "r+" });
    return true;
  } catch {
    return false;
  }
}

function makeMemoryGroup(parent: string | undefined, name: string): string | undefined {
  if (parent === undefined) return undefined;
  const directory = path.join(parent, name);
  try {
    mkdirSync(directory);
    return directory;
  } catch {
    return undefined;
  }
}

/** @returns whether a group and those below it are removed */
function removeGroup(directory: string): boolean {
  for (const name of childrenOf(directory)) removeGroup(path.join(directory, name));
  try {
    rmdirSync(directory);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "ENOENT";
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

/** Returns the directory of this process's own group: of version 2, or of a version 1 controller. */
function ownDirectory(kind: "cgroup2" | "memory"): string | undefined {
  const isWanted = (type: string | undefined, options: string | undefined) =>
    kind === "cgroup2" ? type === kind : type === "cgroup" && options?.split(",").includes(kind) === true;
  try {
    const line = kind === "cgroup2" ? /^0::(\/.*)$/m : /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(\/.*)$/m;
    const [, own] = line.exec(readFileSync("/proc/self/cgroup", "utf8")) ?? [];
    for (const mount of readFileSync("/proc/self/mountinfo", "utf8").split("\n")) {
      const [, , , root, mounted, ...rest] = mount.split(" ");
      if (own === undefined || root === undefined || mounted === undefined) continue;
      const [type, , options] = rest.slice(rest.indexOf("-") + 1);
      if (!isWanted(type, options)) continue;
      const relative = path.relative(root, own);
      if (!relative.startsWith("..")) return path.join(mounted, relative);
    }
  } catch {
    // Not Linux, or no control groups.
  }
  return undefined;
}
