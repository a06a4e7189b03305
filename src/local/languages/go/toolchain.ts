import { readdirSync } from "node:fs";
import { mkdir, readdir, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { packagesByName } from "./state.js";

/** The file that the shared directory has once the whole standard library is compiled. */
export const COMPLETE = "complete";

/**
 * Links the compiled standard library, which all sandboxes share read-only, into a sandbox's own build cache. The sandbox
 * adds what it compiles itself.
 *
 * @returns whether all of it was there
 */
export async function linkSharedCache(shared: string, own: string): Promise<boolean> {
  const directories = await readdir(shared).catch((): string[] => []);
  for (const directory of directories.filter((name) => /^[0-9a-f]{2}$/.test(name))) {
    const [from, to] = [path.join(shared, directory), path.join(own, directory)];
    await mkdir(to, { recursive: true });
    const names = await readdir(from).catch(() => []);
    const present = new Set(await readdir(to));
    await Promise.all(
      names
        .filter((name) => !present.has(name))
        .map((name) => symlink(path.join(from, name), path.join(to, name)).catch(() => undefined)),
    );
  }
  // Without this file the first build looks for old entries to remove.
  await mkdir(own, { recursive: true });
  await writeFile(path.join(own, "trim.txt"), String(Math.floor(Date.now() / 1000)));
  return directories.includes(COMPLETE);
}

let known: { readonly root: string; readonly packages: ReadonlyMap<string, string> } | undefined;

/** Returns the packages of the standard library by name, given the directory of its sources. */
export function standardPackages(root: string): ReadonlyMap<string, string> {
  if (known?.root !== root) known = { root, packages: packagesByName([...packagesBelow(root, "")]) };
  return known.packages;
}

function* packagesBelow(root: string, parent: string): Generator<string> {
  let entries;
  try {
    entries = readdirSync(path.join(root, parent), { withFileTypes: true });
  } catch {
    return; // This Go has no sources, so snippets must import every package.
  }
  if (parent !== "" && entries.some(({ name }) => name.endsWith(".go"))) yield parent;
  for (const entry of entries) {
    if (entry.isDirectory()) yield* packagesBelow(root, path.posix.join(parent, entry.name));
  }
}

/** Returns the lines of the compiler's output that concern the user's code, without the program's path. */
export function compilerLines(output: string, directory: string): string[] {
  return output
    .replaceAll(`${directory}/`, "")
    .replace(/\[main\.go:\d+:\d+\]/g, "")
    .split("\n")
    .filter((line) => line.trim() !== "" && !line.startsWith("# "));
}

/** Returns the imports, as they are written, that the compiler reports as unused. */
export function unusedImports(lines: readonly string[]): string[] {
  return lines.flatMap((line) => {
    const [, importPath, alias] = /("[^"]+") imported (?:as (\S+) )?and not used/.exec(line) ?? [];
    if (importPath === undefined) return [];
    return [importPath, ...(alias === undefined ? [] : [`${alias} ${importPath}`])];
  });
}
