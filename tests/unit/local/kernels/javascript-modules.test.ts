import { describe, expect, test } from "@jest/globals";
import { rewriteModuleSyntax } from "../../../../src/local/languages/javascript/program/modules.js";

describe("import statements", () => {
  test.each([
    ['import "m";', 'const {} = await __import.names("m", [], undefined);'],
    ['import a from "m"', 'const {"default": a} = await __import.names("m", ["default"], undefined)'],
    [
      'import a, { b, c as d } from "m"',
      'const {"default": a, "b": b, "c": d} = await __import.names("m", ["default","b","c"], undefined)',
    ],
    ["import * as ns from 'm'", 'const ns = await __import.names("m", [], undefined)'],
    [
      'import x from "./x.json" with { type: "json" }',
      'const {"default": x} = await __import.names("./x.json", ["default"], { type: "json" })',
    ],
  ])("%s", (code, rewritten) => {
    expect(rewriteModuleSyntax(code)).toBe(rewritten);
  });

  test("keep their line numbers", () => {
    const code = 'import {\n  a,\n  // b,\n} from "m";\nlast';
    expect(rewriteModuleSyntax(code).split("\n")).toHaveLength(5);
    expect(rewriteModuleSyntax(code).split("\n").at(-1)).toBe("last");
  });
});

test("dynamic imports and import.meta are rewritten", () => {
  expect(rewriteModuleSyntax('(await import("m")).x + import.meta.url')).toBe(
    '(await __import("m")).x + __import.meta.url',
  );
});

test("a dynamic import in the argument of another is rewritten", () => {
  expect(rewriteModuleSyntax('import((await import("m")).name)')).toBe(
    '__import((await __import("m")).name)',
  );
});

test("export before a declaration is removed", () => {
  expect(rewriteModuleSyntax("export const a = 1;\nexport async function f() {}")).toBe(
    "       const a = 1;\n       async function f() {}",
  );
});

test.each([
  ["export {};\na", "         ;\na"],
  ["export { a, b as c }; a", "                    ; a"],
  ['export { a } from "m"', 'const {} = await __import.names("m", [], undefined)'],
  ['export * from "m"', 'const {} = await __import.names("m", [], undefined)'],
  ["export const { a, b: [c] } = o", "       const { a, b: [c] } = o"],
  ["export default class {}", "            0, class {}"],
  ["export default class A {}", "               class A {}"],
  ["export default async function* () {}", "            0, async function* () {}"],
  ["export default function f() {}", "               function f() {}"],
])("exports: %j", (code, rewritten) => {
  expect(rewriteModuleSyntax(code)).toBe(rewritten);
});

test("the words in strings, comments and names are not changed", () => {
  for (const code of [
    '"import x from y"',
    "// export const a",
    "o.import(1)",
    "`export ${1}`",
    "importer()",
  ]) {
    expect(rewriteModuleSyntax(code)).toBe(code);
  }
});

test("code with a syntax error is not changed, so that V8 reports it", () => {
  expect(rewriteModuleSyntax("import {")).toBe("import {");
});
