import { spawnSync } from "node:child_process";
import { appendFileSync } from "node:fs";
import { describe } from "@jest/globals";

/**
 * Declares a group of tests if a condition holds. Otherwise skips it and reports the reason: to the file in
 * `SKIP_REPORT`, which scripts/test.mjs sets, or to the terminal.
 *
 * @example
 * ```ts
 * describeIf(isolationWorks, "local/isolation", "bubblewrap cannot create a sandbox here")("the box", () => { … });
 * ```
 */
export function describeIf(
  condition: boolean,
  group: string,
  reason: string,
): (name: string, tests: () => void) => void {
  if (condition) return describe;
  const report = process.env["SKIP_REPORT"];
  if (report === undefined) console.warn(`Skipped ${group}: ${reason}`);
  else appendFileSync(report, `${group}: ${reason}\n`);
  return describe.skip;
}

/** Whether bubblewrap can create a sandbox on this machine. Tried once per test file. */
export const isolationWorks: boolean = runs("bwrap", [
  ...["--unshare-all", "--unshare-user", "--uid", "1000", "--gid", "1000", "--cap-drop", "ALL"],
  ...["--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "true"],
]);

/** The reason to skip if {@link isolationWorks} is false. */
export const NO_ISOLATION_REASON =
  "bubblewrap is not installed or cannot create a sandbox here (apt-get install bubblewrap)";

/** Whether Python 3 can be started. */
export const hasPython: boolean = runs("python3", ["-c", ""]);

/**
 * Returns which of the modules a sandbox's `python3` can import. `-s` leaves out the user's own, which no sandbox sees.
 */
export function pythonModules(...names: readonly string[]): ReadonlySet<string> {
  const script = "import sys, importlib.util as i; print([n for n in sys.argv[1:] if i.find_spec(n)])";
  const { stdout } = spawnSync("python3", ["-s", "-c", script, ...names], { encoding: "utf8" });
  return new Set(names.filter((name) => hasPython && stdout.includes(`'${name}'`)));
}

/** Returns whether a program can be started and succeeds. */
export function runs(command: string, args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: "ignore", timeout: 120_000 }).status === 0;
}
