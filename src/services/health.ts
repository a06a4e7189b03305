import { type CallOptions, checkOptions } from "../arguments.js";
import { isSandboxException } from "../errors.js";
import type { SandboxLink } from "./link.js";

/** How long {@link Health.isHealthy} waits for a response, in seconds: a paused sandbox sends none. */
const HEALTHY_WITHIN_SECONDS = 5;

/** Checks whether the sandbox responds. */
export class Health {
  readonly #link: SandboxLink;

  /** @internal */
  constructor(link: SandboxLink) {
    this.#link = link;
  }

  /**
   * Sends one request to the sandbox, without retries. Kernels may still be starting when it responds.
   *
   * @throws {SandboxException} if it does not respond
   */
  async ping(options: CallOptions = {}): Promise<void> {
    await this.#ping({ signal: checkOptions(options).signal });
  }

  /**
   * As {@link ping}, but resolves to `false` if there is no response within 5 s, and for every other failure except the
   * caller's own: an abort, an invalid argument, or the use of a closed or killed sandbox.
   */
  async isHealthy(options: CallOptions = {}): Promise<boolean> {
    const { signal } = checkOptions(options);
    try {
      await this.#ping({ signal, timeoutSeconds: HEALTHY_WITHIN_SECONDS });
      return true;
    } catch (error) {
      const isOwn = isSandboxException(error) && ["CLOSED", "INVALID_ARGUMENT"].includes(error.error.code);
      if (isOwn || signal?.aborted || !isSandboxException(error)) throw error;
      return false;
    }
  }

  async #ping(options: {
    readonly signal?: AbortSignal | undefined;
    readonly timeoutSeconds?: number;
  }): Promise<void> {
    const { client, json } = this.#link.execd;
    await client.GET("/ping", { fetch: json({ ...options, retry: false }).fetch });
  }
}
