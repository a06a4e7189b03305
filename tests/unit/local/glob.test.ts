import { describe, expect, test } from "@jest/globals";
import { BadPattern, compileGlob } from "../../../src/local/supervisor/files/glob.js";

describe("a pattern for names", () => {
  test.each([
    ["*.txt", ["a.txt", ".txt", "a.b.txt", "new\nline.txt"], ["a.TXT", "a.txt.bak", "txt"]],
    ["**/*.txt", ["a.txt"], ["a.md"]],
    ["**", ["anything", ""], []],
    ["a/*", [], ["a", "b"]],
    ["?.txt", ["1.txt", "é.txt", "\u{1f389}.txt"], ["12.txt", ".txt"]],
    ["{hello,no{mode,thing}}.*", ["hello.a", "nomode.b", "nothing."], ["no.a", "hellonomode.a"]],
    ["[a-c]x", ["ax", "cx"], ["dx", "-x"]],
    ["[!a]x", ["bx"], ["ax"]],
    ["[]-]x", ["]x", "-x"], ["ax"]],
    ["!(hello.txt)", ["hello.md", "x"], ["hello.txt"]],
    ["!(*.js|*.ts)", ["a.md"], ["a.js", "b.ts"]],
    ["!(a)b", ["ab", "b", "cb"], ["a", "c"]],
    ["!(!(a|b))", ["a", "b"], ["c"]],
    ["x{,y}{*z,?}", ["xyz", "xz", "xa", "xyb"], ["x", "w"]],
    ["(a+b)|$^.", ["(a+b)|$^."], ["aab"]],
    [String.raw`\*\[`, ["*["], ["x["]],
  ])("%s", (pattern, matching, others) => {
    const matches = compileGlob(pattern);
    expect(matching.filter((name) => !matches(name))).toEqual([]);
    expect(others.filter(matches)).toEqual([]);
  });

  test.each(["[", "[a", "{a", "{a,b", "!(a", "a\\", "[z-a]"])("%s is refused", (pattern) => {
    expect(() => compileGlob(pattern)).toThrow(BadPattern);
  });

  // A matcher that tries one way after the other would not come to an end for these.
  test.each([
    ["stars", "*a".repeat(100) + "b"],
    ["sets and stars", "[a-z]*".repeat(60) + "0"],
    ["a thousand stars", "*".repeat(1000) + "b"],
    ["alternatives", "{a,aa,*}".repeat(60) + "b"],
    ["negations", "!(*a*a*b)".repeat(10) + "b"],
    ["nested negations", "!(".repeat(10) + "*a*a" + ")".repeat(10) + "b"],
  ])("with many %s takes polynomial time for a name that nearly matches", (_what, pattern) => {
    expect(compileGlob(pattern)("a".repeat(200))).toBe(false);
  });

  test.each([
    ["deep nesting", "{".repeat(60) + "}".repeat(60)],
    ["many negations", "!(a)".repeat(11)],
    ["more than a thousand characters", "a".repeat(1025)],
  ])("with %s is refused", (_what, pattern) => {
    expect(() => compileGlob(pattern)).toThrow(BadPattern);
  });
});
