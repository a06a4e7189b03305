#!/usr/bin/env node
// Writes generated/NAME.ts for each openapi/NAME.yaml.
//
//   node scripts/generate.mjs [--check] [--openapi DIRECTORY] [--out DIRECTORY]
//
// --check writes nothing and exits 1, naming the files, when what is in the directory is not what would be written.
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { InvalidDocumentError, loadDocument, showPath } from "./lib/openapi-document.mjs";
import { HEADER_MARK, renderClient } from "./lib/openapi-client.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const USAGE = "usage: generate.mjs [--check] [--openapi DIRECTORY] [--out DIRECTORY]";

const options = readOptions();
try {
  const wanted = await renderAll(options.openapi);
  const differences = await compare(options.out, wanted);
  process.exitCode = options.check ? report(differences) : await write(options.out, wanted, differences);
} catch (error) {
  if (!(error instanceof InvalidDocumentError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        check: { type: "boolean", default: false },
        openapi: { type: "string", default: path.join(ROOT, "openapi") },
        out: { type: "string", default: path.join(ROOT, "generated") },
      },
    });
    return values;
  } catch (error) {
    console.error(`${error.message}\n${USAGE}`);
    process.exit(2);
  }
}

/** What is to be written, by file name. All documents are looked at before the first fault is thrown. */
async function renderAll(directory) {
  const names = (await readdir(directory)).filter((name) => name.endsWith(".yaml")).sort();
  if (names.length === 0)
    throw new InvalidDocumentError([`${showPath(directory)}: there is no document (*.yaml) in it.`]);
  const wanted = new Map();
  const faults = [];
  for (const name of names) {
    try {
      const document = await loadDocument(path.join(directory, name));
      wanted.set(name.replace(/\.yaml$/, ".ts"), await renderClient(document, path.basename(name, ".yaml")));
    } catch (error) {
      if (!(error instanceof InvalidDocumentError)) throw error;
      faults.push(...error.faults);
    }
  }
  if (faults.length > 0) throw new InvalidDocumentError(faults);
  return wanted;
}

/** How a directory differs from what is to be in it, by file name: `missing`, `stale` or `superfluous`. */
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
  console.error("These files are not what the documents in openapi/ give. Run `npm run generate`.");
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
      console.log(`${showPath(file)}: removed, as it has no document`);
    } else {
      // A directory given by mistake must not lose its files.
      console.error(`${showPath(file)}: not generated, and left alone; it does not belong here`);
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
