// Measures this SDK beside the official one and the floor: `npm run bench -- [--json] [--check] [--quick] [--no-official] [ROW …]`.
// With `--check` it fails where a figure is over the budget in scripts/bench/budget.json, or the size over that in
// scripts/size-budget.json; docs/benchmarks.md says more.
import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { installOfficial } from "./bench/contestants.mjs";
import { ROWS } from "./bench/rows.mjs";
import { root } from "./lib/entries.mjs";
import { mainEntrySize, startTimes } from "./lib/package-cost.mjs";

const FULL = { events: 200_000, pictureMegabytes: 20, transferMegabytes: 1_000, runsAtOnce: 200 };
const QUICK = { events: 200, pictureMegabytes: 0.01, transferMegabytes: 0.1, runsAtOnce: 4, isQuick: true };
/** Rows that are measured in this process, as they do not depend on a client. */
const PACKAGE_ROWS = ["size", "coldImport", "quickstart"];

const { values: options, positionals } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    check: { type: "boolean", default: false },
    quick: { type: "boolean", default: false },
    "no-official": { type: "boolean", default: false },
  },
  allowPositionals: true,
});
const known = [...Object.keys(ROWS), ...PACKAGE_ROWS];
const wanted = positionals.length > 0 ? positionals : known;
const unknown = wanted.filter((row) => !known.includes(row));
if (unknown.length > 0) {
  console.error(`Unknown row: ${unknown.join(", ")}. Rows: ${known.join(", ")}.`);
  process.exit(2);
}

const readBudget = (file) => JSON.parse(readFileSync(new URL(file, import.meta.url), "utf8"));
const { ratiosToFloor, most } = readBudget("bench/budget.json");
const limits = { ...most, size: readBudget("size-budget.json").mainEntryMinGzBytes };
const officialVersion = options["no-official"] ? undefined : installOfficial();
const rows = [];
const server = fork(new URL("bench/server.mjs", import.meta.url));
try {
  const [port] = await once(server, "message");
  for (const row of wanted) {
    if (!options.json) process.stderr.write(`${row} …\n`);
    rows.push(describe(row, await measure(row, port)));
  }
} finally {
  server.disconnect();
}

const overBudget = rows.filter(({ isOverBudget }) => isOverBudget);
if (options.json) {
  const machine = { node: process.version, cpu: cpus()[0]?.model ?? "unknown", cores: cpus().length };
  console.log(JSON.stringify({ machine, officialVersion, rows }, undefined, 2));
} else {
  printTable(rows);
}
if (options.check) {
  for (const { row, limit } of overBudget) console.error(`Over the budget: ${row} must be at most ${limit}.`);
  process.exitCode = overBudget.length > 0 ? 1 : 0;
}

async function measure(row, port) {
  const sizes = options.quick ? QUICK : FULL;
  switch (row) {
    case "size":
      return {
        title: "main entry, minified and gzipped",
        unit: "bytes",
        figures: { ours: await mainEntrySize() },
      };
    case "coldImport": {
      const { bare, esm } = startTimes({ turns: options.quick ? 1 : 20 });
      return { title: "cold import, over bare Node", unit: "ms", figures: { ours: esm - bare } };
    }
    case "quickstart":
      return {
        title: "npm run quickstart, until the sandboxed program prints",
        unit: "ms",
        figures: await timeQuickstart(),
      };
    default: {
      const { title, unit, isAlone } = ROWS[row];
      const context = { port, official: officialVersion !== undefined };
      if (!isAlone) return { title, unit, figures: await inProcess({ row, sizes, context }) };
      const figures = {};
      for (const only of ["ours", "floor", ...(context.official ? ["official"] : [])]) {
        // It takes minutes for one such event.
        if (row === "largePicturePeak" && only === "official" && !options.quick) continue;
        Object.assign(figures, await inProcess({ row, sizes, context: { ...context, only } }));
      }
      return { title, unit, figures };
    }
  }
}

async function inProcess(facts) {
  const child = fork(new URL("bench/row.mjs", import.meta.url), [JSON.stringify(facts)], {
    execArgv: ["--expose-gc"],
  });
  const [figures] = await Promise.race([
    once(child, "message"),
    once(child, "exit").then(([code]) => {
      throw new Error(`The row ${facts.row} failed with exit code ${code}.`);
    }),
  ]);
  return figures;
}

/**
 * Measures from the start of npm to the quickstart's first line, and to the first line of the program in the sandbox.
 */
async function timeQuickstart() {
  const start = performance.now();
  const child = spawn("npm", ["run", "quickstart"], {
    cwd: root,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const figures = {};
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith("→")) figures.firstLine ??= performance.now() - start;
    if (line === "Hello, World!") figures.ours = performance.now() - start;
  }
  if (figures.ours === undefined) throw new Error("The quickstart printed no greeting.");
  return figures;
}

function describe(row, { title, unit, figures }) {
  const { ours, floor, official } = figures;
  const ratioToFloor = floor === undefined ? undefined : ours / floor;
  const ratioLimit = ratiosToFloor[row];
  const limit = ratioLimit === undefined ? limits[row] : ratioLimit;
  const measured = ratioLimit === undefined ? ours : ratioToFloor;
  return {
    row,
    title,
    unit,
    figures,
    ratioToFloor,
    timesFasterThanOfficial: official === undefined ? undefined : official / ours,
    limit,
    isOverBudget: limit !== undefined && measured > limit,
  };
}

function printTable(table) {
  const lines = [["", "ours", "floor", "official", "ours ÷ floor", "official ÷ ours", "budget"]];
  for (const { title, unit, figures, ratioToFloor, timesFasterThanOfficial, limit, isOverBudget } of table) {
    const figure = (value) => (value === undefined ? "–" : `${format(value)} ${unit}`);
    lines.push([
      title,
      figure(figures.ours),
      figure(figures.floor),
      figure(figures.official),
      format(ratioToFloor),
      format(timesFasterThanOfficial),
      `${format(limit)}${isOverBudget ? " (over)" : ""}`,
    ]);
  }
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  for (const line of lines) console.log(line.map((cell, column) => cell.padEnd(widths[column])).join("  "));
  console.log(
    `\nNode ${process.version}, ${cpus().length} cores; official: ${officialVersion ?? "not installed"}.`,
  );
}

function format(value) {
  if (value === undefined) return "–";
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(2);
}
