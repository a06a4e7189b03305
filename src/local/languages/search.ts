import { execFile } from "node:child_process";
import { accessSync, constants, readdirSync, realpathSync, statSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";

const PROBE_TIMEOUT_MS = 20_000;

/** Every program of a name on the search path, the first one first. */
export function onPath(name: string): string[] {
  return searchPath()
    .map((directory) => path.join(directory, name))
    .filter(isProgram);
}

/** Every program on the search path whose name fits, with what the pattern's first group caught. */
export function onPathLike(pattern: RegExp): { executable: string; version: string }[] {
  return searchPath().flatMap((directory) =>
    entriesOf(directory).flatMap((name) => {
      const version = pattern.exec(name)?.[1];
      const executable = path.join(directory, name);
      return version === undefined || !isProgram(executable) ? [] : [{ executable, version }];
    }),
  );
}

/** A program in each of a directory's subdirectories, as version managers keep them, the newest version first. */
export function below(directory: string, program: string): { executable: string; name: string }[] {
  return entriesOf(directory)
    .map((name) => ({ executable: path.join(directory, name, program), name }))
    .filter(({ executable }) => isProgram(executable))
    .sort((a, b) => b.name.localeCompare(a.name, "en", { numeric: true }));
}

/** The names in a directory; none where there is no such directory. */
export function entriesOf(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/** The file that a path means in the end, links followed; the path itself where it means none. */
export function realPathOf(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return file;
  }
}

/**
 * What a program prints.
 *
 * @throws {Error} where it is not there, fails, or takes too long
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

// Relative entries would mean something else in a sandbox.
function searchPath(): string[] {
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
