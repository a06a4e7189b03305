// Runs tests: `node scripts/test.mjs [jest's arguments]`. Prints jest's output, then what was skipped because this machine
// lacks something, and `N passed, N failed, N skipped` as the last line.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

// A test that leaves a handle open would keep jest running.
const EXIT_GRACE_MILLIS = 30_000;

const directory = mkdtempSync(join(tmpdir(), "skips-"));
const skipReport = join(directory, "skipped.txt");
process.on("exit", () => rmSync(directory, { recursive: true, force: true }));
// An interrupt from the terminal reaches jest too, whose end this waits for to print the totals.
process.on("SIGINT", () => undefined);

const { totals, code } = await runJest(process.argv.slice(2), { SKIP_REPORT: skipReport });
const skips = readSkips();
const mayNotSkip = process.env.REQUIRE_ALL === "1" && skips.length > 0;

if (skips.length > 0) {
  console.log(`\nSkipped, as this machine lacks something:\n${skips.map((line) => `  ${line}`).join("\n")}`);
  if (mayNotSkip) console.log("REQUIRE_ALL=1 makes each of them a failure.");
}
if (totals === undefined) console.log("\njest ended without a result.");
const { passed, failed, skipped } = totals ?? { passed: 0, failed: 0, skipped: 0 };
if (totals !== undefined && passed + failed === 0) console.log("\nNo test was run.");

const failures = failed + (mayNotSkip ? skips.length : 0);
const isGreen = code === 0 && failures === 0 && passed > 0;
// An error outside of any test counts as one failure, so that the counts of a failed run never look green.
console.log(`\n${passed} passed, ${isGreen ? 0 : Math.max(failures, 1)} failed, ${skipped} skipped`);
process.exitCode = isGreen ? 0 : 1;

/** Resolves to jest's exit code, and to its totals if it got that far. */
function runJest(args, environment) {
  const jest = createRequire(import.meta.url).resolve("jest/bin/jest");
  const totalsReporter = fileURLToPath(new URL("lib/totals-reporter.mjs", import.meta.url));
  // The reporters come last: jest takes every argument after one of them for another reporter.
  const jestArgs = [jest, ...args, "--reporters=default", `--reporters=${totalsReporter}`];
  const child = spawn(process.execPath, jestArgs, {
    cwd: fileURLToPath(new URL("..", import.meta.url)),
    env: { ...process.env, ...environment },
    stdio: ["inherit", "inherit", "inherit", "ipc"],
  });
  return new Promise((resolve) => {
    let totals;
    let grace;
    child.on("message", (message) => {
      totals = message;
      grace = setTimeout(() => {
        console.error(
          "jest does not end, since a test leaves something open. Run `npx jest --detectOpenHandles` to find it.",
        );
        child.kill("SIGKILL");
      }, EXIT_GRACE_MILLIS);
    });
    child.on("error", (error) => {
      console.error(error);
      resolve({ totals, code: 1 });
    });
    child.on("exit", (code) => {
      clearTimeout(grace);
      resolve({ totals, code: code ?? 1 });
    });
  });
}

/** Returns one line per skipped group, `<group>: <reason>`. Several files may have skipped the same group. */
function readSkips() {
  if (!existsSync(skipReport)) return [];
  const lines = readFileSync(skipReport, "utf8").split("\n");
  return [
    ...new Set(lines.map((line) => line.trim().replace(/^skipped: /, "")).filter((line) => line !== "")),
  ];
}
