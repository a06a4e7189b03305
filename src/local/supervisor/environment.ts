import { statSync } from "node:fs";
import path from "node:path";
import { invalid } from "./problem.js";

/** What the host tells the supervisor at its start. */
export interface Configuration {
  /** The directory where code and commands start, and to which relative paths refer. */
  readonly workspace: string;
  /** A private directory for the supervisor itself. */
  readonly scratch: string;
  /** The whole environment of kernels and commands. */
  readonly env: Readonly<Record<string, string>>;
  readonly python: PythonConfiguration | null;
}

export interface PythonConfiguration {
  readonly executable: string;
  /** The kernel's program. */
  readonly script: string;
  /** Whether to use IPython where it can be imported. */
  readonly ipython: boolean;
  /** Whether to start a kernel before anyone asks for one. */
  readonly prewarm: boolean;
}

/**
 * Resolves a `cwd` as execd does: `~`, `$NAME` and `${NAME}` expanded, relative to the workspace.
 *
 * @throws {Problem} 400 where it is no directory, or names a variable that is not set
 */
export function resolveDirectory(given: string, configuration: Configuration): string {
  const directory = expandPath(given, configuration);
  let isDirectory: boolean;
  try {
    isDirectory = statSync(directory).isDirectory();
  } catch {
    throw invalid(
      `working directory does not exist: ${directory}: stat ${directory}: no such file or directory`,
    );
  }
  if (!isDirectory) throw invalid(`working directory path is not a directory: ${directory}`);
  return directory;
}

/** @throws {Problem} 400 for a variable that is not set */
export function expandPath(given: string, { workspace, env }: Configuration): string {
  const home = env["HOME"] ?? workspace;
  const expanded = given
    .replace(/^~(?=\/|$)/, home)
    .replace(/\$(?:(\w+)|\{(\w+)\})/g, (_match, bare: string | undefined, braced: string | undefined) => {
      const name = bare ?? braced ?? "";
      const value = env[name];
      if (value === undefined) throw invalid(`environment variable ${name} is not set in path ${given}`);
      return value;
    });
  return path.resolve(workspace, expanded);
}
