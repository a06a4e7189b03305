import type { Configuration } from "../configuration.js";
import type { PipePool } from "../pipes.js";
import type { Kernel, KernelHost } from "./kernel.js";
import { STARTERS } from "./starters.js";

// After this long without a new context, a spare kernel is unlikely to be needed.
const SPARE_LIFE_MS = 10 * 60 * 1000;

interface Spare {
  readonly kernel: Promise<Kernel>;
  readonly stopping: NodeJS.Timeout;
}

/**
 * Starts kernels, and keeps a spare one ready for each language that is in use, so that the next context does not wait for
 * its start.
 */
export class KernelPool {
  readonly #configuration: Configuration;
  readonly #host: KernelHost;
  readonly #starters: typeof STARTERS;
  readonly #spares = new Map<string, Spare>();

  constructor(configuration: Configuration, pipes: PipePool, starters = STARTERS) {
    this.#starters = starters;
    const { workspace, scratch, env } = configuration;
    this.#configuration = configuration;
    this.#host = { workspace, scratch, env, pipes };
    for (const language of configuration.prewarm) this.#addSpare(language);
  }

  /** Returns why code of a language cannot run here; `undefined` if it can. */
  whyUnavailable(language: string): string | undefined {
    const configured = this.#configuration.languages[language];
    if (configured === undefined) return "this version of the local server has no kernel for it";
    return "unavailable" in configured ? configured.unavailable : undefined;
  }

  /** Returns what the first run of each context prints on stderr before its own output. */
  noticeOf(language: string): string | undefined {
    const configured = this.#configuration.languages[language];
    return configured !== undefined && "notice" in configured ? configured.notice : undefined;
  }

  /** Returns the spare kernel of a language, or starts a new one. */
  take(language: string): Promise<Kernel> {
    const spare = this.#spares.get(language);
    clearTimeout(spare?.stopping);
    this.#spares.delete(language);
    const taken = this.#aliveOrNew(language, spare?.kernel);
    // Start the next spare only when this kernel is ready: before that, the two would compete for the processor.
    taken
      .then((kernel) => kernel.ready)
      .then(
        () => this.#addSpare(language),
        () => undefined, // The caller of take() handles the error.
      );
    return taken;
  }

  async #aliveOrNew(language: string, spare: Promise<Kernel> | undefined): Promise<Kernel> {
    const kernel = await spare?.catch(() => undefined);
    return kernel?.alive === true ? kernel : this.#start(language);
  }

  #addSpare(language: string): void {
    if (this.#spares.has(language) || this.whyUnavailable(language) !== undefined) return;
    const kernel = this.#start(language);
    kernel.catch(() => undefined); // The next take() starts a kernel itself and reports the error.
    const stopping = setTimeout(() => {
      this.#spares.delete(language);
      kernel.then(
        (idle) => idle.kill(),
        () => undefined,
      );
    }, SPARE_LIFE_MS);
    stopping.unref();
    this.#spares.set(language, { kernel, stopping });
  }

  async #start(language: string): Promise<Kernel> {
    const launch = this.#configuration.languages[language];
    const start = this.#starters[language];
    if (launch === undefined || "unavailable" in launch || start === undefined) {
      throw new Error(`${language}: ${this.whyUnavailable(language) ?? "there is no kernel for it"}`);
    }
    return start(launch, this.#host);
  }
}
