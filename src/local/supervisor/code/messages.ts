import { isRecord } from "../../../json.js";
import type { KernelEvent } from "./kernel.js";

/** A message from a worker. User code in the same process can forge it, so it is validated. */
export type Message =
  | KernelEvent
  | { readonly type: "ready" | "started" }
  /** `isReusable`: only the worker holds the run's pipes, so the next run can use them. */
  | { readonly type: "done"; readonly isReusable: boolean }
  /** Why the kernel starts without a part of it, such as IPython. */
  | { readonly type: "note"; readonly text: string }
  /** Code of an earlier run printed something. Runs count from 1. */
  | { readonly type: "late"; readonly run: number };

/** @throws {Error} if a value is not a valid message */
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
      case "input": {
        const { id, prompt, isPassword } = value;
        if (typeof id === "number" && typeof prompt === "string" && typeof isPassword === "boolean")
          return { type, id, prompt, isPassword };
        break;
      }
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
  throw new Error("expected a message of the kernel's protocol");
}
