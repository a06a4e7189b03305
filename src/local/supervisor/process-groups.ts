/** Process groups: every process that the supervisor starts leads one. */
import { spawn, type ChildProcess } from "node:child_process";
import { OutputPipe } from "./pipes.js";
import { listProcesses, readStat, sendSignal } from "../box/processes.js";

const groups = new Set<number>();

/** How to start a process. */
export interface GroupOptions {
  /** An absolute path of an existing directory. */
  readonly cwd: string;
  /** The complete environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  /** What the process has as its descriptors. The write ends of pipes are closed here once it has them. */
  readonly stdio: readonly ("ignore" | "pipe" | OutputPipe)[];
}

/** Starts a process that leads a group of its own. @throws {Error} if the arguments are invalid */
export function startGroup(
  [program = "", ...args]: readonly string[],
  { stdio, ...options }: GroupOptions,
): ChildProcess {
  const descriptors = stdio.map((each) => (each instanceof OutputPipe ? each.writeEnd : each));
  try {
    const child = spawn(program, args, { ...options, detached: true, stdio: descriptors });
    trackGroup(child.pid);
    return child;
  } finally {
    for (const each of stdio) if (each instanceof OutputPipe) each.closeWriteEnd();
  }
}

/** Remembers a group for {@link killEveryGroup}. Its members can outlive its leader. */
export function trackGroup(leader: number | undefined): void {
  for (const group of groups) if (!hasMembers(group)) groups.delete(group);
  if (leader !== undefined) groups.add(leader);
}

function hasMembers(group: number): boolean {
  try {
    return process.kill(-group, 0);
  } catch {
    return false;
  }
}

/** Sends a signal to a whole group. Succeeds if the group is gone. */
export function signalGroup(leader: number | undefined, signal: NodeJS.Signals): void {
  // 0 would mean the supervisor's own group, and -1 everything.
  if (leader !== undefined && leader > 1) sendSignal(-leader, signal);
}

/** Kills the members of a group other than its leader. Has no effect without /proc. */
export function killFollowers(leader: number): void {
  for (const pid of listProcesses()) {
    const group = pid === leader ? undefined : readStat(pid)?.fields[2];
    if (group === String(leader)) sendSignal(pid, "SIGKILL");
  }
}

/**
 * Sends a signal to every process except the supervisor.
 *
 * @param isAlone - whether all visible processes belong to the sandbox. If not, only known groups are signalled.
 */
export function signalEverything(signal: NodeJS.Signals, isAlone: boolean): void {
  if (!isAlone) {
    for (const leader of groups) signalGroup(leader, signal);
    return;
  }
  // A single call, which no fork can escape. It skips the first process of the namespace and the caller.
  sendSignal(-1, signal);
}

/** Kills all remaining processes, for a supervisor that is not in a PID namespace. */
export function killEveryGroup(): void {
  for (const leader of groups) signalGroup(leader, "SIGKILL");
}

const SIGNAL_NAMES: Partial<Record<NodeJS.Signals, string>> = {
  SIGABRT: "aborted",
  SIGALRM: "alarm clock",
  SIGBUS: "bus error",
  SIGFPE: "floating point exception",
  SIGHUP: "hangup",
  SIGILL: "illegal instruction",
  SIGINT: "interrupt",
  SIGKILL: "killed",
  SIGPIPE: "broken pipe",
  SIGQUIT: "quit",
  SIGSEGV: "segmentation fault",
  SIGTERM: "terminated",
  SIGTRAP: "trace/breakpoint trap",
  SIGUSR1: "user defined signal 1",
  SIGUSR2: "user defined signal 2",
};

/** Returns Go's name for a signal, which execd reports. */
export function describeSignal(signal: NodeJS.Signals): string {
  return `signal: ${SIGNAL_NAMES[signal] ?? signal}`;
}
