import prettier from "prettier";
import ts from "typescript";
import { join } from "node:path";
import { root } from "./entries.mjs";

/**
 * Describes what an entry's bundled declarations offer to users, in a form that changes only with the API: sorted by name,
 * formatted, without comments and private members.
 */
export async function describeApi(title, declarations) {
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
