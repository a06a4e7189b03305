// Measures what the package costs its users: `node scripts/size.mjs [--dist DIR] [--check]`. It needs a build. With
// `--check` it measures only the size, and fails if that is over the budget.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { root } from "./lib/entries.mjs";
import { mainEntrySize, startTimes } from "./lib/package-cost.mjs";

const SPAWNS = 20;

const { values: options } = parseArgs({
  options: { dist: { type: "string", default: "dist" }, check: { type: "boolean", default: false } },
});
const dist = resolve(root, options.dist);
const budget = JSON.parse(readFileSync(new URL("size-budget.json", import.meta.url), "utf8"));

const bytes = await mainEntrySize(dist);
const limit = budget.mainEntryMinGzBytes;
console.log(`Main entry with its dependencies, minified and gzipped: ${bytes} bytes of ${limit}.`);
if (options.check) {
  process.exitCode = bytes <= limit ? 0 : 1;
} else {
  const all = await mainEntrySize(dist, { all: true });
  console.log(`  Loaded only when it is used (files, terminals and others): + ${all - bytes} bytes.`);
  const packages = runtimePackages();
  const weight = packages.reduce((sum, path) => sum + diskSize(join(root, path)), 0);
  console.log(
    `Run-time dependencies as installed: ${packages.length} packages, ${Math.round(weight / 1024)} KiB.`,
  );
  const { bare, esm, cjs } = startTimes({ dist, turns: SPAWNS });
  console.log(`Cold start, median of ${SPAWNS}: bare Node ${bare.toFixed(1)} ms.`);
  console.log(`  import  "opensandbox-code-interpreter": + ${(esm - bare).toFixed(1)} ms.`);
  console.log(`  require("opensandbox-code-interpreter"): + ${(cjs - bare).toFixed(1)} ms.`);
}

function runtimePackages() {
  const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
  return Object.keys(packages).filter(
    (path) => path !== "" && !packages[path].dev && !packages[path].devOptional,
  );
}

function diskSize(directory) {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}
