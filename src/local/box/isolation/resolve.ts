import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { SandboxException } from "../../../errors.js";
import { onPath } from "../../languages/search.js";
import { Bubblewrap, outerNamespace } from "./bubblewrap.js";
import type { Isolation, IsolationName } from "./isolation.js";
import { NoIsolation } from "./none.js";
import { SandboxExec } from "./sandbox-exec.js";

/** How to isolate boxes from the host: `"auto"` uses the best isolation available, and fails without any. */
export type IsolationMode = "auto" | IsolationName;

const WITHOUT = `or, for code that you trust, start the server with isolation: "none" (on the command line: --isolation none).`;

/**
 * Finds the isolation that works on this machine by trying it.
 *
 * @throws {SandboxException} `NO_ISOLATION`, with what to do about it
 */
export async function resolveIsolation(mode: IsolationMode, signal?: AbortSignal): Promise<Isolation> {
  if (mode === "none") return new NoIsolation();
  if (mode === "sandbox-exec" || process.platform === "darwin") {
    if (process.platform === "darwin" && mode !== "bubblewrap" && (await trySandboxExec(signal))) {
      return new SandboxExec();
    }
    throw unusable(
      `The local server cannot isolate code with sandbox-exec here: sandbox-exec exists only on macOS. Run the server on macOS or, with bubblewrap, on Linux, ${WITHOUT}`,
    );
  }
  if (process.platform !== "linux") {
    throw unusable(
      `On ${process.platform} the local server cannot isolate code yet. Run it on Linux, in a container or a virtual machine, ${WITHOUT}`,
    );
  }
  // Boxes start with their own search path, which may not contain it.
  const [executable = "bwrap"] = onPath("bwrap");
  const nesting = await attempt([executable], ["--disable-userns"], signal);
  // Versions before 0.8 do not support this option.
  const plain = nesting.works || nesting.missing ? nesting : await attempt([executable], [], signal);
  if (plain.works) {
    const isRecent = nesting.works;
    const options = isRecent ? ["--disable-userns"] : [];
    const outer = outerNamespace(process.getuid?.() === 0);
    const [program = "", ...before] = outer;
    const { works } = await attempt([program, ...before, "/dev/null", executable], options, signal);
    return new Bubblewrap(executable, { isRecent, outer: works ? outer : [] });
  }
  throw unusable(plain.missing ? NOT_INSTALLED : describeRefusal(plain.complaint));
}

const NOT_INSTALLED = `The local server isolates code with bubblewrap, which is not installed. Install it (Debian, Ubuntu: apt-get install bubblewrap; Fedora: dnf install bubblewrap; Arch: pacman -S bubblewrap; Alpine: apk add bubblewrap), ${WITHOUT}`;

interface Attempt {
  readonly works: boolean;
  readonly missing: boolean;
  readonly complaint: string;
}

async function trySandboxExec(signal?: AbortSignal): Promise<boolean> {
  const profile = "(version 1)(allow default)";
  return (await attemptCommand("sandbox-exec", ["-p", profile, "/usr/bin/true"], signal)).works;
}

function attempt(
  [program, ...before]: readonly [program: string, ...before: string[]],
  options: readonly string[],
  signal?: AbortSignal,
): Promise<Attempt> {
  return attemptCommand(
    program,
    [
      ...before,
      ...["--unshare-all", "--unshare-user", "--uid", "1000", "--gid", "1000", "--cap-drop", "ALL"],
      ...[...options, "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "true"],
    ],
    signal,
  );
}

function attemptCommand(executable: string, args: readonly string[], signal?: AbortSignal): Promise<Attempt> {
  return new Promise((resolve, reject) => {
    execFile(executable, args, { timeout: 20_000, signal }, (error, _stdout, stderr) => {
      if (signal?.aborted === true) reject(abortReason(signal));
      else resolve({ works: error === null, missing: error?.code === "ENOENT", complaint: stderr.trim() });
    });
  });
}

/** Returns the caller's abort reason unchanged. */
function abortReason(signal: AbortSignal): Error {
  return signal.reason as Error;
}

function describeRefusal(complaint: string): string {
  const said = complaint === "" ? "" : ` bubblewrap reported: ${complaint}.`;
  const [setting, value] = forbiddingSetting() ?? [];
  const remedy =
    setting === undefined
      ? "The system forbids user namespaces, as containers often do; allow them there (Docker: --security-opt seccomp=unconfined, and apparmor=unconfined where AppArmor is used)"
      : `The system forbids unprivileged user namespaces; allow them with "sudo sysctl -w ${setting}=${value ?? ""}"`;
  return `The local server isolates code with bubblewrap, which is installed but cannot create a sandbox here.${said} ${remedy}, ${WITHOUT}`;
}

/** Returns the kernel setting that forbids user namespaces: in Ubuntu 24.04, Debian before 11, hardened kernels. */
function forbiddingSetting(): readonly [string, string] | undefined {
  const settings = [
    ["kernel.apparmor_restrict_unprivileged_userns", "1", "0"],
    ["kernel.unprivileged_userns_clone", "0", "1"],
    ["user.max_user_namespaces", "0", "15000"],
  ] as const;
  for (const [name, forbids, allows] of settings) {
    try {
      const current = readFileSync(`/proc/sys/${name.replaceAll(".", "/")}`, "utf8").trim();
      if (current === forbids) return [name, allows];
    } catch {
      // This kernel does not have the setting.
    }
  }
  return undefined;
}

function unusable(message: string): SandboxException {
  return new SandboxException({ code: "NO_ISOLATION", message });
}
