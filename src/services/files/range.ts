import { InvalidArgumentException } from "../../errors.js";
import { assertInteger } from "../arguments.js";

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

/** The value of the `Range` header. @throws {InvalidArgumentException} for what servers would not understand */
export function toRangeHeader({ start = 0, end }: ByteRange): string {
  assertInteger(start, "range.start", -Number.MAX_SAFE_INTEGER);
  if (start < 0) {
    if (end !== undefined)
      throw new InvalidArgumentException("range.end cannot stand with a negative range.start.");
    return `bytes=${start}`;
  }
  // An empty range cannot be asked for, and a reversed one breaks the server's answer.
  assertInteger(end, "range.end", start + 1);
  return `bytes=${start}-${end === undefined ? "" : end - 1}`;
}

/** The parameters for lines. */
export function toLineQuery({ first, count }: LineRange): { offset: number; limit?: number } {
  assertInteger(first, "lines.first", 1);
  assertInteger(count, "lines.count", 1);
  // One of them has to be there: without any the server gives bytes.
  return { offset: first ?? 1, ...(count !== undefined && { limit: count }) };
}
