import { isSandboxException } from "../errors.js";
import { resolveIsolation } from "./box/isolation/resolve.js";
import { installCommands, LANGUAGES, RUNTIME_NAMES } from "./languages/languages.js";
import { Runtimes } from "./languages/runtimes.js";

/** What the local server found on this machine. */
export interface Examination {
  readonly languages: readonly ExaminedLanguage[];
  /** The isolation in use, or why there is none. */
  readonly isolation: { readonly name: string } | { readonly problem: string };
}

/** A language and the program that runs it. */
export interface ExaminedLanguage {
  readonly label: string;
  readonly program: string;
  /** The installation in use, or `undefined` if there is none. */
  readonly found: { readonly version: string; readonly executable: string } | undefined;
  /** The command that installs it, per system. */
  readonly install: readonly { readonly system: string; readonly command: string }[];
}

/** Checks what the local server can use on this machine. */
export async function examineMachine(runtimes: Runtimes = new Runtimes()): Promise<Examination> {
  const [{ installed }, isolation] = await Promise.all([runtimes.select({}), examineIsolation()]);
  const languages = RUNTIME_NAMES.map((name) => {
    const { label, program } = LANGUAGES[name];
    const { version, executable } = installed[name] ?? {};
    const found = version === undefined || executable === undefined ? undefined : { version, executable };
    return { label, program, found, install: installCommands(name) };
  });
  return { languages, isolation };
}

async function examineIsolation(): Promise<Examination["isolation"]> {
  try {
    return { name: (await resolveIsolation("auto")).name };
  } catch (error) {
    if (!isSandboxException(error)) throw error;
    return { problem: error.message };
  }
}
