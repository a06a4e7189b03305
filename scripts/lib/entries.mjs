import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { join } from "node:path";

export const root = fileURLToPath(new URL("../..", import.meta.url));

/** What is built, as paths from the root of the repository. */
export const sources = {
  main: "src/index.ts",
  errors: "src/errors.ts",
  local: "src/local/index.ts",
  cli: "src/local/cli.ts",
  supervisor: "src/local/supervisor/main.ts",
  javaScriptKernel: "src/local/kernels/javascript/main.ts",
};

/** Where the kernels' own programs live, which are shipped as they are; what needs bundling is in folders there. */
const KERNELS = "src/local/kernels";

/** Fails where an entry is missing: a package without one of its parts must not come out of a build. */
export function checkSources() {
  const missing = [...Object.values(sources), KERNELS].filter((path) => !existsSync(join(root, path)));
  if (missing.length > 0) throw new Error(`Entries of the build are missing: ${missing.join(", ")}`);
}

/** The kernels' programs, by name. What Python leaves beside them (`__pycache__`) is none. */
export function kernelFiles() {
  return readdirSync(join(root, KERNELS), { withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith(".ts") && !entry.name.startsWith("."))
    .map((entry) => ({ name: entry.name, path: join(root, KERNELS, entry.name) }));
}
