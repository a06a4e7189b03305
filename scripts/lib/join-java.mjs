import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Joins the Java sources of a folder to one source file, with all imports at its beginning. `main` comes first, since Java
 * launches the first class of a file.
 */
export function joinJava(directory, main) {
  const names = readdirSync(directory).filter((name) => name.endsWith(".java"));
  const others = names.filter((name) => name !== main).sort();
  const sources = [main, ...others].map((name) => readFileSync(join(directory, name), "utf8"));
  const imports = new Set(sources.flatMap((source) => source.match(IMPORT) ?? []));
  const bodies = sources.map((source) => source.replace(IMPORT, "").trim());
  return `${[...imports].sort().join("")}\n${bodies.join("\n\n")}\n`;
}

const IMPORT = /^import .*;\n/gm;
