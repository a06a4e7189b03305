// Runs the tests: `node scripts/test.mjs [jest's arguments]`. Prints what jest prints, then what was skipped because
// this machine lacks something, and as the last line `N passed, N failed, N skipped`.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

// A test that leaves a handle open would keep jest, and so this, from ever ending.
const EXIT_GRACE_MILLIS = 30_000;

const directory = mkdtempSync(join(tmpdir(), "opensandbox-skips-"));
const skipReport = join(directory, "skipped.txt");
process.on("exit", () => rmSync(directory, { recursive: true, force: true }));
// An interrupt from the terminal reaches jest as well; the totals wait for its end.
process.on("SIGINT", () => undefined);

const { totals, code } = await runJest(process.argv.slice(2), { SKIP_REPORT: skipReport });
const skips = readSkips();
const mayNotSkip = process.env.REQUIRE_ALL === "1" && skips.length > 0;

if (skips.length > 0) {
  console.log(`\nSkipped, as this machine lacks something:\n${skips.map((line) => `  ${line}`).join("\n")}`);
  if (mayNotSkip) console.log("REQUIRE_ALL=1 makes each of them a failure.");
}
if (totals === undefined) console.log("\njest ended before it had a result.");
const { passed, failed, skipped } = totals ?? { passed: 0, failed: 0, skipped: 0 };
if (totals !== undefined && passed + failed === 0) console.log("\nNo test was run.");

const failures = failed + (mayNotSkip ? skips.length : 0);
const isGreen = code === 0 && failures === 0 && passed > 0;
// What went wrong outside of any test counts as one, so that the line never looks green when the run is not.
console.log(`\n${passed} passed, ${isGreen ? 0 : Math.max(failures, 1)} failed, ${skipped} skipped`);
process.exitCode = isGreen ? 0 : 1;

/** Resolves to jest's exit code, which is 0 or not, and to its totals, where it came as far as that. */
function runJest(args, environment) {
  const jest = createRequire(import.meta.url).resolve("jest/bin/jest");
  const totalsReporter = fileURLToPath(new URL("lib/totals-reporter.mjs", import.meta.url));
  // The reporters come last: jest takes whatever follows one of them for another.
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
          "jest does not end: a test leaves something open. `npx jest --detectOpenHandles` may tell what.",
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

/** One line per group that a test file skipped, `<group>: <reason>`; several files may have skipped the same one. */
function readSkips() {
  if (!existsSync(skipReport)) return [];
  const lines = readFileSync(skipReport, "utf8").split("\n");
  return [
    ...new Set(lines.map((line) => line.trim().replace(/^skipped: /, "")).filter((line) => line !== "")),
  ];
}
