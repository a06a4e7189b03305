// Counts the functions of this package that one call passes through: `node scripts/count-functions.mjs [--json] [--list CALL]`,
// on a dist/ that is built. V8's precise coverage counts the calls; source maps tell which file a function is from.
// A function counts once, however often it is called; those of dependencies do not count.
import { fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { Session } from "node:inspector/promises";
import { SourceMap } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { root } from "./lib/entries.mjs";

const { values: options } = parseArgs({
  options: {
    dist: { type: "string", default: "dist" },
    json: { type: "boolean", default: false },
    list: { type: "string" },
  },
});
const dist = resolve(root, options.dist);
const { CodeInterpreter, Sandbox } = await import(pathToFileURL(join(dist, "index.mjs")).href);

const server = fork(new URL("bench/server.mjs", import.meta.url));
const session = new Session();
session.connect();
try {
  const [port] = await once(server, "message");
  const connectionConfig = { domain: `127.0.0.1:${port}`, protocol: "http", apiKey: "count" };
  const sandbox = await Sandbox.create({ connectionConfig });
  const { codes } = await CodeInterpreter.create(sandbox);
  const calls = {
    "JSON call": () => sandbox.getInfo(),
    // `init`, one `stdout` and `execution_complete`.
    "codes.run": () => codes.run(JSON.stringify({ events: 1 })),
    "Sandbox.create": () => Sandbox.create({ connectionConfig }),
  };
  await session.post("Profiler.enable");
  await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: false });
  const counts = {};
  for (const [name, call] of Object.entries(calls)) counts[name] = await countFunctions(call);
  report(counts);
} finally {
  session.disconnect();
  server.disconnect();
}

/** @returns names of the functions that a call passes through, by source file */
async function countFunctions(call) {
  // Functions that run only in the first call do not count.
  await call();
  await settle();
  await session.post("Profiler.takePreciseCoverage");
  await call();
  await settle();
  const { result } = await session.post("Profiler.takePreciseCoverage");
  const files = {};
  for (const { url, functions } of result) {
    const sourceOf = sourcesOf(url);
    if (sourceOf === undefined) continue;
    for (const { functionName, ranges } of functions) {
      const [{ startOffset, count }] = ranges;
      if (count === 0) continue;
      const { file, line } = sourceOf(startOffset);
      (files[file] ??= []).push(`${functionName || "(anonymous)"}:${line}`);
    }
  }
  return files;
}

/** Waits for background work of a call, such as releasing resources, which counts as part of it. */
async function settle() {
  for (let turn = 0; turn < 10; turn += 1) await new Promise((done) => setImmediate(done));
}

/** @returns a function that maps an offset to source file and line, or to `undefined` outside of this package */
function sourcesOf(url) {
  if (!url.startsWith("file:")) return undefined;
  const path = fileURLToPath(url);
  if (!path.startsWith(`${dist}/`) || !existsSync(`${path}.map`)) return undefined;
  const code = readFileSync(path, "utf8");
  const map = new SourceMap(JSON.parse(readFileSync(`${path}.map`, "utf8")));
  return (offset) => {
    const before = code.slice(0, offset).split("\n");
    const { originalSource = path, originalLine = 0 } = map.findEntry(
      before.length - 1,
      before.at(-1).length,
    );
    return { file: relative(root, resolve(dirname(path), originalSource)), line: originalLine + 1 };
  };
}

function report(counts) {
  const rows = Object.entries(counts).map(([call, files]) => ({
    call,
    functions: Object.values(files).flat().length,
    files: Object.keys(files).length,
  }));
  if (options.json) console.log(JSON.stringify(rows, undefined, 2));
  else console.table(rows);
  const listed = options.list === undefined ? {} : counts[options.list];
  if (listed === undefined) throw new Error(`Unknown call "${options.list}".`);
  for (const [file, functions] of Object.entries(listed).toSorted()) {
    console.log(`${file}\n  ${functions.join("\n  ")}`);
  }
}
