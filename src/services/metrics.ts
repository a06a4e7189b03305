import { SandboxConnectionException, SandboxException } from "../errors.js";
import { EventStreamDecoder } from "../transport/event-stream.js";
import type { CallOptions } from "../arguments.js";
import { isRecord } from "../json.js";
import { expectRecord, unexpectedResponse, type ResponseInfo } from "../transport/response.js";
import type { SandboxLink } from "./link.js";
import { iterableOf } from "./loops.js";

/** The use of processors and memory. Real servers measure the sandbox's host machine, not the sandbox alone. */
export interface SandboxMetrics {
  /** The number of processors. */
  readonly cpuCount: number;
  /** The use of all processors together, in percent from 0 to 100. */
  readonly cpuUsedPercentage: number;
  /** The total memory, in MiB. */
  readonly memoryTotalMiB: number;
  /** The memory in use, in MiB. */
  readonly memoryUsedMiB: number;
  /** The time of the measurement, in milliseconds since 1970-01-01 UTC. */
  readonly timestamp: number;
}

/** Measures processor and memory. */
export class Metrics {
  readonly #link: SandboxLink;

  /** @internal */
  constructor(link: SandboxLink) {
    this.#link = link;
  }

  /** Measures once. This takes a real server about a second. */
  async getMetrics(options: CallOptions = {}): Promise<SandboxMetrics> {
    const { client, json } = this.#link.execd;
    const call = json(options);
    const { data } = await client.GET("/metrics", { fetch: call.fetch });
    return toMetrics(expectRecord(data, call), call);
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
    return iterableOf(options, (signal) => this.#watch(signal));
  }

  async *#watch(signal: AbortSignal): AsyncGenerator<SandboxMetrics, void> {
    const { sandboxId, execd, config } = this.#link;
    const call = execd.download({ signal });
    const { response } = await execd.client.GET("/metrics/watch", { fetch: call.fetch, parseAs: "stream" });
    const { body, requestId } = call.receive(response);
    const context = { sandboxId, requestId };
    let frames: unknown[] = [];
    let malformed: string | undefined;
    const decoder = new EventStreamDecoder(
      { frame: (value) => frames.push(value), malformed: (reason) => (malformed ??= reason) },
      config,
    );
    try {
      for (;;) {
        const chunk = await body.read();
        const isWhole = chunk === undefined ? decoder.end() : (decoder.push(chunk), true);
        const taken = frames;
        frames = [];
        for (const frame of taken) yield toMetrics(frame, call);
        if (malformed !== undefined) {
          const message = `The stream of metrics is malformed: ${malformed}.`;
          throw new SandboxException({ code: "STREAM_MALFORMED", message, ...context });
        }
        if (!isWhole) {
          const message = "The stream of metrics ended inside a measurement.";
          throw new SandboxConnectionException({ code: "STREAM_CUT", message, ...context });
        }
        if (chunk === undefined) return;
      }
    } finally {
      body.cancel();
    }
  }
}

function toMetrics(frame: unknown, call: ResponseInfo): SandboxMetrics {
  const fields = isRecord(frame) ? frame : {};
  const { error } = fields;
  if (typeof error === "string") throw unexpectedResponse(error, call);
  const number = (field: string): number => {
    const value = fields[field];
    if (typeof value === "number") return value;
    throw unexpectedResponse(`The measurement has no "${field}".`, call);
  };
  return {
    cpuCount: number("cpu_count"),
    cpuUsedPercentage: number("cpu_used_pct"),
    memoryTotalMiB: number("mem_total_mib"),
    memoryUsedMiB: number("mem_used_mib"),
    timestamp: number("timestamp"),
  };
}
