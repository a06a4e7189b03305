import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./programs.js";

/** The bundlers, compilers and runtimes, as `scripts/prepare-package.mjs` installs them. */
export const tools = join(root, "tests/package/tools/node_modules");

const directory = join(root, "tests/package/tools/packed");
const consumer = join(directory, "consumer");

/** The package as it would be published, as `scripts/prepare-package.mjs` packs and installs it. */
export const packed = {
  ...readPacked(),
  directory,
  /** A project in which the package is installed, with the programs of `tests/package/consumers`. */
  consumer,
  /** The package inside the consumer's `node_modules`. */
  installed: join(consumer, "node_modules/opensandbox-code-interpreter"),
} as const;

/** Returns the packages that an installation of this one brings along. */
export function runtimeDependencies(): string[] {
  const lock = JSON.parse(readFileSync(join(consumer, "package-lock.json"), "utf8")) as {
    packages: Record<string, unknown>;
  };
  return Object.keys(lock.packages)
    .map((path) => path.replace(/^node_modules\//, ""))
    .filter((name) => name !== "" && name !== "opensandbox-code-interpreter");
}

function readPacked(): { readonly tarball: string; readonly files: readonly string[] } {
  return JSON.parse(readFileSync(join(directory, "packed.json"), "utf8")) as {
    tarball: string;
    files: string[];
  };
}
