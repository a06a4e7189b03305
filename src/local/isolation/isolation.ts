import type { Assets } from "../assets.js";
import type { PythonRuntime } from "../python.js";

/** What a box is to look like, independent of how it is made. */
export interface BoxPlan {
  /** The box's own directory on the host, empty, private. */
  readonly directory: string;
  readonly assets: Assets;
  readonly python: PythonRuntime | null;
  readonly network: "deny" | "allow";
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
}

/** A way to separate boxes from the host and from each other. */
export interface Isolation {
  readonly name: "bubblewrap" | "none";
  /** Makes the box's directories on the host and says how to start it. */
  prepare(plan: BoxPlan): BoxLaunch;
}

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
