import { CHART_MIME_TYPE } from "./chart.js";
import type { ExecutionError } from "./event.js";
import { byteLength, cut, maxItemsOf, OutputLog, type OutputBound } from "./output-log.js";
import { ExecutionResult } from "./result.js";

/** The bytes that an error may always take, so that a small bound does not hide why the code failed. */
const LEAST_ERROR_BYTES = 1_000;
/** Further formats, and formats with longer names (RFC 6838 allows 127 + 1 + 127), are not even listed as omitted. */
const MOST_FORMATS = 100;
const LONGEST_MIME_TYPE = 255;

/** The part of a run's output that is kept if it is bounded. */
export class KeptOutput {
  readonly stdout: OutputLog;
  readonly stderr: OutputLog;
  readonly results: ResultLog;
  readonly #bound: OutputBound;
  #isErrorTruncated = false;

  /** Keeps the output of an execution. Its `logs` change with later output, so each access computes them. */
  constructor(
    bound: OutputBound,
    { logs, results }: { readonly logs: object; readonly results: readonly ExecutionResult[] },
  ) {
    this.#bound = bound;
    this.stdout = new OutputLog(bound);
    this.stderr = new OutputLog(bound);
    // Read-only for users.
    this.results = new ResultLog(bound, results as ExecutionResult[]);
    for (const name of ["stdout", "stderr"] as const) {
      Object.defineProperty(logs, name, { get: () => this[name].messages });
    }
  }

  /** Returns where something was left out. */
  get truncated(): Record<"stdout" | "stderr" | "results" | "error", boolean> {
    return {
      stdout: this.stdout.isTruncated,
      stderr: this.stderr.isTruncated,
      results: this.results.isTruncated,
      error: this.#isErrorTruncated,
    };
  }

  /** Shortens an error to the bound. Returns the same object if it fits. */
  boundError(error: ExecutionError): ExecutionError {
    const { name, value, traceback, timestamp } = error;
    const maxBytes = Math.max(this.#bound.maxBytes, LEAST_ERROR_BYTES);
    const total = byteLength([name, value, ...traceback].join(""));
    this.#isErrorTruncated = total > maxBytes || traceback.length > maxItemsOf(this.#bound);
    if (!this.#isErrorTruncated) return error;
    const lines = new OutputLog({ maxBytes: Math.floor(maxBytes / 2), keep: "both" });
    for (const text of traceback) lines.push({ text, timestamp });
    return {
      name: cut(name, Math.floor(maxBytes / 8))[0],
      value: cut(value, Math.floor(maxBytes / 4))[0],
      traceback: lines.messages.map(({ text }) => text),
      timestamp,
    };
  }
}

/** The results of a run, up to a bound. */
export class ResultLog {
  readonly results: ExecutionResult[];
  /** Whether results, or formats of them, are left out. */
  isTruncated = false;
  readonly #maxResults: number;
  #room: number;

  constructor(bound: OutputBound, results: ExecutionResult[] = []) {
    this.results = results;
    this.#room = bound.maxBytes;
    this.#maxResults = maxItemsOf(bound);
  }

  push(result: ExecutionResult): void {
    if (this.results.length >= this.#maxResults) this.isTruncated = true;
    else this.results.push(this.#bounded(result));
  }

  #bounded(result: ExecutionResult): ExecutionResult {
    // The picture of a chart comes before its data.
    const formats = Object.entries(result.data).sort(
      ([one], [other]) => Number(one === CHART_MIME_TYPE) - Number(other === CHART_MIME_TYPE),
    );
    const kept: typeof formats = [];
    const omitted: [mimeType: string, bytes: number][] = [];
    for (const [mimeType, value] of formats.slice(0, MOST_FORMATS)) {
      if (mimeType.length > LONGEST_MIME_TYPE) continue;
      const bytes = byteLength(typeof value === "string" ? value : JSON.stringify(value));
      if (bytes <= this.#room) {
        kept.push([mimeType, value]);
        this.#room -= bytes;
      } else omitted.push([mimeType, bytes]);
    }
    if (kept.length === formats.length) return result;
    this.isTruncated = true;
    // Not by assignment: a server may name a format `__proto__`.
    return new ExecutionResult(Object.fromEntries(kept), result.timestamp, Object.fromEntries(omitted));
  }
}
