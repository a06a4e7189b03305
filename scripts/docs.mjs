// Builds the documentation site: `node scripts/docs.mjs [--reference]`.
// The site has packages of its own (docs/package.json), so that installing the project stays fast. `--reference` writes the
// API reference only.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import path from "node:path";
import { parseArgs } from "node:util";
import { llmsFull, llmsIndex } from "./lib/llms.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const docs = path.join(root, "docs");
const { values: options } = parseArgs({ options: { reference: { type: "boolean", default: false } } });

if (!existsSync(path.join(docs, "node_modules/.package-lock.json"))) {
  run("npm", ["ci", "--no-audit", "--no-fund"], docs);
}
rmSync(path.join(docs, "reference"), { recursive: true, force: true });
run(
  process.execPath,
  [path.join(docs, "node_modules/typedoc/bin/typedoc"), "--options", "docs/typedoc.json"],
  root,
);
makeSidebarLinksRelative();
if (!options.reference) {
  mkdirSync(path.join(docs, "public"), { recursive: true });
  writeFileSync(path.join(docs, "public/llms.txt"), llmsIndex(docs));
  writeFileSync(path.join(docs, "public/llms-full.txt"), llmsFull(docs));
  run(process.execPath, [path.join(docs, "node_modules/vitepress/bin/vitepress.js"), "build"], docs);
  console.log("The site is in docs/.vitepress/dist. `npx vitepress preview` in docs/ serves it.");
}

/** The plugin writes links from the folder in which it runs; VitePress expects them from the root of the site. */
function makeSidebarLinksRelative() {
  const file = path.join(docs, "reference/typedoc-sidebar.json");
  writeFileSync(file, readFileSync(file, "utf8").replaceAll("/docs/reference/", "/reference/"));
}

function run(command, args, cwd) {
  const { status, error } = spawnSync(command, args, { cwd, stdio: "inherit" });
  if (status !== 0) {
    console.error(error ?? `${path.basename(args[0] ?? command)} failed with exit status ${status}.`);
    process.exit(1);
  }
}
