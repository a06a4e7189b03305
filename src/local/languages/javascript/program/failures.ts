import { inspect, types } from "node:util";
import type { RunError } from "./channel.js";

export const INTERRUPTED: RunError = {
  ename: "KeyboardInterrupt",
  evalue: "",
  traceback: ["KeyboardInterrupt: the run was interrupted"],
};

/** What code has thrown, as an error of its run. */
export function describeThrown(thrown: unknown): RunError {
  try {
    if (!types.isNativeError(thrown)) {
      const text = typeof thrown === "string" ? thrown : inspect(thrown);
      return { ename: "Uncaught", evalue: text, traceback: [`Uncaught ${inspect(thrown)}`] };
    }
    const traceback = inspect(thrown).split("\n");
    // Code may have given them any value.
    const { name, message }: { name: unknown; message: unknown } = thrown;
    return { ename: String(name), evalue: String(message), traceback };
  } catch {
    return { ename: "Error", evalue: "<the error cannot be shown>", traceback: [] };
  }
}

/** A syntax error that V8 found, which knows its position only here. */
export function describeSyntaxError({ name, message }: Error, position: Position): RunError {
  const isDecorator = position.code.split("\n")[position.line]?.[position.column] === "@";
  return quote(name, isDecorator ? `${message}: there are no decorators here` : message, position);
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
