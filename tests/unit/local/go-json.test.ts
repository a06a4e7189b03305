import { describe, expect, test } from "@jest/globals";
import { scanJson } from "../../../src/local/supervisor/http/go-json.js";

describe("Go's error for a text", () => {
  test.each([
    ["", "EOF"],
    ["  \n", "EOF"],
    ['{"command":', "unexpected EOF"],
    ['"abc', "unexpected EOF"],
    ["tru", "unexpected EOF"],
    ["{x", "invalid character 'x' looking for beginning of object key string"],
    ["{,}", "invalid character ',' looking for beginning of object key string"],
    ['{"a":1,}', "invalid character '}' looking for beginning of object key string"],
    ['{"a" 1}', "invalid character '1' after object key"],
    ['{"a":1 2}', "invalid character '2' after object key:value pair"],
    ["[1 2]", "invalid character '2' after array element"],
    ["[1,]", "invalid character ']' looking for beginning of value"],
    ["x", "invalid character 'x' looking for beginning of value"],
    ["'a'", String.raw`invalid character '\'' looking for beginning of value`],
    ["-x", "invalid character 'x' in numeric literal"],
    ["trux", "invalid character 'x' in literal true (expecting 'e')"],
    ['"a\nb"', String.raw`invalid character '\n' in string literal`],
    [String.raw`"\x"`, "invalid character 'x' in string escape code"],
    [String.raw`"\u12g4"`, String.raw`invalid character 'g' in \u hexadecimal character escape`],
  ])("%j: %s", (text, complaint) => {
    expect(scanJson(text)).toEqual({ complaint });
  });

  test.each([
    ["1 2", 1],
    ['{"a":[1,{"b":null}],"c":-1.5e3} trailing', 31],
    ["[]]", 2],
    [' "a\\"b" x', 7],
  ])("%j ends at %d, whatever follows", (text, end) => {
    expect(scanJson(text)).toEqual({ end });
    expect(() => void JSON.parse(text.slice(0, end))).not.toThrow();
  });

  test("nesting is not limited", () => {
    const deep = "[".repeat(200_000);
    expect(scanJson(deep)).toEqual({ complaint: "unexpected EOF" });
    expect(scanJson(deep + "]".repeat(200_000) + "x")).toEqual({ end: 400_000 });
  });
});
