import { execFile } from "node:child_process";
import { accessSync, constants, readdirSync, realpathSync, statSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";

const PROBE_TIMEOUT_MS = 20_000;

/** Returns the paths of all programs of a name, in the order of the search path. */
export function onPath(name: string): string[] {
  return searchPath()
    .map((directory) => path.join(directory, name))
    .filter(isProgram);
}

/** Returns all programs on the search path whose name matches; the pattern's first group is the version. */
export function onPathLike(pattern: RegExp): { executable: string; version: string }[] {
  return searchPath().flatMap((directory) =>
    entriesOf(directory).flatMap((name) => {
      const version = pattern.exec(name)?.[1];
      const executable = path.join(directory, name);
      return version === undefined || !isProgram(executable) ? [] : [{ executable, version }];
    }),
  );
}

/** Returns a program of each subdirectory (the layout of version managers), the newest version first. */
export function below(directory: string, program: string): { executable: string; name: string }[] {
  return entriesOf(directory)
    .map((name) => ({ executable: path.join(directory, name, program), name }))
    .filter(({ executable }) => isProgram(executable))
    .sort((a, b) => b.name.localeCompare(a.name, "en", { numeric: true }));
}

/** Returns the names in a directory; none if it does not exist. */
export function entriesOf(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/** Resolves the links of a path. Returns the path itself if it does not exist. */
export function realPathOf(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return file;
  }
}

/**
 * Runs a program and resolves to its standard output and standard error.
 *
 * @throws {Error} if it does not exist, fails, or takes too long
 */
export async function outputOf(
  executable: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<string> {
  const options = { timeout: PROBE_TIMEOUT_MS, env: { ...process.env, ...env } };
  const { stdout, stderr } = await promisify(execFile)(executable, args, options);
  return `${stdout}${stderr}`;
}

/** Returns the directories of the search path. Relative entries would refer to other directories in a sandbox. */
export function searchPath(): string[] {
  const entries = (process.env["PATH"] ?? "").split(path.delimiter);
  return [...new Set(entries.filter((entry) => path.isAbsolute(entry)))];
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
