import { bash } from "./bash/bash.js";
import { go } from "./go/go.js";
import { java } from "./java/java.js";
import { javascript } from "./javascript/javascript.js";
import type { Language } from "./language.js";
import { python } from "./python/python.js";
import type { Runtime } from "./runtime.js";

const BY_PROGRAM = { python, node: javascript, java, go, bash } satisfies Record<string, Language>;

export type RuntimeName = keyof typeof BY_PROGRAM;

/** The languages of the local server, by the program that runs them. */
export const LANGUAGES: Readonly<Record<RuntimeName, Language>> = BY_PROGRAM;

// `Object.keys` is typed for objects that may have further keys; this one has none.
export const RUNTIME_NAMES = Object.keys(BY_PROGRAM) as readonly RuntimeName[];

/** An installation for each language; `null` where this machine has none. */
export type InstalledRuntimes = Readonly<Record<RuntimeName, Runtime | null>>;

/** What a machine without any of the languages has. */
export const NO_RUNTIMES: InstalledRuntimes = { python: null, node: null, java: null, go: null, bash: null };

/** Returns the command that installs a language, by system. */
export function installCommands(name: RuntimeName): readonly { system: string; command: string }[] {
  const { debian, fedora, macos } = LANGUAGES[name].requirement;
  return [
    { system: "Debian, Ubuntu", command: `sudo apt-get install ${debian}` },
    { system: "Fedora", command: `sudo dnf install ${fedora}` },
    { system: "macOS", command: `brew install ${macos}` },
  ];
}

/** Says that a language is not installed and how to install it: a clause that follows "… is not available: ". */
export function describeMissing(name: RuntimeName): string {
  const commands = installCommands(name).map(({ system, command }) => `${system}: ${command}`);
  return `no ${LANGUAGES[name].requirement.what} was found on this machine; install it (${commands.join("; ")}) and start the local server again`;
}
