import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { readLines } from "../../src/agents/line-window.js";

function inPieces(text: string, size = 1_000): ReadableStream<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  return new ReadableStream({
    start(controller) {
      for (let at = 0; at < bytes.length; at += size) controller.enqueue(bytes.subarray(at, at + size));
      controller.close();
    },
  });
}

const ALL = { startLine: 1, endLine: Infinity, maxBytes: 1_000 };

describe("readLines", () => {
  test("reads a whole text", async () => {
    const expected = { text: "a\nb", lastLine: 2, isCut: false, isEnd: true };
    expect(await readLines(inPieces("a\nb\n"), ALL)).toEqual(expected);
    expect(await readLines(inPieces("a\nb"), ALL)).toEqual(expected);
  });

  test("reads some lines and leaves the rest", async () => {
    const range = { ...ALL, startLine: 2, endLine: 3 };
    expect(await readLines(inPieces("a\nb\nc\nd\n"), range)).toEqual({
      ...{ text: "b\nc", lastLine: 3, isCut: false, isEnd: false },
    });
  });

  test("says how many lines there are if the first one is behind them", async () => {
    expect(await readLines(inPieces("a\nb"), { ...ALL, startLine: 9 })).toMatchObject({
      text: "",
      lastLine: 2,
    });
    expect(await readLines(inPieces("a\nb\n"), { ...ALL, startLine: 9 })).toMatchObject({
      text: "",
      lastLine: 2,
    });
  });

  test("keeps complete lines only when there is too much", async () => {
    expect(await readLines(inPieces("abc\ndef\nghi\n"), { ...ALL, maxBytes: 9 })).toEqual({
      ...{ text: "abc\ndef", lastLine: 2, isCut: false, isEnd: false },
    });
  });

  test("cuts a line that is too long, not inside a character", async () => {
    expect(await readLines(inPieces("äöü"), { ...ALL, maxBytes: 3 })).toEqual({
      ...{ text: "ä", lastLine: 1, isCut: true, isEnd: false },
    });
  });

  test("reads the same however the bytes are cut, and page by page all of it", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ maxLength: 12, unit: fc.constantFrom("a", "é", "😀") }), {
          minLength: 1,
          maxLength: 12,
        }),
        fc.integer({ min: 1, max: 7 }),
        async (lines, size) => {
          const text = lines.join("\n");
          const pages: string[] = [];
          for (let startLine = 1; ;) {
            const page = await readLines(inPieces(text, size), {
              startLine,
              endLine: Infinity,
              maxBytes: 60,
            });
            if (page.lastLine < startLine) break;
            pages.push(page.text);
            if (page.isEnd) break;
            startLine = page.lastLine + 1;
          }
          expect(pages.join("\n")).toBe(text.replace(/\n$/, ""));
        },
      ),
      { numRuns: 200 },
    );
  });
});
