import { describe, expect, test } from "@jest/globals";
import { BadPattern, globToRegExp } from "../../../src/local/supervisor/files/glob.js";

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
    ["(a+b)|$^.", ["(a+b)|$^."], ["aab"]],
    [String.raw`\*\[`, ["*["], ["x["]],
  ])("%s", (pattern, matching, others) => {
    const expression = globToRegExp(pattern);
    for (const name of matching) expect(name).toMatch(expression);
    for (const name of others) expect(name).not.toMatch(expression);
  });

  test.each(["[", "[a", "{a", "{a,b", "!(a", "a\\", "[z-a]"])("%s is none", (pattern) => {
    expect(() => globToRegExp(pattern)).toThrow(BadPattern);
  });
});
