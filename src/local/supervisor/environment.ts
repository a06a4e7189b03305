import { statSync } from "node:fs";
import path from "node:path";
import { invalid } from "./http/problem.js";
import type { WatchedLimits } from "./limits/watchdog.js";

/** What the host tells the supervisor at its start. */
export interface Configuration {
  /** The directory where code and commands start, and to which relative paths refer. */
  readonly workspace: string;
  /** A private directory for the supervisor itself. */
  readonly scratch: string;
  /** The whole environment of kernels and commands. */
  readonly env: Readonly<Record<string, string>>;
  /** By language, in execd's spelling. A language that is missing is unknown. */
  readonly languages: Readonly<Record<string, LanguageConfiguration>>;
  /** Languages of which a kernel is started before anyone asks for one. */
  readonly prewarm: readonly string[];
  /** null where the supervisor is not alone with its own processes, and must not end any other. */
  readonly limits: WatchedLimits | null;
}

/** How code of a language runs here, or why it does not. */
export type LanguageConfiguration = KernelLaunch | UnavailableLanguage;

/** What starts the kernel of a language, as seen from inside the box. */
export interface KernelLaunch {
  /** The program and its arguments. */
  readonly command: readonly [program: string, ...args: string[]];
  /** Variables over those of the box. */
  readonly env?: Readonly<Record<string, string>>;
  /** What the kernel's own program or class is told at its start. */
  readonly settings?: Readonly<Record<string, string | number | boolean>>;
  /** What the first run of each context says on stderr. */
  readonly notice?: string | undefined;
}

export interface UnavailableLanguage {
  /** What is missing and how to get it: a clause that follows "… is not available: ". */
  readonly unavailable: string;
}

/**
 * Resolves a `cwd` as execd does: `~`, `$NAME` and `${NAME}` expanded, relative to the workspace.
 *
 * @throws {Problem} 400 if it is not a directory, or names a variable that is not set
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
      // Every object has a `constructor`.
      const value = Object.hasOwn(env, name) ? env[name] : undefined;
      if (value === undefined) throw invalid(`environment variable ${name} is not set in path ${given}`);
      return value;
    });
  return path.resolve(workspace, expanded);
}
