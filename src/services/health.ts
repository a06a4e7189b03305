import { type CallOptions, checkOptions } from "../arguments.js";
import { isSandboxException } from "../errors.js";
import { unwrapEmpty } from "../transport/client.js";
import type { SandboxLink } from "./link.js";

/** Says whether the sandbox answers. */
export class Health {
  readonly #link: SandboxLink;

  /** @internal */
  constructor(link: SandboxLink) {
    this.#link = link;
  }

  /**
   * Asks once whether the sandbox answers, without retries. Kernels may still be starting when it does.
   *
   * @throws {SandboxException} when it does not
   */
  async ping(options: CallOptions = {}): Promise<void> {
    const { client, json } = this.#link.execd;
    unwrapEmpty(await client.GET("/ping", json({ ...checkOptions(options), retry: false })));
  }

  /**
   * As {@link ping}, with `false` for any failure but the caller's own: an abort, a bad argument, or the use of a closed
   * sandbox.
   */
  async isHealthy(options: CallOptions = {}): Promise<boolean> {
    const { signal } = checkOptions(options);
    try {
      await this.ping({ signal });
      return true;
    } catch (error) {
      const isOwn = isSandboxException(error) && ["CLOSED", "INVALID_ARGUMENT"].includes(error.error.code);
      if (isOwn || signal?.aborted || !isSandboxException(error)) throw error;
      return false;
    }
  }
}
