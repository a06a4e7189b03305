import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { join } from "node:path";

export const root = fileURLToPath(new URL("../..", import.meta.url));

/** What is built, as paths from the root of the repository. */
export const sources = {
  main: "src/index.ts",
  errors: "src/errors.ts",
  local: "src/local/index.ts",
  cli: "src/cli/main.ts",
  supervisor: "src/local/supervisor/main.ts",
  javaScriptKernel: "src/local/languages/javascript/program/main.ts",
};

/** The folder with one folder for each language. The kernels' own programs in them are shipped as they are. */
const LANGUAGES = "src/local/languages";

/** Fails if an entry is missing, so that an incomplete package is never built. */
export function checkSources() {
  const missing = [...Object.values(sources), LANGUAGES].filter((path) => !existsSync(join(root, path)));
  if (missing.length > 0) throw new Error(`Entries of the build are missing: ${missing.join(", ")}`);
}

/** The kernels' programs by name: the files in the languages' folders that are not TypeScript. */
export function kernelFiles() {
  return readdirSync(join(root, LANGUAGES), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => programs(join(root, LANGUAGES, name)));
}

function programs(directory) {
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith(".ts") && !entry.name.startsWith("."))
    .map((entry) => ({ name: entry.name, path: join(directory, entry.name) }));
}
