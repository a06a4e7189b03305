import { describe, expect, test } from "@jest/globals";
import { importsOf, isProgram, packageName, splitSnippet } from "../../../src/local/languages/go/source.js";
import { GoState, packagesByName } from "../../../src/local/languages/go/state.js";
import { unusedImports } from "../../../src/local/languages/go/toolchain.js";

const kinds = (code: string) => splitSnippet(code).map(({ kind }) => kind);
const names = (code: string) => splitSnippet(code).flatMap((item) => item.names.map(({ name }) => name));

describe("cutting a snippet", () => {
  test.each([
    ["x := 1; y := 2", ["statement", "statement"]],
    ["if x {\n\ty()\n} else {\n\tz()\n}", ["statement"]],
    ["f(1,\n\t2)\n\nvar x = 3", ["statement", "var"]],
    ["a.\n\tb()", ["statement"]],
    ["// only\n/* comments\n */", []],
    ["func() { x() }()", ["statement"]],
    ["func (p Point) Sum() int { return 1 }", ["func"]],
    ['s := `raw\n"; func`\ns', ["statement", "statement"]],
    ["r := '\"'\nr", ["statement", "statement"]],
    ['x := "a\\"; b"', ["statement"]],
    ["x := 1 /* a\nb */ y()", ["statement", "statement"]],
  ])("%j gives %j", (code, expected) => {
    expect(kinds(code)).toEqual(expected);
  });

  test.each([
    ["func f[T any](x T) {}", ["f"]],
    ["func (s *Stack[T]) Push(x T) {}", ["Stack.Push"]],
    ["func (Point) Zero() {}", ["Point.Zero"]],
    ["var a, b = f()", ["a", "b"]],
    ["var (\n\ta int\n\tb, c = 1, 2\n)", ["a", "b", "c"]],
    ["const (\n\tA = iota\n\tB\n)", ["A", "B"]],
    ["type (\n\tA struct {\n\t\tX int\n\t}\n\tB = A\n)", ["A", "B"]],
    ["var _ = f()", []],
    ["var größe = 1", ["größe"]],
  ])("%j declares %j", (code, expected) => {
    expect(names(code)).toEqual(expected);
  });

  test("each item knows its place", () => {
    const [, second] = splitSnippet("a()\n\n  var x = 1");
    expect(second).toMatchObject({ line: 3, column: 3, text: "var x = 1" });
  });

  test("a whole program begins with its package, after any comments", () => {
    expect(isProgram("// hello\n/* there */ package main")).toBe(true);
    expect(isProgram("packages := 1")).toBe(false);
  });
});

test("imports are read with their names", () => {
  const [item] = splitSnippet('import (\n\t"fmt"\n\tstr "strings"\n\t_ "embed"\n\t"math/rand/v2"\n)');
  expect(item && importsOf(item)).toEqual([
    { name: "fmt", text: '"fmt"' },
    { name: "str", text: 'str "strings"' },
    { name: undefined, text: '_ "embed"' },
    { name: "rand", text: '"math/rand/v2"' },
  ]);
  expect(packageName("gopkg.in/yaml.v3")).toBe("yaml");
});

test("of packages that share a name the usual one is meant, and private ones never", () => {
  const found = packagesByName([
    "crypto/rand",
    "math/rand",
    "math/rand/v2",
    "internal/list",
    "container/list",
  ]);
  expect(Object.fromEntries(found)).toEqual({ rand: "math/rand", list: "container/list" });
});

test("the compiler's complaints about imports are understood", () => {
  expect(
    unusedImports([
      '<cell 1>:1:1: "os" imported and not used',
      './x.go:3: "strings" imported as str and not used',
    ]),
  ).toEqual(['"os"', '"strings"', 'str "strings"']);
});

describe("the state", () => {
  const standardPackages = new Map([["fmt", "fmt"]]);
  const compose = (state: GoState, code: string, run: number, showsLast = false) =>
    state.compose(splitSnippet(code), { run, showsLast, unused: new Set(), standardPackages });

  test("statements go into main, behind the declarations, each with its place", () => {
    expect(compose(new GoState(), "fmt.Println(x)\nvar x = 1", 2)).toBe(
      [
        ...["package main", 'import "fmt"', "//line <cell 2>:2:1", "var x = 1"],
        ...["func main() {", "//line <cell 2>:1:1", "fmt.Println(x)", "}", ""],
      ].join("\n"),
    );
  });

  test("a constant that is replaced leaves its place to those after it", () => {
    const state = new GoState().with(splitSnippet("const ( A = iota; Bee; C )"), 1);
    const source = compose(state.with(splitSnippet("var Bee = 5\nvar A = 6"), 2), "", 3);
    expect(source).toContain("const ( _ = iota; _; C )");
  });

  test("main and init belong to a single run", () => {
    const state = new GoState().with(splitSnippet("func main() {}\nfunc init() {}\nfunc kept() {}"), 1);
    const source = compose(state, "", 2);
    expect(source).toContain("func kept() {}");
    expect(source).not.toContain("init");
    expect(source.match(/func main/g)).toHaveLength(1);
  });

  test("an import is kept only in runs that use it", () => {
    const state = new GoState().with(splitSnippet('import str "strings"'), 1);
    expect(compose(state, "str.ToUpper(x)", 2)).toContain('import str "strings"');
    expect(compose(state, "x()", 2)).not.toContain("import");
  });
});
