// What the package consists of. To add a subpath, add its line to `entries` and run `npm run build -- --exports`.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { join, posix, resolve } from "node:path";

export const root = fileURLToPath(new URL("../..", import.meta.url));

/**
 * What users import.
 *
 * - `node`: the entry may import modules of Node. Without it, the entry also runs in browsers.
 * - `peers`: the optional peer dependencies that its code or its types import.
 * - `formats`: `["esm"]` if a peer cannot be loaded by `require`; both formats otherwise.
 */
export const entries = [
  { subpath: ".", source: "src/index.ts" },
  { subpath: "./local", source: "src/local/index.ts", node: true },
  { subpath: "./pool", source: "src/pool/index.ts" },
  { subpath: "./agents", source: "src/agents/index.ts" },
  { subpath: "./mcp", source: "src/agents/mcp/index.ts", node: true },
  { subpath: "./ai-sdk", source: "src/agents/ai-sdk.ts", peers: ["ai", "@ai-sdk/harness"] },
  { subpath: "./langchain", source: "src/agents/langchain.ts", peers: ["@langchain/core"] },
  { subpath: "./deepagents", source: "src/agents/deepagents.ts", peers: ["deepagents"] },
  { subpath: "./openai-agents", source: "src/agents/openai-agents.ts", peers: ["@openai/agents"] },
  { subpath: "./mastra", source: "src/agents/mastra.ts", peers: ["@mastra/core"] },
].map(({ node = false, peers = [], formats = ["esm", "cjs"], ...entry }) => ({
  ...entry,
  ...{ node, peers, formats, output: outputOf(entry.source) },
}));

export const mainEntry = entries[0];

/** The commands by name. They share their code with the entries, and their dependencies are bundled. */
export const commands = {
  source: "src/cli/main.ts",
  output: outputOf("src/cli/main.ts"),
  names: ["opensandbox-code-interpreter", "osci"],
};

/** Programs in a single file each, since a sandbox sees nothing else of this package. */
export const boxPrograms = {
  supervisor: { source: "src/local/supervisor/main.ts", output: "local/supervisor" },
  // It consists mostly of the minified transpiler, so it has no source map.
  javaScriptKernel: {
    source: "src/local/languages/javascript/program/main.ts",
    output: "local/kernels/javascript",
    isMinified: true,
  },
};

/** The Java kernel: the sources of a folder, joined to the one file that every Java from 11 on can launch. */
export const javaKernel = {
  directory: "src/local/languages/java/program",
  output: "local/kernels/JavaKernel.java",
};

/**
 * The page of `serve --ui`: a script to bundle, one that it loads when a terminal is opened, and files beside them that are
 * shipped as they are.
 */
export const page = {
  source: "src/local/playground/page/main.ts",
  screen: "src/local/playground/page/screen.ts",
  output: "local/playground",
};

/** The facades, each in a file of its own in `dist/`, so that a bundler can leave out those that are not used. */
export const facades = ["src/sandbox.ts", "src/sandbox-manager.ts", "src/code-interpreter.ts"];

/** The modules whose exports all belong to the main entry's: every other entry uses the main entry's copy of them. */
const MAIN_ENTRY_MODULES = ["src/errors.ts"];

/** The folder with one folder per language. The kernels' own programs in them are shipped as they are. */
const LANGUAGES = "src/local/languages";

/** Returns the entry that provides a source file to all other entries, if there is one. */
export function entryProviding(file) {
  const isFile = (source) => resolve(root, source) === file;
  return MAIN_ENTRY_MODULES.some(isFile) ? mainEntry : entries.find(({ source }) => isFile(source));
}

/** Returns how the output of one entry imports that of another, without the extension. */
export function pathBetween(from, to) {
  const path = posix.relative(posix.dirname(from.output), to.output);
  return path.startsWith("../") ? path : `./${path}`;
}

/** Fails if a source of an entry is missing, so that an incomplete package is never built. */
export function checkSources() {
  const programs = [commands, page, ...Object.values(boxPrograms)];
  const sources = [...entries, ...programs].map(({ source }) => source);
  const missing = [...sources, page.screen, ...facades, javaKernel.directory, LANGUAGES].filter(
    (path) => !existsSync(join(root, path)),
  );
  if (missing.length > 0) throw new Error(`Sources of the build are missing: ${missing.join(", ")}`);
}

/** Returns the kernels' programs by name: the files in the languages' folders that are not TypeScript. */
export function kernelFiles() {
  return readdirSync(join(root, LANGUAGES), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => programs(join(root, LANGUAGES, name)));
}

/** Returns the files beside the script of the page. */
export function pageFiles() {
  const directory = join(root, posix.dirname(page.source));
  return programs(directory).filter(({ name }) => /\.(?:html|css)$/.test(name));
}

/** Reads package.json. */
export function readManifest() {
  return JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
}

function programs(directory) {
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith(".ts") && !entry.name.startsWith("."))
    .map((entry) => ({ name: entry.name, path: join(directory, entry.name) }));
}

/** Returns the path in `dist/` of what is built from a source, without the extension. */
export function outputOf(source) {
  return source.replace(/^src\//, "").replace(/\.ts$/, "");
}
