// Runs the property tests of the decoder, the error mapping and the configuration longer than `npm test` does:
// `npm run fuzz`, `npm run fuzz -- --runs 100000 --seed 7`. A failure prints the smallest input that causes it.
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "20000" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 2 ** 31)) },
  },
});
for (const [name, value] of Object.entries(values)) {
  if (!/^\d+$/.test(value)) {
    console.error(`--${name} must be a whole number; got ${value}.`);
    process.exit(2);
  }
}

console.log(`${values.runs} runs of each property, seed ${values.seed}`);
const jest = createRequire(import.meta.url).resolve("jest/bin/jest");
// No timeout: the caller decides how long it takes.
const args = [jest, "tests/unit/properties", "--testTimeout=2147483647"];
const child = spawn(process.execPath, args, {
  cwd: fileURLToPath(new URL("..", import.meta.url)),
  env: { ...process.env, FUZZ_RUNS: values.runs, FUZZ_SEED: values.seed },
  stdio: "inherit",
});
child.on("error", (error) => {
  console.error(error);
  process.exitCode = 1;
});
child.on("exit", (code) => {
  process.exitCode = code ?? 1;
});
