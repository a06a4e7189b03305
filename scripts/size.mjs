// What the package costs its users: `node scripts/size.mjs [--dist DIR] [--check]`, on a dist/ that is built. With
// `--check` it looks at the size alone, and fails where that is over the budget.
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { root } from "./lib/entries.mjs";

const SPAWNS = 20;

const { values: options } = parseArgs({
  options: { dist: { type: "string", default: "dist" }, check: { type: "boolean", default: false } },
});
const dist = resolve(root, options.dist);
const budget = JSON.parse(readFileSync(new URL("size-budget.json", import.meta.url), "utf8"));

const bytes = await mainEntrySize();
const limit = budget.mainEntryMinGzBytes;
console.log(`Main entry with its dependencies, minified and gzipped: ${bytes} bytes of ${limit}.`);
if (options.check) {
  process.exitCode = bytes <= limit ? 0 : 1;
} else {
  const packages = runtimePackages();
  const weight = packages.reduce((sum, path) => sum + diskSize(join(root, path)), 0);
  console.log(
    `Run-time dependencies as installed: ${packages.length} packages, ${Math.round(weight / 1024)} KiB.`,
  );
  const { bare, esm, cjs } = startTimes();
  console.log(`Cold start, median of ${SPAWNS}: bare Node ${bare.toFixed(1)} ms.`);
  console.log(`  import  "opensandbox-code-interpreter": + ${(esm - bare).toFixed(1)} ms.`);
  console.log(`  require("opensandbox-code-interpreter"): + ${(cjs - bare).toFixed(1)} ms.`);
}

/** For a browser, so that this fails where the main entry, or what it needs, imports a module of Node. */
async function mainEntrySize() {
  const { outputFiles } = await build({
    entryPoints: [join(dist, "index.mjs")],
    absWorkingDir: root,
    nodePaths: [join(root, "node_modules")],
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    platform: "browser",
    target: "es2022",
  });
  return gzipSync(outputFiles[0].contents, { level: 9 }).length;
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

/** The three kinds take turns, so that a machine that slows down meanwhile slows all of them down. */
function startTimes() {
  const programs = {
    bare: ["--input-type=module", "--eval", ""],
    esm: [
      "--input-type=module",
      "--eval",
      `import ${JSON.stringify(pathToFileURL(join(dist, "index.mjs")))}`,
    ],
    cjs: ["--input-type=commonjs", "--eval", `require(${JSON.stringify(join(dist, "index.cjs"))})`],
  };
  const times = { bare: [], esm: [], cjs: [] };
  for (let turn = 0; turn < SPAWNS; turn += 1) {
    for (const [kind, args] of Object.entries(programs)) {
      const start = performance.now();
      const { status, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
      times[kind].push(performance.now() - start);
      if (status !== 0) throw new Error(`node ${args.join(" ")} failed: ${stderr}`);
    }
  }
  return Object.fromEntries(Object.entries(times).map(([kind, each]) => [kind, median(each)]));
}

function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}
