import { mkdirSync } from "node:fs";
import path from "node:path";
import type { Assets } from "../../host/assets.js";
import type { Limits } from "../limits.js";
import type { Rules } from "../../egress/rules.js";
import type { InstalledRuntimes } from "../../languages/languages.js";
import type { BoxMount } from "./mounts.js";

/** What a box contains and may use, independent of the isolation. */
export interface BoxPlan {
  /** The box's private directory on the host. It is empty except for files to start with. */
  readonly directory: string;
  readonly assets: Assets;
  readonly runtimes: InstalledRuntimes;
  readonly network: BoxNetwork;
  /** What of the host the box sees. Only for an isolation that {@link Isolation.canMount}. */
  readonly mounts: readonly BoxMount[];
  readonly limits: Limits;
  /** The cores that the box may use, in the format of `taskset`; `undefined` for all. */
  readonly cores: string | undefined;
}

/** With rules, a box has no network either. The host makes the connections that they allow; see `EgressProxy`. */
export type BoxNetwork = "deny" | "allow" | Rules;

/** How to start the supervisor of a box, and the paths that it sees. */
export interface BoxLaunch {
  readonly command: string;
  readonly args: readonly string[];
  /** The complete environment of the supervisor, and the base for programs in the box. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly workspace: string;
  readonly scratch: string;
  /** The directory with the kernels' programs. */
  readonly kernels: string;
  /** The signal that ends the supervisor and everything it started. */
  readonly endSignal: "SIGKILL" | "SIGTERM";
  /** Whether the supervisor sees only the processes of the box. */
  readonly isAlone: boolean;
  /** The directories whose files count towards the disk limit and belong to a snapshot. */
  readonly directories: readonly string[];
  /** Paths in them that do not count, because something of this machine is mounted there. */
  readonly mounted: readonly string[];
  /** The number of processes between the started process and the supervisor. */
  readonly supervisorDepth: number;
}

/** How sandboxes are isolated from this machine. `none` does not isolate. */
export type IsolationName = "bubblewrap" | "sandbox-exec" | "none";

/** The directories of a box that a snapshot contains. */
export const DATA_DIRECTORIES = ["workspace", "tmp"] as const;

/** Creates the directories for files of the box's code, unless a snapshot provided them. */
export function makeDataDirectories(directory: string): { workspace: string; temporary: string } {
  const workspace = path.join(directory, DATA_DIRECTORIES[0]);
  const temporary = path.join(directory, DATA_DIRECTORIES[1]);
  for (const created of [workspace, temporary]) mkdirSync(created, { mode: 0o700, recursive: true });
  return { workspace, temporary };
}

/** Isolates boxes from the host and from each other. */
export interface Isolation {
  readonly name: IsolationName;
  /** Whether boxes have paths of their own, so that something can be mounted there. */
  readonly canMount: boolean;
  /** Whether a box can be kept from all connections but those that the host makes for it. */
  readonly hasNetworkRules: boolean;
  /** Creates the directories of a box on the host and returns how to start it. */
  prepare(plan: BoxPlan): BoxLaunch;
  /**
   * Returns the command line that starts a program in its own box, without network. Of the user's files it sees only
   * the given directories: `from` read-only, `to` writable.
   *
   * @param program - returns the command line for the paths of the directories inside that box
   */
  confine<Directories extends Confined>(
    directories: Directories,
    program: (inside: Directories) => readonly string[],
  ): Command;
}

/** The directories that a program started by {@link Isolation.confine} sees. */
export interface Confined {
  readonly from?: string;
  readonly to: string;
}

export type Command = readonly [program: string, ...args: string[]];

/** Returns the initial environment of every box. It takes nothing from the environment of the server. */
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

/** Creates the directories of a box that has the paths and processes of the host, and returns all but its command. */
export function launchOnHost(
  { directory, assets }: BoxPlan,
  searchPath: readonly string[],
): Omit<BoxLaunch, "command" | "args"> {
  const { workspace, temporary } = makeDataDirectories(directory);
  const scratch = path.join(directory, "pipes");
  mkdirSync(scratch, { mode: 0o700 });
  return {
    env: { ...baseEnvironment(workspace, searchPath), TMPDIR: temporary },
    cwd: workspace,
    workspace,
    scratch,
    kernels: assets.kernels,
    // Only the supervisor can end what it started.
    endSignal: "SIGTERM",
    isAlone: false,
    directories: [workspace, temporary],
    mounted: [],
    supervisorDepth: 0,
  };
}

/**
 * Returns the command line that starts a program with only the descriptors 0 to 3. Node.js sets close-on-exec only on
 * the first few inherited ones, so that files opened by the host's parent would reach code in the box.
 */
export function withoutStrayDescriptors(command: readonly string[]): { command: string; args: string[] } {
  const close = 'for fd in /dev/fd/*; do fd=${fd##*/}; if [ "$fd" -gt 3 ]; then eval "exec $fd>&-"; fi; done';
  return { command: "bash", args: ["-c", `${close}; exec "$@"`, "bash", ...command] };
}

/**
 * Returns the command line that starts a program with the kernel's limits per process, which its children inherit.
 * Limits that the system does not support or allow are skipped.
 */
export function withLimits(plan: BoxPlan, command: readonly string[], processes: boolean): string[] {
  const { limits, cores } = plan;
  const settings = [
    "ulimit -c 0",
    `ulimit -d ${Math.ceil((limits.memoryBytes + reservedByNode(plan)) / 1024)}`,
    `ulimit -f ${Math.ceil(limits.diskBytes / 1024)}`,
    // The threads of the supervisor count as well.
    ...(processes ? [`ulimit -u ${limits.processes + SUPERVISOR_THREADS}`] : []),
    ...(cores === undefined ? [] : [`taskset -cp ${cores} $$`]),
  ];
  const script = `{ ${settings.join("; ")}; } >/dev/null 2>&1`;
  return ["bash", "-c", `${script}; exec "$@"`, "bash", ...command];
}

/**
 * Returns the memory that Node.js 24 and newer reserves without using it: 512 MiB per thread for code, which the kernel
 * counts as data. A kernel has two such threads, and its programs may start more.
 */
function reservedByNode({ runtimes }: BoxPlan): number {
  const versions = [process.versions.node, runtimes.node?.version ?? "0"];
  return versions.some((version) => Number.parseInt(version, 10) >= 24) ? 4 * 512 * 2 ** 20 : 0;
}

const SUPERVISOR_THREADS = 32;
