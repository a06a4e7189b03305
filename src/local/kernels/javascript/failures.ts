import { inspect, types } from "node:util";
import type { Runtime } from "node:inspector";
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
    const traceback = withoutOurFrames(inspect(thrown).split("\n"));
    // Code may have given them any value.
    const { name, message }: { name: unknown; message: unknown } = thrown;
    return { ename: String(name), evalue: String(message), traceback };
  } catch {
    return { ename: "Error", evalue: "<the error cannot be shown>", traceback: [] };
  }
}

/** A syntax error that V8 found, which knows its position only here. */
export function describeSyntaxError(
  { name, message }: Error,
  { lineNumber, columnNumber }: Runtime.ExceptionDetails,
  code: string,
  cell: string,
): RunError {
  return quote({ ename: name, evalue: message, line: lineNumber, column: columnNumber }, code, cell);
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
  return quote({ ename: "SyntaxError", evalue, line: loc.line - 1, column: loc.column - 1 }, code, cell);
}

interface Position {
  readonly ename: string;
  readonly evalue: string;
  readonly line: number;
  readonly column: number;
}

function quote({ ename, evalue, line, column }: Position, code: string, cell: string): RunError {
  const source = code.split("\n")[line] ?? "";
  const caret = `${source.slice(0, column).replace(/\S/g, " ")}^`;
  return { ename, evalue, traceback: [`${cell}:${line + 1}`, source, caret, "", `${ename}: ${evalue}`] };
}

/** Takes away the frames below the user's code: those of what evaluated it. */
export function withoutOurFrames(lines: readonly string[]): string[] {
  let isBelow = false;
  return lines.filter((line) => {
    const isFrame = /^\s+at /.test(line);
    isBelow = isFrame && (isBelow || /\bSession\.post \(node:inspector|kernels\/javascript\.mjs/.test(line));
    return !isBelow;
  });
}
