import type { CallOptions } from "../arguments.js";
import type { SandboxLink } from "./link.js";
import { iterableOf } from "./loops.js";
import type { SandboxMetrics } from "./metric-calls.js";

/** Loaded when it is used: most programs measure nothing. */
const calls = () => import("./metric-calls.js");

/** Measures processor and memory. */
export class Metrics {
  readonly #link: SandboxLink;

  /** @internal */
  constructor(link: SandboxLink) {
    this.#link = link;
  }

  /** Measures once. This takes a real server about a second. */
  async getMetrics(options: CallOptions = {}): Promise<SandboxMetrics> {
    return (await calls()).getMetrics(this.#link, options);
  }

  /**
   * Measures about every 2 s until you leave the loop or the server ends the stream. Each loop sends its own request, and
   * leaving the loop ends it.
   *
   * @throws {SandboxApiException} if a measurement fails (status 200, with the server's message)
   * @throws {SandboxTimeoutException} `STREAM_STALLED` if nothing arrives for `streamIdleTimeoutSeconds`
   * @throws {SandboxConnectionException} `STREAM_BROKEN`, `STREAM_CUT`
   *
   * @example
   * ```ts
   * for await (const { cpuUsedPercentage } of sandbox.metrics.watch()) {
   *   if (cpuUsedPercentage < 5) break;
   * }
   * ```
   */
  watch(options: CallOptions = {}): AsyncIterable<SandboxMetrics> {
    const link = this.#link;
    return iterableOf(options, async function* (signal) {
      yield* (await calls()).watchMetrics(link, signal);
    });
  }
}
