/** Signals to process groups: every process that the supervisor starts leads one. */
import { listProcesses, readStat, sendSignal } from "../box/processes.js";

const groups = new Set<number>();

/** Remembers a group for {@link killEveryGroup}, for as long as it has members: they can outlive its leader. */
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

/** Kills what is in a group beside its leader; where there is no /proc, nothing. */
export function killFollowers(leader: number): void {
  for (const pid of listProcesses()) {
    const group = pid === leader ? undefined : readStat(pid)?.fields[2];
    if (group === String(leader)) sendSignal(pid, "SIGKILL");
  }
}

/**
 * Sends a signal to everything that runs here but the supervisor.
 *
 * @param isAlone - whether every process that can be seen is the sandbox's; else it reaches what is still in its group
 */
export function signalEverything(signal: NodeJS.Signals, isAlone: boolean): void {
  if (!isAlone) {
    for (const leader of groups) signalGroup(leader, signal);
    return;
  }
  // In one step, which no fork escapes. It spares the first process of the namespace, and the caller.
  sendSignal(-1, signal);
}

/** The end of the supervisor outside a box, where no PID namespace takes its processes with it. */
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

/** How Go, and so execd, calls the end of a process by a signal. */
export function describeSignal(signal: NodeJS.Signals): string {
  return `signal: ${SIGNAL_NAMES[signal] ?? signal}`;
}
