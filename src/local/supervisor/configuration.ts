import { statSync } from "node:fs";
import path from "node:path";
import { invalid } from "./http/problems.js";
import type { BoxMount } from "../box/isolation/mounts.js";
import type { WatchedLimits } from "./limits/watchdog.js";

/** The configuration that the host sends when the supervisor starts. */
export interface Configuration {
  /** Where code and commands start, and the base of relative paths. */
  readonly workspace: string;
  /** A private directory for the supervisor. */
  readonly scratch: string;
  /** The complete environment of kernels and commands. */
  readonly env: Readonly<Record<string, string>>;
  /** By language, in execd's spelling. Missing languages are unknown. */
  readonly languages: Readonly<Record<string, LanguageConfiguration>>;
  /** The port on which outgoing connections are accepted for the host. */
  readonly proxyPort?: number | undefined;
  /** Languages whose kernel is started in advance. */
  readonly prewarm: readonly string[];
  /** The ports to try for clients that look for Jupyter; 0 is any free one. */
  readonly jupyterPorts: readonly number[];
  /** What must be mounted, by path in the box. */
  readonly mounts: readonly Pick<BoxMount, "target" | "identity">[];
  /** `null` if the supervisor also sees processes of others, which it must not end. */
  readonly limits: WatchedLimits | null;
}

/** How code of a language runs in this box, or why it does not. */
export type LanguageConfiguration = KernelLaunch | UnavailableLanguage;

/** How to start the kernel of a language, with paths inside the box. */
export interface KernelLaunch {
  /** The program and its arguments. */
  readonly command: readonly [program: string, ...args: string[]];
  /** Variables in addition to those of the box. */
  readonly env?: Readonly<Record<string, string>>;
  /** Settings for the kernel's own program. */
  readonly settings?: Readonly<Record<string, string | number | boolean>>;
  /** Text that the first run of each context prints to stderr. */
  readonly notice?: string | undefined;
}

export interface UnavailableLanguage {
  /** What is missing and how to install it: completes the sentence "… is not available: ". */
  readonly unavailable: string;
}

/**
 * Resolves a `cwd` as execd does: expands `~`, `$NAME` and `${NAME}`; relative paths start at the workspace.
 *
 * @throws {Problem} 400 if it is not a directory, or contains an unset variable
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

/** Expands `~` and variables in a path. @throws {Problem} 400 for an unset variable */
export function expandPath(given: string, { workspace, env }: Configuration): string {
  const home = env["HOME"] ?? workspace;
  const expanded = expandVariables(given.replace(/^~(?=\/|$)/, home), env, (name) => {
    throw invalid(`environment variable ${name} is not set in path ${given}`);
  });
  return path.resolve(workspace, expanded);
}

/** Expands `$NAME` and `${NAME}`. @param unset - returns what stands for a variable that is not set */
export function expandVariables(
  text: string,
  env: Readonly<Record<string, string>>,
  unset: (name: string) => string,
): string {
  return text.replace(/\$(?:(\w+)|\{(\w+)\})/g, (_match, bare?: string, braced?: string) => {
    const name = bare ?? braced ?? "";
    // Every object has an inherited `constructor`.
    return (Object.hasOwn(env, name) ? env[name] : undefined) ?? unset(name);
  });
}
