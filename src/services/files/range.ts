import { assertInteger, checkOptions } from "../../arguments.js";
import { InvalidArgumentException } from "../../errors.js";

/**
 * Some bytes of a file, counted as `slice` does: from `start` up to, but not including, `end`. A negative `start`
 * counts from the end, and goes to the end. An `end` beyond the file's is the file's.
 */
export interface ByteRange {
  /** The first byte, from 0. @default 0 */
  readonly start?: number | undefined;
  /** One more than the last byte. @default the file's end */
  readonly end?: number | undefined;
}

/** Some lines of a file. */
export interface LineRange {
  /** The first line, from 1. @default 1 */
  readonly first?: number | undefined;
  /** How many lines at most. @default all */
  readonly count?: number | undefined;
}

/** Returns the value of the `Range` header. @throws {InvalidArgumentException} for a range that servers do not understand */
export function toRangeHeader(range: ByteRange): string {
  const { start = 0, end } = checkOptions(range, "range");
  assertInteger(start, "range.start", -Number.MAX_SAFE_INTEGER);
  if (start < 0) {
    if (end !== undefined)
      throw new InvalidArgumentException("range.end cannot stand with a negative range.start.");
    return `bytes=${start}`;
  }
  // An empty range cannot be requested, and a reversed one breaks the server's response.
  assertInteger(end, "range.end", start + 1);
  return `bytes=${start}-${end === undefined ? "" : end - 1}`;
}

/** Returns the query parameters for lines. */
export function toLineQuery(lines: LineRange): { offset: number; limit?: number } {
  const { first, count } = checkOptions(lines, "lines");
  assertInteger(first, "lines.first", 1);
  assertInteger(count, "lines.count", 1);
  // One of them is required: without any the server sends bytes.
  return { offset: first ?? 1, ...(count !== undefined && { limit: count }) };
}
