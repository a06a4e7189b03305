import { splitSnippet, type GoItem } from "./source.js";
import { tokenise } from "./tokens.js";

/** A cell in the syntax of the real server's kernel (GoNB): Go, lines for the shell, and `%%` before the body of `main`. */
export interface GoCell {
  /** The lines that begin with `!`. They run before the Go code. */
  readonly shellLines: readonly string[];
  /** The Go code. Removed lines are empty, so that line numbers stay the same. */
  readonly code: string;
  /** The line after which the body of `main` starts; `undefined` if there is no `%%`. */
  readonly mainLine: number | undefined;
  /** The arguments of the program, given after `%%`. */
  readonly args: readonly string[];
  /** Why the cell cannot run; `undefined` if it can. */
  readonly problem: string | undefined;
}

/** Separates a cell's notebook syntax from its Go code. */
export function readCell(cell: string): GoCell {
  const shellLines: string[] = [];
  let mainLine: number | undefined;
  let args: readonly string[] = [];
  let problem: string | undefined;
  const texts = tokenise(cell).filter(({ start, stop }) => cell.slice(start, stop).includes("\n"));
  let offset = 0;
  const lines = cell.split("\n").map((line, index) => {
    const start = offset;
    offset += line.length + 1;
    // Lines inside a raw string are not notebook syntax, whatever they start with.
    if (texts.some((text) => text.start < start && start < text.stop)) return line;
    const [, mark, rest = ""] = /^(!\*?|%%|%\w+)(.*)$/.exec(line) ?? [];
    if (mark === undefined) return line;
    if (mark.startsWith("!")) shellLines.push(rest);
    else if (mark === "%%" || mark === "%main") {
      mainLine ??= index + 1;
      args = rest.split(/\s+/).filter((word) => word !== "");
    } else {
      problem ??= `line ${index + 1}: ${mark} is not supported; a line can begin with "!" for the shell, or be "%%"`;
    }
    return "";
  });
  return { shellLines, code: lines.join("\n"), mainLine, args, problem };
}

/** Returns the items of a cell. What follows `%%` is the body of `main`: its variables and types end with the run. */
export function itemsOf({ code, mainLine }: GoCell): GoItem[] {
  const items = splitSnippet(code);
  if (mainLine === undefined) return items;
  const isLocal = ({ kind, line }: GoItem) => line > mainLine && kind !== "import" && kind !== "func";
  return items.map((item) => (isLocal(item) ? { ...item, kind: "statement", names: [] } : item));
}

/** Renames each import that the compiler found unused to `_`, as GoNB leaves unused imports out. */
export function withoutUnusedImports(code: string, cell: string, complaints: readonly string[]): string {
  const lines = code.split("\n");
  for (const complaint of complaints) {
    const [, place, line, column] =
      /^(<cell \d+>):(\d+):(\d+): .* imported (?:as \S+ )?and not used$/.exec(complaint) ?? [];
    if (place !== cell) continue;
    const index = Number(line) - 1;
    const bytes = Buffer.from(lines[index] ?? "");
    const before = bytes.subarray(0, Number(column) - 1).toString("utf8");
    const after = bytes.subarray(Number(column) - 1).toString("utf8");
    lines[index] = `${before}_ ${after.replace(/^[\w.]+\s+(?=["\`])/, "")}`;
  }
  return lines.join("\n");
}
