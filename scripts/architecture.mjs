// Draws the diagrams of docs/architecture.md from the imports of the code: `node scripts/architecture.mjs [--check]`.
// `--check` fails if a diagram differs from the code.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import path from "node:path";
import { parseArgs } from "node:util";
import { diagrams, draw, problemsOf } from "./lib/diagrams.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const { values: options } = parseArgs({ options: { check: { type: "boolean", default: false } } });

const problems = [];
for (const diagram of diagrams) {
  const file = path.join(root, "docs/public", `${diagram.name}.svg`);
  const found = problemsOf(diagram, root);
  problems.push(...found.map((problem) => `${diagram.name}: ${problem}.`));
  if (found.length > 0) continue;
  const picture = draw(diagram, root);
  if (!options.check) {
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, picture);
  } else if (!existsSync(file) || readFileSync(file, "utf8") !== picture) {
    problems.push(`${diagram.name}: the code has other imports. Run "node scripts/architecture.mjs".`);
  }
}
for (const problem of problems) console.error(problem);
process.exitCode = problems.length > 0 ? 1 : 0;
