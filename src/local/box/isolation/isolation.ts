import { mkdirSync } from "node:fs";
import path from "node:path";
import type { Assets } from "../../host/assets.js";
import type { Limits } from "../limits.js";
import type { InstalledRuntimes } from "../../languages/languages.js";

/** What a box is to look like, independent of how it is made. */
export interface BoxPlan {
  /** The box's own directory on the host, private, empty but for files that it is to begin with. */
  readonly directory: string;
  readonly assets: Assets;
  readonly runtimes: InstalledRuntimes;
  readonly network: "deny" | "allow";
  readonly limits: Limits;
  /** The cores that the box may use, as `taskset` takes them; `undefined`: all. */
  readonly cores: string | undefined;
}

/** How to start a box's supervisor, and where things are from its point of view. */
export interface BoxLaunch {
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment of the supervisor, and the base of that of what runs in the box. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly workspace: string;
  readonly scratch: string;
  /** The directory with the kernels' programs. */
  readonly kernels: string;
  /** What ends the supervisor together with everything that it started. */
  readonly endSignal: "SIGKILL" | "SIGTERM";
  /** Whether the box's supervisor sees no other processes than those of the box. */
  readonly isAlone: boolean;
  /** The directories of the box whose files count against its limit, and belong to a snapshot. */
  readonly directories: readonly string[];
  /** How many parents are between the process that is started and the supervisor. */
  readonly supervisorDepth: number;
}

/** What keeps a sandbox apart from this machine; `none` keeps nothing apart. */
export type IsolationName = "bubblewrap" | "sandbox-exec" | "none";

/** What a snapshot of a box keeps: the names of directories in the box's own. */
export const DATA_DIRECTORIES = ["workspace", "tmp"] as const;

/** Makes the directories for what a box's code writes, where a snapshot has not brought them. */
export function makeDataDirectories(directory: string): { workspace: string; temporary: string } {
  const workspace = path.join(directory, DATA_DIRECTORIES[0]);
  const temporary = path.join(directory, DATA_DIRECTORIES[1]);
  for (const created of [workspace, temporary]) mkdirSync(created, { mode: 0o700, recursive: true });
  return { workspace, temporary };
}

/** A way to separate boxes from the host and from each other. */
export interface Isolation {
  readonly name: IsolationName;
  /** Makes the box's directories on the host and says how to start it. */
  prepare(plan: BoxPlan): BoxLaunch;
  /**
   * Returns the command line that starts a program in a box of its own, without the network. Of the user's files it sees
   * nothing but the given directories: `from` read-only, `to` writable.
   *
   * @param program - the command line for it, from the paths of the directories as it sees them
   */
  confine<Directories extends Confined>(
    directories: Directories,
    program: (inside: Directories) => readonly string[],
  ): Command;
}

/** What a program may see that {@link Isolation.confine} starts. */
export interface Confined {
  readonly from?: string;
  readonly to: string;
}

export type Command = readonly [program: string, ...args: string[]];

/** The environment that every box starts with: nothing of it comes from the server's own. */
export function baseEnvironment(home: string, searchPath: readonly string[]): Record<string, string> {
  return {
    PATH: [...new Set([...searchPath, "/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"])].join(":"),
    HOME: home,
    USER: "sandbox",
    LOGNAME: "sandbox",
    SHELL: "/bin/bash",
    LANG: "C.UTF-8",
    TERM: "xterm",
  };
}

/**
 * The command line that starts a program with no descriptor but 0 to 3. Node marks only the first few inherited ones
 * as its own, so that what the host's own parent left open would otherwise reach the code in the box.
 */
export function withoutStrayDescriptors(command: readonly string[]): { command: string; args: string[] } {
  const close = 'for fd in /dev/fd/*; do fd=${fd##*/}; if [ "$fd" -gt 3 ]; then eval "exec $fd>&-"; fi; done';
  return { command: "bash", args: ["-c", `${close}; exec "$@"`, "bash", ...command] };
}

/**
 * The command line that starts a program with the limits that the kernel enforces for each process, and that its
 * children inherit. Limits that a system does not know or allow are skipped.
 */
export function withLimits(plan: BoxPlan, command: readonly string[], processes: boolean): string[] {
  const { limits, cores } = plan;
  const settings = [
    "ulimit -c 0",
    `ulimit -d ${Math.ceil((limits.memoryBytes + reservedByNode(plan)) / 1024)}`,
    `ulimit -f ${Math.ceil(limits.diskBytes / 1024)}`,
    // The supervisor's own threads count as well.
    ...(processes ? [`ulimit -u ${limits.processes + SUPERVISOR_THREADS}`] : []),
    ...(cores === undefined ? [] : [`taskset -cp ${cores} $$`]),
  ];
  const script = `{ ${settings.join("; ")}; } >/dev/null 2>&1`;
  return ["bash", "-c", `${script}; exec "$@"`, "bash", ...command];
}

/**
 * From version 24 on, Node.js reserves 512 MiB for the code of each thread without using them, and the kernel counts them as
 * data. A kernel has two such threads, and its programs may start some.
 */
function reservedByNode({ runtimes }: BoxPlan): number {
  const versions = [process.versions.node, runtimes.node?.version ?? "0"];
  return versions.some((version) => Number.parseInt(version, 10) >= 24) ? 4 * 512 * 2 ** 20 : 0;
}

const SUPERVISOR_THREADS = 32;
