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
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { committedDocuments } from "./lib/committed.mjs";
import { contractChanges, describeChanges } from "./lib/contract-changes.mjs";
import { InvalidDocumentError, loadDocument, showPath } from "./lib/openapi-document.mjs";
import { HEADER_MARK, renderClient } from "./lib/openapi-client.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const USAGE = "usage: generate.mjs [--check | --watch] [--openapi DIRECTORY] [--out DIRECTORY]";
/** Editors save in several steps; changes within this time count as one. */
const SETTLE_MILLIS = 50;

const options = readOptions();
let before = await committedDocuments(options.openapi);
process.exitCode = await generate();
if (options.watch) watchDocuments();

/** Generates once; resolves to the exit code. */
async function generate() {
  try {
    const { wanted, documents } = await renderAll(options.openapi);
    const differences = await compare(options.out, wanted);
    const exitCode = options.check ? report(differences) : await write(options.out, wanted, differences);
    if (before !== null) printChanges(before, documents);
    if (options.watch) before = documents;
    return exitCode;
  } catch (error) {
    if (!(error instanceof InvalidDocumentError)) throw error;
    console.error(error.message);
    return 1;
  }
}

function watchDocuments() {
  console.log(`Watching ${showPath(options.openapi)}; stop with Ctrl-C.`);
  let pending;
  let working = Promise.resolve();
  watch(options.openapi, (_, name) => {
    if (name !== null && !name.endsWith(".yaml")) return;
    clearTimeout(pending);
    pending = setTimeout(() => {
      working = working.then(generate).catch((error) => {
        console.error(error);
        process.exit(1);
      });
    }, SETTLE_MILLIS);
  });
}

/** Prints how the changes of the documents affect users. */
function printChanges(old, now) {
  for (const name of new Set([...old.keys(), ...now.keys()])) {
    const changes = contractChanges(old.get(name) ?? null, now.get(name) ?? null);
    if (changes.length === 0) continue;
    const breaking = changes.filter((change) => change.breaking).length;
    console.log(`${name} changes for users: ${changes.length}, of which ${breaking} breaking`);
    for (const line of describeChanges(changes)) console.log(line);
  }
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

/**
 * Resolves to the files to write and to the documents they are made from, by file name.
 *
 * @throws {InvalidDocumentError} with the errors of all documents
 */
async function renderAll(directory) {
  const names = (await readdir(directory)).filter((name) => name.endsWith(".yaml")).sort();
  if (names.length === 0)
    throw new InvalidDocumentError([`${showPath(directory)}: expected documents (*.yaml); found none.`]);
  const documents = new Map();
  const faults = [];
  for (const name of names) {
    try {
      documents.set(name, await loadDocument(path.join(directory, name)));
    } catch (error) {
      if (!(error instanceof InvalidDocumentError)) throw error;
      faults.push(...error.faults);
    }
  }
  if (faults.length > 0) throw new InvalidDocumentError(faults);
  const wanted = new Map();
  for (const [name, document] of documents)
    wanted.set(name.replace(/\.yaml$/, ".ts"), await renderClient(document, path.basename(name, ".yaml")));
  return { wanted, documents };
}

/**
 * Resolves to the differences between a directory and the wanted files, by file name: `missing`, `stale` or
 * `superfluous`.
 */
async function compare(directory, wanted) {
  const present = await readdir(directory).catch(() => []);
  const differences = new Map();
  for (const [name, text] of wanted) {
    if (!present.includes(name)) differences.set(name, "missing");
    else if ((await readFile(path.join(directory, name), "utf8")) !== text) differences.set(name, "stale");
  }
  for (const name of present) if (!wanted.has(name)) differences.set(name, "superfluous");
  return differences;
}

function report(differences) {
  if (differences.size === 0) return 0;
  for (const [name, difference] of differences)
    console.error(`${showPath(path.join(options.out, name))}: ${difference}`);
  console.error("These files do not match the documents in openapi/. Run `npm run generate`.");
  return 1;
}

async function write(directory, wanted, differences) {
  await mkdir(directory, { recursive: true });
  let exitCode = 0;
  for (const [name, difference] of differences) {
    const file = path.join(directory, name);
    if (difference !== "superfluous") {
      await writeFile(file, wanted.get(name));
      console.log(`${showPath(file)}: written`);
    } else if (await isGenerated(file)) {
      await rm(file);
      console.log(`${showPath(file)}: removed, since it has no document`);
    } else {
      // If the directory was given by mistake, its files must survive.
      console.error(`${showPath(file)}: not a generated file; not removed`);
      exitCode = 1;
    }
  }
  if (differences.size === 0) console.log(`${showPath(directory)}: up to date`);
  return exitCode;
}

async function isGenerated(file) {
  const text = await readFile(file, "utf8").catch(() => "");
  return text.includes(HEADER_MARK);
}
