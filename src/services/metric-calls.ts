import type { CallOptions } from "../arguments.js";
import { SandboxConnectionException, SandboxException } from "../errors.js";
import { isRecord } from "../json.js";
import { EventStreamDecoder } from "../transport/event-stream.js";
import { expectRecord, unexpectedResponse, type ResponseInfo } from "../transport/response.js";
import type { SandboxLink } from "./link.js";

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

/** Implements {@link Metrics.getMetrics}. */
export async function getMetrics({ execd }: SandboxLink, options: CallOptions): Promise<SandboxMetrics> {
  const call = execd.json(options);
  const { data } = await execd.client.GET("/metrics", { fetch: call.fetch });
  return toMetrics(expectRecord(data, call), call);
}

/** Implements {@link Metrics.watch}. Aborting the signal ends the iteration. */
export async function* watchMetrics(
  { sandboxId, execd, config }: SandboxLink,
  signal: AbortSignal,
): AsyncGenerator<SandboxMetrics, void> {
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
      const isWhole = chunk === undefined ? decoder.end() : (await decoder.push(chunk), true);
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
