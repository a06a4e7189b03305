import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { expandVariables, type Configuration } from "./configuration.js";

/** Names the file whose variables commands get, as in execd. Clients append lines to it. */
export const ENVIRONMENT_FILE = "EXECD_ENVS";
/** A larger file is ignored. In bytes. */
const LARGEST_FILE = 2 ** 20;

/** Returns the variables of the box, and over them those of the file that `EXECD_ENVS` names. */
export function currentEnvironment({ env }: Configuration): Readonly<Record<string, string>> {
  const file = env[ENVIRONMENT_FILE];
  const text = file === undefined ? "" : readRegularFile(file);
  return text === "" ? env : { ...env, ...parseEnvironment(text, env) };
}

/** Matches a line of the file: the name, and the value in single quotes, which may span lines, or to the line's end. */
const VARIABLE = /^[^\S\n]*([^=#\s\0][^=\n\0]*)=(?:'([^'\0]*)'[^\S\n]*$|([^\n\0]*)$)/gm;
const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" };

/**
 * Parses lines of `NAME=value`. A value in single quotes is taken as it is, also over several lines. In double quotes
 * `\\`, `\"`, `\n`, `\r` and `\t` are escapes. Outside single quotes, `$NAME` and `${NAME}` stand for variables of `env`.
 */
export function parseEnvironment(
  text: string,
  env: Readonly<Record<string, string>>,
): Record<string, string> {
  const variables = [...text.matchAll(VARIABLE)].map(([, name = "", literal, value = ""]) => [
    name,
    literal ?? parseValue(value.trim(), env),
  ]);
  return Object.fromEntries(variables) as Record<string, string>;
}

function parseValue(value: string, env: Readonly<Record<string, string>>): string {
  const expand = (text: string) => expandVariables(text, env, () => "");
  if (!(value.length > 1 && value.startsWith('"') && value.endsWith('"'))) return expand(value);
  const unescape = (_match: string, letter: string) => ESCAPES[letter] ?? letter;
  return expand(value.slice(1, -1)).replace(/\\(["\\nrt])/g, unescape);
}

/** Returns the content of a file; nothing if it is missing, too large or not a regular file. Never blocks. */
function readRegularFile(file: string): string {
  let descriptor: number | undefined;
  try {
    // Opening a pipe that code put there would wait for its writer.
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
    const stats = fstatSync(descriptor);
    return stats.isFile() && stats.size <= LARGEST_FILE ? readFileSync(descriptor, "utf8") : "";
  } catch {
    return "";
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}
