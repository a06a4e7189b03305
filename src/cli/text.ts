/** Characters that could deceive a reader: control characters except tab and newline, line separators, bidirectional marks. */
const DECEPTIVE = /[\0-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]|\p{Surrogate}/gu;
/** A sequence that only sets colours and styles. */
const STYLE = /\x1b\[[\d;:]*m/g;

/** Replaces control characters with visible escapes, such as `\x1b`. */
export function escapeControls(text: string): string {
  return text.replace(DECEPTIVE, (character) => {
    const code = character.charCodeAt(0);
    return code <= 0xff ? `\\x${hex(code, 2)}` : `\\u${hex(code, 4)}`;
  });
}

/** Like {@link escapeControls}, on one line. */
export function oneLine(text: string): string {
  return escapeControls(text.trim().replace(/\s*\n\s*/g, " "));
}

/** Like {@link escapeControls}, but keeps colours, or removes them if the terminal does not show them. */
export function styledText(text: string, color: boolean): string {
  const styles = color ? (text.match(STYLE) ?? []) : [];
  return text
    .split(STYLE)
    .map((piece, index) => escapeControls(piece) + (styles[index] ?? ""))
    .join("");
}

/** Quotes a text as one word of a POSIX shell. */
export function shellQuote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** Lays out rows as columns that are as wide as their longest cell. */
export function table(rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => row.map(oneLine));
  const widths = (cells[0] ?? []).map((_, column) =>
    Math.max(...cells.map((row) => Array.from(row[column] ?? "").length)),
  );
  return cells
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** Describes a number of bytes: `812 B`, `3.4 MB`. */
export function describeBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let [value, unit] = [bytes, 0];
  while (value >= 999.5 && unit < units.length - 1) [value, unit] = [value / 1_000, unit + 1];
  return `${unit === 0 || value >= 99.5 ? Math.round(value) : value.toFixed(1)} ${units[unit] ?? ""}`;
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, "0");
}
