import path from "node:path";
import { InvalidArgumentException } from "../../errors.js";
import { bashFinder } from "./bash/runtime.js";
import { goFinder } from "./go/runtime.js";
import { javaFinder } from "./java/runtime.js";
import { nodeFinder } from "./javascript/runtime.js";
import { pythonFinder } from "./python/runtime.js";
import { isVersion, RUNTIME_NAMES, type Finder, type Runtime, type RuntimeName } from "./runtime.js";

const FINDERS: Readonly<Record<RuntimeName, Finder>> = {
  python: pythonFinder,
  node: nodeFinder,
  java: javaFinder,
  go: goFinder,
  bash: bashFinder,
};

/** The real image's variables, by which a sandbox asks for a version. */
const VERSION_VARIABLES: Readonly<Partial<Record<RuntimeName, string>>> = {
  python: "PYTHON_VERSION",
  node: "NODE_VERSION",
  java: "JAVA_VERSION",
  go: "GO_VERSION",
};

const LANGUAGE_NAMES: Readonly<Record<RuntimeName, string>> = {
  python: "Python",
  node: "Node",
  java: "Java",
  go: "Go",
  bash: "Bash",
};

/** An installation for each language; `null` where this machine has none. */
export type InstalledRuntimes = Readonly<Record<RuntimeName, Runtime | null>>;

/** What one sandbox uses. */
export interface SelectedRuntimes {
  readonly installed: InstalledRuntimes;
  /** For whom a language runs in another version than was asked for: one sentence. */
  readonly notices: Readonly<Partial<Record<RuntimeName, string>>>;
}

/** The language installations of this machine. They are looked for when somebody asks, and once. */
export class Runtimes {
  readonly #finders: Readonly<Record<RuntimeName, Finder>>;
  readonly #probed = new Map<string, Promise<Runtime | null>>();
  readonly #defaults = new Map<RuntimeName, Promise<Runtime | null>>();

  constructor(finders: Readonly<Record<RuntimeName, Finder>> = FINDERS) {
    this.#finders = finders;
  }

  /** The installation that is used when no version is asked for; `null` where there is none. */
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
   * @param location - a program, or the folder of an environment with the program in `bin`
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

  /** The installations for a sandbox with this environment. */
  async select(env: Readonly<Record<string, string>>): Promise<SelectedRuntimes> {
    const installed: Record<RuntimeName, Runtime | null> = {
      ...{ python: null, node: null, java: null, go: null, bash: null },
    };
    const notices: Partial<Record<RuntimeName, string>> = {};
    await Promise.all(
      RUNTIME_NAMES.map(async (name) => {
        const variable = VERSION_VARIABLES[name];
        const wanted = variable === undefined ? "" : (env[variable] ?? "").trim();
        const usual = await this.default(name);
        installed[name] = usual;
        if (variable === undefined || wanted === "" || usual === null) return;
        const match = isVersion(usual.version, wanted) ? usual : await this.find(name, wanted);
        installed[name] = match ?? usual;
        if (match === null) {
          notices[name] =
            `${variable} is ${wanted}, which is not installed on this machine; ${LANGUAGE_NAMES[name]} ${usual.version} runs instead.`;
        }
      }),
    );
    return { installed, notices };
  }

  /** An installation of a version, such as `3.12`; `null` where there is none. */
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
      // A name can be less exact than what is wanted, or more; only one that contradicts it is passed over.
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
      // Broken, too old, or a stub that only says how to install it.
      probed = this.#finders[name].probe(executable).catch(() => null);
      this.#probed.set(key, probed);
    }
    return probed;
  }
}
