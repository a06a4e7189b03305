// Runs tests: `node scripts/test.mjs [jest's arguments]`. Prints jest's output, then what was skipped because this machine
// lacks something, and `N passed, N failed, N skipped` as the last line.
//
// With `RERUN_FAILED=1`, test files that failed run once more, alone, and their second result counts. Both are printed.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

// A test that leaves a handle open would keep jest running.
const EXIT_GRACE_MILLIS = 30_000;
// When more files fail, something is broken, and running them again would only take time.
const MOST_RERUN_FILES = 3;

const root = fileURLToPath(new URL("..", import.meta.url));
const directory = mkdtempSync(join(tmpdir(), "skips-"));
const skipReport = join(directory, "skipped.txt");
process.on("exit", () => rmSync(directory, { recursive: true, force: true }));
// An interrupt from the terminal reaches jest too, whose end this waits for to print the totals.
process.on("SIGINT", () => undefined);

const args = process.argv.slice(2);
let { files, code } = await runJest(args);
const failedFiles = Object.keys(files ?? {}).filter((path) => files[path].failed > 0);
if (process.env.RERUN_FAILED === "1" && failedFiles.length > 0 && failedFiles.length <= MOST_RERUN_FILES) {
  const names = failedFiles.map((path) => `  ${relative(root, path)}`).join("\n");
  console.log(`\nThese test files failed and run once more, alone:\n${names}`);
  const again = await runJest([...args, "--runInBand", "--runTestsByPath", ...failedFiles]);
  files = { ...files, ...again.files };
  code = again.code;
}

const skips = readSkips();
const mayNotSkip = process.env.REQUIRE_ALL === "1" && skips.length > 0;
if (skips.length > 0) {
  console.log(`\nSkipped, as this machine lacks something:\n${skips.map((line) => `  ${line}`).join("\n")}`);
  if (mayNotSkip) console.log("REQUIRE_ALL=1 makes each of them a failure.");
}

const sum = (kind) => Object.values(files ?? {}).reduce((total, counts) => total + counts[kind], 0);
const [passed, failed, skipped] = [sum("passed"), sum("failed"), sum("skipped")];
if (files === undefined) console.log("\njest ended without a result.");
else if (passed + failed === 0) console.log("\nNo test was run.");

const failures = failed + (mayNotSkip ? skips.length : 0);
const isGreen = code === 0 && failures === 0 && passed > 0;
// An error outside of any test counts as one failure, so that the counts of a failed run never look green.
console.log(`\n${passed} passed, ${isGreen ? 0 : Math.max(failures, 1)} failed, ${skipped} skipped`);
process.exitCode = isGreen ? 0 : 1;

/** Resolves to jest's exit code, and to the counts of each test file, by its path, if jest got that far. */
function runJest(args) {
  const jest = createRequire(import.meta.url).resolve("jest/bin/jest");
  const totalsReporter = fileURLToPath(new URL("lib/totals-reporter.mjs", import.meta.url));
  // The reporters come last: jest takes every argument after one of them for another reporter.
  const jestArgs = [jest, ...args, "--reporters=default", `--reporters=${totalsReporter}`];
  const child = spawn(process.execPath, jestArgs, {
    cwd: root,
    env: { ...process.env, SKIP_REPORT: skipReport },
    stdio: ["inherit", "inherit", "inherit", "ipc"],
  });
  return new Promise((resolve) => {
    let files;
    let grace;
    child.on("message", (message) => {
      files = message;
      grace = setTimeout(() => {
        console.error(
          "jest does not end, since a test leaves something open. Run `npx jest --detectOpenHandles` to find it.",
        );
        child.kill("SIGKILL");
      }, EXIT_GRACE_MILLIS);
    });
    child.on("error", (error) => {
      console.error(error);
      resolve({ files, code: 1 });
    });
    child.on("exit", (code) => {
      clearTimeout(grace);
      resolve({ files, code: code ?? 1 });
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
