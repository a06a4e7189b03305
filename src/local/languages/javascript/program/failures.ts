import { inspect, types } from "node:util";
import type { RunError } from "./channel.js";
import type { Unsupported } from "./unsupported-syntax.js";

export const INTERRUPTED: RunError = {
  ename: "KeyboardInterrupt",
  evalue: "",
  traceback: ["KeyboardInterrupt: the run was interrupted"],
};

/** What code has thrown, as an error of its run. */
export function describeThrown(thrown: unknown): RunError {
  try {
    if (!isErrorLike(thrown)) {
      const text = typeof thrown === "string" ? thrown : inspect(thrown);
      return { ename: "Uncaught", evalue: text, traceback: [`Uncaught ${inspect(thrown)}`] };
    }
    const traceback = inspect(thrown).split("\n");
    // Code may have given them any value.
    const { name, message } = thrown;
    return { ename: String(name), evalue: String(message), traceback };
  } catch {
    return { ename: "Error", evalue: "<the error cannot be shown>", traceback: [] };
  }
}

/** Also what is no native error, but looks like one: a `DOMException`, and what old libraries make of prototypes. */
function isErrorLike(thrown: unknown): thrown is { readonly name: unknown; readonly message: unknown } {
  if (types.isNativeError(thrown)) return true;
  if (typeof thrown !== "object" || thrown === null) return false;
  const fields = ["name", "message", "stack"].map((key): unknown => Reflect.get(thrown, key));
  return fields.every((field) => typeof field === "string");
}

/** A syntax error that V8 found, which knows its position only here. */
export function describeSyntaxError({ name, message }: Error, position: Position): RunError {
  return quote(name, message, position);
}

/** What sucrase throws, with a position that counts from 1. */
interface TranspilerError extends SyntaxError {
  readonly loc: { readonly line: number; readonly column: number };
}

export function isTranspilerError(error: unknown): error is TranspilerError {
  if (!(error instanceof SyntaxError) || !("loc" in error)) return false;
  const { loc } = error;
  return typeof loc === "object" && loc !== null && "line" in loc && "column" in loc;
}

/** A syntax error that was found while types were removed. */
export function describePosition({ message, loc }: TranspilerError, code: string, cell: string): RunError {
  const evalue = message.replace(/^Error transforming [^:]*: /, "").replace(/ \(\d+:\d+\)$/, "");
  return quote("SyntaxError", evalue, { line: loc.line - 1, column: loc.column - 1, code, cell });
}

/** Syntax that no version of the kernel runs. */
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
  // What is missing at the end is missed behind it, where something of ours is.
  const isBeyond = position.line >= lines.length;
  const line = isBeyond ? lines.length - 1 : position.line;
  const source = lines[line] ?? "";
  const column = isBeyond ? source.length : position.column;
  const caret = `${source.slice(0, column).replace(/\S/g, " ")}^`;
  return { ename, evalue, traceback: [`${cell}:${line + 1}`, source, caret, "", `${ename}: ${evalue}`] };
}
