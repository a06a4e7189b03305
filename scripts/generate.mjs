#!/usr/bin/env node
// Writes generated/NAME.ts for each openapi/NAME.yaml.
//
//   node scripts/generate.mjs [--check | --watch] [--openapi DIRECTORY] [--out DIRECTORY]
//
// --check writes nothing; it exits with 1 and names the files if the directory is not up to date.
// --watch writes again at every change of a document, until it is interrupted.
//
// Each time, it prints what the documents change for users since the last commit; with --watch, since the last time.
import { watch } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const USAGE = "usage: generate.mjs [--check | --watch] [--openapi DIRECTORY] [--out DIRECTORY]";
/** Editors save in several steps; changes within this time count as one. */
const SETTLE_MILLIS = 50;

const options = readOptions();
// They load the compiler and the linter of the documents, which wrong usage does not need.
const { generate } = await import("./lib/generator.mjs");
const { showPath } = await import("./lib/openapi-document.mjs");
// What --watch compares with: the documents of the last valid run. At first, those of the last commit.
let before;
process.exitCode = await generateAndPrint();
if (options.watch) watchDocuments();

/** Generates once and prints the outcome. Resolves to the exit code. */
async function generateAndPrint() {
  const { exitCode, stdout, stderr, documents } = await generate(options, before);
  process.stdout.write(stdout);
  process.stderr.write(stderr);
  if (documents !== undefined) before = documents;
  return exitCode;
}

function watchDocuments() {
  console.log(`Watching ${showPath(options.openapi)}; stop with Ctrl-C.`);
  let pending;
  let working = Promise.resolve();
  watch(options.openapi, (_, name) => {
    if (name !== null && !name.endsWith(".yaml")) return;
    clearTimeout(pending);
    pending = setTimeout(() => {
      working = working.then(generateAndPrint).catch((error) => {
        console.error(error);
        process.exit(1);
      });
    }, SETTLE_MILLIS);
  });
}

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        check: { type: "boolean", default: false },
        watch: { type: "boolean", default: false },
        openapi: { type: "string", default: path.join(ROOT, "openapi") },
        out: { type: "string", default: path.join(ROOT, "generated") },
      },
    });
    if (values.check && values.watch) throw new TypeError("--check and --watch cannot be combined.");
    return values;
  } catch (error) {
    console.error(`${error.message}\n${USAGE}`);
    process.exit(2);
  }
}
