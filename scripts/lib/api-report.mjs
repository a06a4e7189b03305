import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, posix, relative } from "node:path";
import prettier from "prettier";
import ts from "typescript";
import { entries, root } from "./entries.mjs";

/**
 * Describes what each entry offers.
 *
 * @param {Map<string, string>} types as `bundleTypes` returns them
 * @returns {Promise<Map<string, string>>} the reports by file name
 */
export async function describeEntries(types) {
  const reports = entries.map(async ({ subpath, output }) => [
    `${subpath === "." ? "index" : subpath.slice(2)}.api.md`,
    await describeApi(posix.join("opensandbox-code-interpreter", subpath), types.get(`${output}.d.mts`)),
  ]);
  return new Map(await Promise.all(reports));
}

/**
 * Writes reports to a directory, or compares them with it.
 *
 * @param {Map<string, string>} reports as `describeEntries` returns them
 * @param {{ check: boolean, directory: string }} options
 * @returns {{ exitCode: number, stdout: string, stderr: string }} what to print
 */
export function updateReports(reports, { check, directory }) {
  const changed = [...reports].filter(([file, report]) => read(join(directory, file)) !== report);
  const shown = `${relative(root, directory)}/`;
  if (check && changed.length > 0) {
    const differences = changed.map(([file, report]) => showDifference(directory, file, report));
    const advice = `The API differs from ${shown}. If the change is intended, run npm run api and commit it.`;
    return { exitCode: 1, stdout: "", stderr: `${differences.join("\n")}\n\n${advice}\n` };
  }
  if (check) return { exitCode: 0, stdout: `The API matches ${shown}.\n`, stderr: "" };
  mkdirSync(directory, { recursive: true });
  for (const [file, report] of changed) writeFileSync(join(directory, file), report);
  const names = changed.map(([file]) => file).join(", ");
  const outcome = changed.length === 0 ? "The API has not changed." : `Changed in ${shown}: ${names}`;
  return { exitCode: 0, stdout: `${outcome}\n`, stderr: "" };
}

function read(file) {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** Returns the difference between a file and the report that it should have. */
function showDifference(directory, file, report) {
  const temporary = mkdtempSync(join(tmpdir(), "api-"));
  try {
    // The diff names the files by short relative paths.
    mkdirSync(join(temporary, "committed"));
    mkdirSync(join(temporary, "now"));
    writeFileSync(join(temporary, "committed", file), read(join(directory, file)) ?? "");
    writeFileSync(join(temporary, "now", file), report);
    const paths = [`committed/${file}`, `now/${file}`];
    const { stdout, error } = spawnSync(
      "git",
      ["diff", "--no-index", "--no-color", "--no-prefix", ...paths],
      { cwd: temporary, encoding: "utf8" },
    );
    return error === undefined ? stdout : `${file} has changed. Install git to see how.`;
  } finally {
    rmSync(temporary, { recursive: true });
  }
}

/**
 * Describes what an entry's bundled declarations offer to users, in a form that changes only with the API: sorted by name,
 * formatted, without comments and private members.
 */
async function describeApi(title, declarations) {
  const source = ts.createSourceFile("api.d.ts", declarations, ts.ScriptTarget.Latest, true);
  const exported = new Set();
  const imports = [];
  const found = [];
  for (const statement of source.statements) {
    if (ts.isExportDeclaration(statement)) {
      if (statement.exportClause === undefined || !ts.isNamedExports(statement.exportClause))
        throw new Error("Expected the bundled declarations to export by name.");
      for (const { name, propertyName } of statement.exportClause.elements) {
        if (propertyName !== undefined) imports.push(`export { ${propertyName.text} as ${name.text} };`);
        exported.add((propertyName ?? name).text);
      }
    } else if (ts.isImportDeclaration(statement)) imports.push(print(statement, source));
    else found.push({ names: namesOf(statement), text: print(statement, source) });
  }
  // A constant and a type may share a name; the constant comes first, as it is declared.
  const byName = (one, other) => (one.names[0] < other.names[0] ? -1 : one.names[0] > other.names[0] ? 1 : 0);
  const section = (heading, items) =>
    items.length === 0 ? [] : [`## ${heading}`, ...[...items].sort(byName).map(({ text }) => fenced(text))];
  const isExported = ({ names }) => names.some((name) => exported.has(name));
  const text = [
    `# API of \`${title}\``,
    "Written by `npm run api` from the bundled declarations. Do not edit. `npm run check` fails if it is not up to date. A change here is a change for users.",
    ...(imports.length === 0 ? [] : ["## Imports", fenced(imports.join("\n"))]),
    ...section("Exports", found.filter(isExported)),
    ...section(
      "Not exported, but in the types above",
      found.filter((item) => !isExported(item)),
    ),
  ].join("\n\n");
  const config = await prettier.resolveConfig(join(root, "api", "index.api.md"));
  return await prettier.format(text, { ...config, parser: "markdown" });
}

function print(statement, source) {
  const { transformed } = ts.transform(statement, [withoutPrivateMembers]);
  return ts
    .createPrinter({ removeComments: true })
    .printNode(ts.EmitHint.Unspecified, transformed[0], source);
}

/** Keeps `#private`, since it prevents other objects from being assigned to the class. */
function withoutPrivateMembers(context) {
  const visit = (node) =>
    ts.isClassElement(node) &&
    ts.canHaveModifiers(node) &&
    !ts.isConstructorDeclaration(node) &&
    ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword)
      ? undefined
      : ts.visitEachChild(node, visit, context);
  return (node) => ts.visitNode(node, visit);
}

function namesOf(statement) {
  const names = ts.isVariableStatement(statement)
    ? statement.declarationList.declarations.map(({ name }) => name.text)
    : [statement.name?.text];
  if (names.includes(undefined)) throw new Error(`A declaration has no name: ${statement.getText()}`);
  return names;
}

function fenced(text) {
  return `\`\`\`ts\n${text}\n\`\`\``;
}
