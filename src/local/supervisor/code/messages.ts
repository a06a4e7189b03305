import type { KernelEvent } from "./kernel.js";

/** What a worker sends. User code in the same process could fake any of it, so nothing is taken on trust. */
export type Message =
  | KernelEvent
  | { readonly type: "ready" | "started" }
  /** `isReusable`: nothing but the worker holds the pipes of the run, so that the next one can have them. */
  | { readonly type: "done"; readonly isReusable: boolean }
  | { readonly type: "note"; readonly text: string }
  /** Code of a run that has ended printed something; runs count from 1. */
  | { readonly type: "late"; readonly run: number };

/** @throws {Error} for what is no message */
export function decodeBatch(values: readonly unknown[]): Message[] {
  return values.map(decodeMessage);
}

/** @throws {Error} for what is no message */
export function decodeMessage(value: unknown): Message {
  if (isRecord(value)) {
    const { type } = value;
    switch (type) {
      case "ready":
      case "started":
        return { type };
      case "done":
        return { type, isReusable: value["isReusable"] === true };
      case "late":
        if (typeof value["run"] === "number") return { type, run: value["run"] };
        break;
      case "stdout":
      case "stderr":
      case "note":
        if (typeof value["text"] === "string") return { type, text: value["text"] };
        break;
      case "result": {
        const { count, data } = value;
        if (isRecord(data) && (count === null || typeof count === "number")) return { type, count, data };
        break;
      }
      case "error": {
        const { ename, evalue, traceback } = value;
        if (typeof ename === "string" && typeof evalue === "string" && Array.isArray(traceback)) {
          return { type, ename, evalue, traceback: traceback.map(String) };
        }
      }
    }
  }
  throw new Error("what was sent is no message");
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
