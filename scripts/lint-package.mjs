// Checks a packed package for problems that affect consumers: `node scripts/lint-package.mjs TARBALL`.
import { readFileSync } from "node:fs";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { publint } from "publint";
import { formatMessage } from "publint/utils";

const [path] = process.argv.slice(2);
if (path === undefined) throw new Error("Usage: node scripts/lint-package.mjs TARBALL");
const tarball = new Uint8Array(readFileSync(path));

const { messages, pkg } = await publint({
  pack: { tarball: tarball.buffer },
  level: "suggestion",
  strict: true,
});
const types = await checkPackage(createPackageFromTarballData(tarball));

const findings = [
  ...messages.map((message) => `publint: ${message.type}: ${formatMessage(message, pkg, { color: false })}`),
  ...(types.types === false ? ["are-the-types-wrong: the package has no types"] : []),
  ...(types.problems ?? []).map((problem) => `are-the-types-wrong: ${JSON.stringify(problem)}`),
];
for (const finding of findings) console.error(finding);
console.log(`${findings.length} findings`);
process.exitCode = findings.length === 0 ? 0 : 1;
