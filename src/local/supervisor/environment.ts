import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import type { Configuration } from "./configuration.js";

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

/**
 * Parses lines of `NAME=value`. A value in single quotes is taken as it is. In double quotes `\\`, `\"`, `\n`, `\r` and
 * `\t` are escapes. Outside single quotes, `$NAME` and `${NAME}` stand for variables of `env`.
 */
export function parseEnvironment(
  text: string,
  env: Readonly<Record<string, string>>,
): Record<string, string> {
  const variables: [string, string][] = [];
  for (const line of text.split("\n").map((item) => item.trim())) {
    const [, name, value = ""] = /^([^=#\0][^=\0]*)=([^\0]*)$/.exec(line) ?? [];
    if (name !== undefined) variables.push([name, parseValue(value, env)]);
  }
  return Object.fromEntries(variables);
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" };

function parseValue(value: string, env: Readonly<Record<string, string>>): string {
  const expand = (text: string) =>
    text.replace(/\$(?:(\w+)|\{(\w+)\})/g, (_match, bare?: string, braced?: string) => {
      const name = bare ?? braced ?? "";
      return Object.hasOwn(env, name) ? (env[name] ?? "") : "";
    });
  const isQuoted = (quote: string) => value.length > 1 && value.startsWith(quote) && value.endsWith(quote);
  if (isQuoted("'")) return value.slice(1, -1);
  if (!isQuoted('"')) return expand(value);
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
