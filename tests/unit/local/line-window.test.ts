import { describe, expect, test } from "@jest/globals";
import { LineSplitter, longestLine } from "../../../src/local/supervisor/commands/line-splitter.js";
import { LineWindow, type Window } from "../../../src/local/supervisor/files/line-window.js";

const FILE = "line1\nline2\r\nline3\n\nli\rne5\r\r\n";

function cut(text: string, window: Window, length: number): string {
  const lines = new LineWindow(window);
  const bytes = Buffer.from(text);
  const kept: Buffer[] = [];
  for (let start = 0; start < bytes.length && !lines.isComplete; start += length) {
    kept.push(lines.push(bytes.subarray(start, start + length)));
  }
  return Buffer.concat(kept).toString();
}

describe("a window of lines", () => {
  test.each([
    [1, undefined, "line1\nline2\nline3\n\nli\rne5"],
    [2, 2, "line2\nline3"],
    [1, 1, "line1"],
    [4, undefined, "\nli\rne5"],
    [4, 1, ""],
    [5, 9, "li\rne5"],
    [6, undefined, ""],
    [99, 1, ""],
  ])("from %d, %s of them", (offset, limit, expected) => {
    for (let length = 1; length <= FILE.length; length++) {
      expect(cut(FILE, { offset, limit }, length)).toBe(expected);
    }
  });
});

describe("lines of a session", () => {
  test("end at line feeds, without carriage returns, and empty ones are left out", () => {
    const lines: string[] = [];
    const splitter = new LineSplitter((text) => lines.push(text), Infinity, "session");
    for (const piece of ["a\r", "\n\n\r\nb\rc", "\r\r\nlast\r"]) splitter.push(Buffer.from(piece));
    splitter.finish();
    expect(lines).toEqual(["a", "b\rc", "last"]);
  });
});

test("a line that is too long to be held is passed on in pieces", () => {
  const pieces: string[] = [];
  const splitter = new LineSplitter((text) => pieces.push(text), 1000);
  for (let count = 0; count < 50; count++) splitter.push(Buffer.from("x".repeat(100)));
  splitter.push(Buffer.from("end\nnext\n"));
  expect(pieces.slice(0, -2).map((piece) => piece.length)).toEqual([1000, 1000, 1000, 1000]);
  expect(pieces.slice(-2)).toEqual([`${"x".repeat(1000)}end`, "next"]);
});

test("a box of 512 MiB holds lines of up to 32 MiB, and no box longer ones than 256 MiB", () => {
  expect(longestLine(512 * 2 ** 20)).toBe(32 * 2 ** 20);
  expect(longestLine()).toBe(256 * 2 ** 20);
});
