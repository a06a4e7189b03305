// Checks what needs no test: types, lint, formatting, generated files, the API report and doc comments. Lint takes as long as
// all else, so it runs beside the others. Prints the output of each command when it has ended. All run, even if one fails.
import { spawn } from "node:child_process";

const LANES = [["lint"], ["typecheck", "format:check", "generate:check", "api:check", "docs:check"]];

const failed = [];
await Promise.all(
  LANES.map(async (names) => {
    for (const name of names) {
      const { isGreen, output } = await runScript(name);
      process.stdout.write(`\n--- npm run ${name}\n${output}`);
      if (!isGreen) failed.push(name);
    }
  }),
);
if (failed.length > 0) {
  console.error(`\nFailed: ${failed.map((name) => `npm run ${name}`).join(", ")}`);
  process.exitCode = 1;
}

/** Runs a script of package.json to its end. */
function runScript(name) {
  // The shell finds npm under its name on every system.
  const child = spawn(`npm run --silent ${name}`, { shell: true, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => {
      output += text;
    });
  }
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ isGreen: code === 0, output }));
  });
}
