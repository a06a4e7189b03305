import path from "node:path";
import { SupportedLanguage } from "../index.js";
import { UsageError } from "./errors.js";

/** Other names of a language: file extensions, interpreters, common short forms. */
const ALIASES: Readonly<Record<string, readonly string[]>> = {
  [SupportedLanguage.Python]: ["py", "python3", "ipython"],
  [SupportedLanguage.JavaScript]: ["js", "mjs", "cjs", "node"],
  [SupportedLanguage.TypeScript]: ["ts", "mts", "cts", "tsx", "ts-node", "deno", "bun"],
  [SupportedLanguage.Bash]: ["sh", "shell"],
  [SupportedLanguage.Go]: ["golang"],
  [SupportedLanguage.Java]: ["jsh", "jshell"],
};

/** The languages that every code-interpreter image has. */
export const LANGUAGES: readonly string[] = Object.keys(ALIASES);

/** Returns the language that a user means by `py`, `JS` or `golang`. Unknown names are passed to the server. */
export function resolveLanguage(name: string): string {
  return knownLanguage(name) ?? name;
}

/**
 * Returns the language of a program: by the user's option, the file's extension, or its first line.
 *
 * @throws {UsageError} if none of them names a language
 */
export function languageOf(program: {
  readonly file: string | undefined;
  readonly code: string;
  readonly language?: string | undefined;
}): string {
  const { file, code, language } = program;
  if (language !== undefined) return resolveLanguage(language);
  const ending = file === undefined ? "" : path.extname(file).slice(1);
  const found = knownLanguage(ending) ?? knownLanguage(interpreterOf(code));
  if (found !== undefined) return found;
  if (file === undefined) return SupportedLanguage.Python;
  throw new UsageError(
    `${file}: the language cannot be told from the name. Name it with -l: ${LANGUAGES.join(", ")}.`,
  );
}

function knownLanguage(name: string): string | undefined {
  const lower = name.toLowerCase();
  return LANGUAGES.find((language) => language === lower || ALIASES[language]?.includes(lower));
}

/** Returns the program in a first line such as `#!/usr/bin/env -S python3.12 -u`, without its version. */
function interpreterOf(code: string): string {
  const [, line = ""] = /^#!(.*)/.exec(code) ?? [];
  const words = line
    .trim()
    .split(/\s+/)
    .map((word) => path.posix.basename(word));
  const name = words[0] === "env" ? words.slice(1).find((word) => !/^-|=/.test(word)) : words[0];
  return (name ?? "").replace(/(?<=python|node)\d?(\.\d+)*$/, "");
}
