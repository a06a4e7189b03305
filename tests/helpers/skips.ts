import { spawnSync } from "node:child_process";
import { appendFileSync } from "node:fs";
import { describe } from "@jest/globals";

/**
 * `describe` where a condition holds, else a skipped group whose reason is reported: in the file that `SKIP_REPORT`
 * names, as scripts/test.mjs sets it, or on the terminal.
 *
 * @example
 * ```ts
 * describeIf(isolationWorks, "local/isolation", "bubblewrap cannot make a sandbox here")("the box", () => { … });
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

/** Whether bubblewrap can make a sandbox on this machine; it is tried once for each test file. */
export const isolationWorks: boolean = runs("bwrap", [
  ...["--unshare-all", "--unshare-user", "--uid", "1000", "--gid", "1000", "--cap-drop", "ALL"],
  ...["--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "true"],
]);

/** Why {@link isolationWorks} may be false, as the reason of a skip. */
export const NO_ISOLATION_REASON =
  "bubblewrap is not installed or may not make a sandbox here (apt-get install bubblewrap)";

/** Whether a Python 3 can be started. */
export const hasPython: boolean = runs("python3", ["-c", ""]);

/** Which of some modules the `python3` of a sandbox can import: without the user's own (-s), which no sandbox sees. */
export function pythonModules(...names: readonly string[]): ReadonlySet<string> {
  const script = "import sys, importlib.util as i; print([n for n in sys.argv[1:] if i.find_spec(n)])";
  const { stdout } = spawnSync("python3", ["-s", "-c", script, ...names], { encoding: "utf8" });
  return new Set(names.filter((name) => hasPython && stdout.includes(`'${name}'`)));
}

/** Whether a program can be started and ends well. */
export function runs(command: string, args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: "ignore", timeout: 20_000 }).status === 0;
}
