import { inspect, types } from "node:util";
import type { RunError } from "./channel.js";
import type { Unsupported } from "./unsupported-syntax.js";

export const INTERRUPTED: RunError = {
  ename: "KeyboardInterrupt",
  evalue: "",
  traceback: ["KeyboardInterrupt: the run was interrupted"],
};

/** Converts a thrown value to the error of a run. */
export function describeThrown(thrown: unknown): RunError {
  try {
    if (!isErrorLike(thrown)) {
      const text = typeof thrown === "string" ? thrown : inspect(thrown);
      return { ename: "Uncaught", evalue: text, traceback: [`Uncaught ${inspect(thrown)}`] };
    }
    const traceback = inspect(thrown).split("\n");
    // Code may have set these properties to values of any type.
    const { name, message } = thrown;
    return { ename: String(name), evalue: String(message), traceback };
  } catch {
    return { ename: "Error", evalue: "<the error cannot be shown>", traceback: [] };
  }
}

/** Returns whether a value is an error, or looks like one: a `DOMException`, or an error built from a prototype. */
function isErrorLike(thrown: unknown): thrown is { readonly name: unknown; readonly message: unknown } {
  if (types.isNativeError(thrown)) return true;
  if (typeof thrown !== "object" || thrown === null) return false;
  const fields = ["name", "message", "stack"].map((key): unknown => Reflect.get(thrown, key));
  return fields.every((field) => typeof field === "string");
}

/** Converts a syntax error that V8 found. Only the inspector's details contain its position. */
export function describeSyntaxError({ name, message }: Error, position: Position): RunError {
  return quote(name, message, position);
}

/** An error that sucrase throws; its position counts from 1. */
interface TranspilerError extends SyntaxError {
  readonly loc: { readonly line: number; readonly column: number };
}

export function isTranspilerError(error: unknown): error is TranspilerError {
  if (!(error instanceof SyntaxError) || !("loc" in error)) return false;
  const { loc } = error;
  return typeof loc === "object" && loc !== null && "line" in loc && "column" in loc;
}

/** Converts a syntax error that was found while types were removed. */
export function describePosition({ message, loc }: TranspilerError, code: string, cell: string): RunError {
  const evalue = message.replace(/^Error transforming [^:]*: /, "").replace(/ \(\d+:\d+\)$/, "");
  return quote("SyntaxError", evalue, { line: loc.line - 1, column: loc.column - 1, code, cell });
}

/** Describes syntax that the kernel does not support. */
export function describeUnsupported({ message, offset }: Unsupported, code: string, cell: string): RunError {
  const before = code.slice(0, offset).split("\n");
  const position = { line: before.length - 1, column: before.at(-1)?.length ?? 0 };
  return quote("SyntaxError", message, { ...position, code, cell });
}

/** Lines and columns count from 0. */
interface Position {
  readonly line: number;
  readonly column: number;
  readonly code: string;
  readonly cell: string;
}

function quote(ename: string, evalue: string, position: Position): RunError {
  const { code, cell } = position;
  const lines = code.trimEnd().split("\n");
  // An error at the end of the code has a position after it, in a line that the kernel added.
  const isBeyond = position.line >= lines.length;
  const line = isBeyond ? lines.length - 1 : position.line;
  const source = lines[line] ?? "";
  const column = isBeyond ? source.length : position.column;
  const caret = `${source.slice(0, column).replace(/\S/g, " ")}^`;
  return { ename, evalue, traceback: [`${cell}:${line + 1}`, source, caret, "", `${ename}: ${evalue}`] };
}
