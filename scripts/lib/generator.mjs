// Writes the TypeScript clients of a directory of OpenAPI documents, or checks that they are up to date.
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { committedDocuments } from "./committed.mjs";
import { contractChanges, describeChanges } from "./contract-changes.mjs";
import { InvalidDocumentError, loadDocument, showPath } from "./openapi-document.mjs";
import { HEADER_MARK, renderClient } from "./openapi-client.mjs";

/** What was last made of the document of each name: with `--watch`, only the changed ones are read and rendered again. */
const made = new Map();

/**
 * Generates once.
 *
 * @param {{ check: boolean, openapi: string, out: string }} options
 * @param {Map<string, object> | null} [before] the documents to compare with; those of the last commit by default
 * @returns {Promise<{ exitCode: number, stdout: string, stderr: string, documents?: Map<string, object> }>} what to print,
 *   and the documents if they are valid
 */
export async function generate({ check, openapi, out }, before) {
  const printed = { stdout: "", stderr: "" };
  const print = {
    log: (line) => (printed.stdout += `${line}\n`),
    error: (line) => (printed.stderr += `${line}\n`),
  };
  try {
    const old = before === undefined ? await committedDocuments(openapi) : before;
    const { wanted, documents } = await renderAll(openapi);
    const differences = await compare(out, wanted);
    const exitCode = check ? report(out, differences, print) : await write(out, wanted, differences, print);
    if (old !== null) printChanges(old, documents, print);
    return { exitCode, ...printed, documents };
  } catch (error) {
    if (!(error instanceof InvalidDocumentError)) throw error;
    print.error(error.message);
    return { exitCode: 1, ...printed };
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
  const texts = new Map();
  const documents = new Map();
  const faults = [];
  for (const name of names) {
    const file = path.join(directory, name);
    const text = await readFile(file, "utf8");
    texts.set(name, text);
    try {
      const known = made.get(name);
      documents.set(name, known?.text === text ? known.document : await loadDocument(file));
    } catch (error) {
      if (!(error instanceof InvalidDocumentError)) throw error;
      faults.push(...error.faults);
    }
  }
  if (faults.length > 0) throw new InvalidDocumentError(faults);
  const wanted = new Map();
  for (const [name, document] of documents) {
    const baseName = path.basename(name, ".yaml");
    const known = made.get(name);
    const source = known?.document === document ? known.source : await renderClient(document, baseName);
    made.set(name, { text: texts.get(name), document, source });
    wanted.set(`${baseName}.ts`, source);
  }
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

function report(directory, differences, print) {
  if (differences.size === 0) return 0;
  for (const [name, difference] of differences)
    print.error(`${showPath(path.join(directory, name))}: ${difference}`);
  print.error("These files do not match the documents in openapi/. Run `npm run generate`.");
  return 1;
}

async function write(directory, wanted, differences, print) {
  await mkdir(directory, { recursive: true });
  let exitCode = 0;
  for (const [name, difference] of differences) {
    const file = path.join(directory, name);
    if (difference !== "superfluous") {
      await writeFile(file, wanted.get(name));
      print.log(`${showPath(file)}: written`);
    } else if (await isGenerated(file)) {
      await rm(file);
      print.log(`${showPath(file)}: removed, since it has no document`);
    } else {
      // If the directory was given by mistake, its files must survive.
      print.error(`${showPath(file)}: not a generated file; not removed`);
      exitCode = 1;
    }
  }
  if (differences.size === 0) print.log(`${showPath(directory)}: up to date`);
  return exitCode;
}

async function isGenerated(file) {
  const text = await readFile(file, "utf8").catch(() => "");
  return text.includes(HEADER_MARK);
}

/** Prints how the changes of the documents affect users. */
function printChanges(old, now, print) {
  for (const name of new Set([...old.keys(), ...now.keys()])) {
    const changes = contractChanges(old.get(name) ?? null, now.get(name) ?? null);
    if (changes.length === 0) continue;
    const breaking = changes.filter((change) => change.breaking).length;
    print.log(`${name} changes for users: ${changes.length}, of which ${breaking} breaking`);
    for (const line of describeChanges(changes)) print.log(line);
  }
}
