import { assertInteger, checkOptions } from "../../arguments.js";
import { InvalidArgumentException } from "../../errors.js";

/**
 * A range of bytes, as for `slice`: from `start` up to, but not including, `end`. A negative `start` counts from the end of
 * the file, and the range then extends to the end. An `end` beyond the end of the file means the end.
 */
export interface ByteRange {
  /** The index of the first byte, from 0. @default 0 */
  readonly start?: number | undefined;
  /** The index after the last byte. @default the end of the file */
  readonly end?: number | undefined;
}

/** A range of lines. */
export interface LineRange {
  /** The number of the first line, from 1. @default 1 */
  readonly first?: number | undefined;
  /** The maximum number of lines. @default all lines */
  readonly count?: number | undefined;
}

/** Returns the value of the `Range` header. @throws {InvalidArgumentException} if servers do not support the range */
export function toRangeHeader(range: ByteRange): string {
  const { start = 0, end } = checkOptions(range, "range");
  assertInteger(start, "range.start", -Number.MAX_SAFE_INTEGER);
  if (start < 0) {
    if (end !== undefined)
      throw new InvalidArgumentException("range.end and a negative range.start exclude each other.");
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
  // Send at least one of them: without any, the server sends bytes.
  return { offset: first ?? 1, ...(count !== undefined && { limit: count }) };
}
