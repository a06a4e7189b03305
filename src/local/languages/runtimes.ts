import path from "node:path";
import { InvalidArgumentException } from "../../errors.js";
import {
  LANGUAGES,
  NO_RUNTIMES,
  RUNTIME_NAMES,
  type InstalledRuntimes,
  type RuntimeName,
} from "./languages.js";
import { isVersion, type Finder, type Runtime } from "./runtime.js";

/** The installations that one sandbox uses. */
export interface SelectedRuntimes {
  readonly installed: InstalledRuntimes;
  /** By language, one sentence saying that another version runs than the sandbox asked for. */
  readonly notices: Readonly<Partial<Record<RuntimeName, string>>>;
}

/** The language installations of this machine. Each is looked for once, when it is first needed. */
export class Runtimes {
  readonly #finders: Readonly<Record<RuntimeName, Finder>>;
  readonly #probed = new Map<string, Promise<Runtime | null>>();
  readonly #defaults = new Map<RuntimeName, Promise<Runtime | null>>();

  constructor(finders: Readonly<Record<RuntimeName, Finder>> = LANGUAGES) {
    this.#finders = finders;
  }

  /** Finds the installation to use if no version is asked for; `null` if there is none. */
  default(name: RuntimeName): Promise<Runtime | null> {
    let found = this.#defaults.get(name);
    if (found === undefined) {
      found = this.#first(name, () => true);
      this.#defaults.set(name, found);
    }
    return found;
  }

  /**
   * Makes an installation the default.
   *
   * @param location - a program, or the folder of a virtual environment with the program in `bin`
   * @throws {InvalidArgumentException} if it cannot run the language's kernel
   */
  async use(name: "python", location: string): Promise<void> {
    const absolute = path.resolve(location);
    const inFolder = path.join(absolute, "bin", name);
    const found = (await this.#probe(name, inFolder)) ?? (await this.#probe(name, absolute));
    if (found === null) {
      throw new InvalidArgumentException(
        `python must be the path of Python 3.8 or newer or of the folder of a virtual environment; got ${JSON.stringify(location)}`,
      );
    }
    this.#defaults.set(name, Promise.resolve(found));
  }

  /** Selects the installations for a sandbox with these environment variables. */
  async select(env: Readonly<Record<string, string>>): Promise<SelectedRuntimes> {
    const installed: Record<RuntimeName, Runtime | null> = { ...NO_RUNTIMES };
    const notices: Partial<Record<RuntimeName, string>> = {};
    await Promise.all(
      RUNTIME_NAMES.map(async (name) => {
        const { version } = LANGUAGES[name];
        const wanted = version === undefined ? "" : (env[version.variable] ?? "").trim();
        const usual = await this.default(name);
        installed[name] = usual;
        if (version === undefined || wanted === "" || usual === null) return;
        const match = isVersion(usual.version, wanted) ? usual : await this.find(name, wanted);
        installed[name] = match ?? usual;
        if (match === null) {
          notices[name] =
            `${version.variable} is ${wanted}, which is not installed on this machine; ${version.of} ${usual.version} runs instead.`;
        }
      }),
    );
    return { installed, notices };
  }

  /** Finds an installation of a version such as `3.12`; `null` if there is none. */
  find(name: RuntimeName, version: string): Promise<Runtime | null> {
    return this.#first(name, (found) => isVersion(found.version, version), version);
  }

  async #first(
    name: RuntimeName,
    accept: (found: Runtime) => boolean,
    version?: string,
  ): Promise<Runtime | null> {
    for (const candidate of this.#finders[name].candidates()) {
      const promised = candidate.version;
      // A name may be more or less precise than the wanted version; skip only those that contradict it.
      const contradicts =
        version !== undefined &&
        promised !== undefined &&
        !isVersion(promised, version) &&
        !isVersion(version, promised);
      if (contradicts) continue;
      const found = await this.#probe(name, candidate.executable);
      if (found !== null && accept(found)) return found;
    }
    return null;
  }

  #probe(name: RuntimeName, executable: string): Promise<Runtime | null> {
    const key = `${name} ${executable}`;
    let probed = this.#probed.get(key);
    if (probed === undefined) {
      // A probe rejects if the program is broken, too old, or a stub that only says how to install it.
      probed = this.#finders[name].probe(executable).catch(() => null);
      this.#probed.set(key, probed);
    }
    return probed;
  }
}
