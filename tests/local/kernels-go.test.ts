import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { type LocalSandbox, startSandbox } from "../helpers/local-sandbox.js";
import { describeIf, isolationWorks, NO_ISOLATION_REASON, runs } from "../helpers/skips.js";

const hasGo = runs("go", ["version"]);

// The first run on a machine compiles the standard library.
jest.setTimeout(120_000);

describeIf(
  isolationWorks && hasGo,
  "local/kernels-go",
  hasGo ? NO_ISOLATION_REASON : "no Go (apt-get install golang-go)",
)("the Go kernel", () => {
  let sandbox: LocalSandbox;
  beforeAll(async () => {
    sandbox = await startSandbox();
  });
  afterAll(() => sandbox[Symbol.asyncDispose]());

  const go = (code: string, contextId?: string) => sandbox.run("go", code, contextId);

  test("runs a whole program", async () => {
    const code = 'package main\n\nimport "fmt"\n\nfunc main() {\n\tfmt.Println("hi ü 😀")\n}\n';
    await expect(go(code)).resolves.toMatchObject({ stdout: "hi ü 😀\n", stderr: "", error: undefined });
  });

  test("accepts the real kernel's syntax: `%%`, `!` and unused imports", async () => {
    const context = await sandbox.createContext("go");
    await go("var counter = 5", context);
    const body = 'import "os"\n%% a b\nvar local = 2\nfmt.Println("cell", counter+local, os.Args[1:])';
    expect(await go(body, context)).toMatchObject({ stdout: "cell 7 [a b]\n", error: undefined });
    expect((await go("local", context)).error).toMatchObject({ ename: "CompileError" });
    const generic = 'type Pair[T any] struct { A, B T }\n%%\nfmt.Printf("%+v\\n", Pair[int]{1, 2})';
    expect((await go(generic, context)).stdout).toBe("{A:1 B:2}\n");
    expect(await go("!echo from-shell; echo problem >&2", context)).toMatchObject({
      ...{ stdout: "from-shell\n", stderr: "problem\n", error: undefined },
    });
    expect((await go("!exit 3", context)).error).toMatchObject({ evalue: "exit status 3" });
    const unused =
      'package main\nimport (\n\tstr "strings"\n\t"fmt"\n\t"os"\n)\nfunc main() { fmt.Println("ok") }';
    expect(await go(unused, context)).toMatchObject({ stdout: "ok\n", error: undefined });
    expect((await go("%cd /tmp", context)).error?.evalue).toContain("%cd is not supported");
    const raw = "fmt.Printf(`\n%d items\n!done\n`, 3)";
    expect(await go(raw, context)).toMatchObject({ stdout: "\n3 items\n!done\n", error: undefined });
  });

  test("keeps functions, types with methods, variables, constants and imports from run to run", async () => {
    const context = await sandbox.createContext("go");
    await go('import str "strings"\n\nconst greeting = "hi"\n\nvar names = []string{"ada", "bob"}', context);
    await go("type Point struct{ X, Y int }\n\nfunc (p Point) Sum() int { return p.X + p.Y }", context);
    await go(
      "func Map[T, U any](all []T, f func(T) U) (out []U) {\n\tfor _, each := range all {\n\t\tout = append(out, f(each))\n\t}\n\treturn\n}",
      context,
    );
    const outcome = await go("fmt.Println(greeting, Map(names, str.ToUpper), Point{1, 2}.Sum())", context);
    expect(outcome).toMatchObject({ stdout: "hi [ADA BOB] 3\n", error: undefined });
  });

  test("a later declaration replaces an earlier one", async () => {
    const context = await sandbox.createContext("go");
    await go("const (\n\tA = iota\n\tB\n\tC\n)\nfunc f() int { return 1 }", context);
    await go("func f() int { return 2 }\nvar B = 10", context);
    await expect(go("fmt.Println(A, B, C, f())", context)).resolves.toMatchObject({ stdout: "0 10 2 2\n" });
  });

  test("declarations that cannot be compiled are not kept", async () => {
    const context = await sandbox.createContext("go");
    await go("func f() int { return 1 }", context);
    await go("func f() int { return nowhere }", context);
    await expect(go("fmt.Println(f())", context)).resolves.toMatchObject({ stdout: "1\n" });
  });

  test("packages of the standard library need no import", async () => {
    const code = 'fmt.Println(strings.ToUpper("a"), strconv.Itoa(5), math.MaxInt8)';
    await expect(go(code)).resolves.toMatchObject({ stdout: "A 5 127\n" });
  });

  test("a variable with the name of a package hides the package", async () => {
    const code = "type named struct{ Len int }\nlist := named{3}\nfmt.Println(list.Len)";
    await expect(go(code)).resolves.toMatchObject({ stdout: "3\n", error: undefined });
  });

  test("an unused import is not an error", async () => {
    await expect(go('import "os"\nfmt.Println("ok")')).resolves.toMatchObject({ stdout: "ok\n" });
  });

  test.each([
    ["1 + 1", "2"],
    ["x := []int{1, 2}\nx", "[1 2]"],
    ['"text"', "text"],
    ['len("abc")', "3"],
    ["func twice(n int) int { return 2 * n }\ntwice(4)", "8"],
    ['strings.Repeat(\n\t"a",\n\t3,\n)', "aaa"],
    ['strconv.Atoi("5")', "5 <nil>"],
    ["func() int { return 6 }()", "6"],
  ])("a last statement that is only a value is the result: %s", async (code, text) => {
    const { results, executionCount, error } = await go(code);
    expect({ results, error }).toEqual({ results: [{ text }], error: undefined });
    expect(executionCount).toBeGreaterThan(0);
  });

  test.each([
    'fmt.Println("x")',
    "var wg sync.WaitGroup\nwg.Wait()",
    "go func() {}()",
    "n := copy([]int{1}, []int{2})\n_ = n",
  ])("a last statement that is not a value, or only prints one, has no result: %s", async (code) => {
    await expect(go(code)).resolves.toMatchObject({ results: [], error: undefined });
  });

  test("an error in a last call has its position", async () => {
    const context = await sandbox.createContext("go");
    const { error } = await go("missing(3)", context);
    expect(error?.evalue).toBe("<cell 1>:1:1: undefined: missing");
  });

  test("a program whose package is not main is refused, and errors do not contain the kernel's paths", async () => {
    const context = await sandbox.createContext("go");
    expect((await go("package foo\n\nfunc Bar() {}", context)).error).toMatchObject({
      ename: "CompileError",
      evalue: "<cell 1>:1:9: package foo is not a main package, which a program has to be",
    });
    const missing = await go(
      'package main\n\nimport "example.com/nowhere"\n\nfunc main() { nowhere.Run() }',
      context,
    );
    expect(missing.error?.evalue).toMatch(/^<cell 2>:3:8: no required module/);
    const twice = await go('func main() {}\nfmt.Println("and more")', context);
    expect(twice.error?.evalue).toMatch(
      /main redeclared in this block\n\t<cell 3>:1:6: other declaration of main$/,
    );
  });

  test("prints to both streams, while it runs", async () => {
    const context = await sandbox.createContext("go");
    // This text is printed last.
    const code = 'println("to stderr")\nfmt.Println("first")\ntime.Sleep(10 * time.Minute)';
    const run = sandbox.startRun("go", code, context);
    await run.until("first\n");
    await sandbox.interrupt(context);
    const { stderr, error } = await run.outcome;
    expect(stderr).toBe("to stderr\n");
    expect(error).toMatchObject({ ename: "Interrupted", evalue: "signal: interrupt" });
  });

  test("an interrupt ends a busy loop and the program's child processes, and keeps declarations", async () => {
    const context = await sandbox.createContext("go");
    await go("var kept = 11", context);
    const code = 'exec.Command("sleep", "600").Start()\nfmt.Println("begun")\nfor {\n}';
    const run = sandbox.startRun("go", code, context);
    await run.until("begun");
    await sandbox.interrupt(context);
    expect((await run.outcome).error?.ename).toBe("Interrupted");
    await expect(go("kept", context)).resolves.toMatchObject({ results: [{ text: "11" }] });
    expect((await sandbox.command("pgrep -x sleep || echo none")).stdout).toBe("none");
  });

  test("a program that ignores the interrupt is killed", async () => {
    const context = await sandbox.createContext("go");
    const code = 'signal.Ignore(os.Interrupt)\nfmt.Println("begun")\nfor {\n}';
    const run = sandbox.startRun("go", code, context);
    await run.until("begun");
    await sandbox.interrupt(context);
    expect((await run.outcome).error?.ename).toBe("Interrupted");
  });

  test("ten thousand lines arrive complete", async () => {
    const { stdout } = await go('for i := 0; i < 10000; i++ {\n\tfmt.Println("line", i)\n}');
    expect(stdout).toBe(Array.from({ length: 10_000 }, (_, i) => `line ${i}\n`).join(""));
  });

  test("a compile error has the compiler's text, with the user's line numbers", async () => {
    const context = await sandbox.createContext("go");
    const { error, stdout } = await go('fmt.Println("never")\n\n\tmissing(3)', context);
    expect(stdout).toBe("");
    expect(error).toEqual({
      ename: "CompileError",
      evalue: "<cell 1>:3:2: undefined: missing",
      traceback: "<cell 1>:3:2: undefined: missing",
    });
  });

  test("a compile error of a whole program has the compiler's text, too", async () => {
    const context = await sandbox.createContext("go");
    const { error } = await go('package main\n\nfunc main() {\n\tvar x int = "a"\n}\n', context);
    expect(error?.evalue).toContain("<cell 1>:4:6: declared and not used: x");
    expect(error?.evalue).toContain('<cell 1>:4:14: cannot use "a"');
  });

  test("a panic is printed to stderr and is an error, with the line numbers of each run", async () => {
    const context = await sandbox.createContext("go");
    await go("func pick(all []int, i int) int {\n\treturn all[i]\n}", context);
    const { error, stderr } = await go("fmt.Println(pick([]int{1}, 5))", context);
    expect(stderr).toMatch(/^panic: runtime error: index out of range \[5\] with length 1\n/);
    expect(error).toMatchObject({
      ename: "panic",
      evalue: expect.stringContaining("runtime error: index out of range [5] with length 1"),
    });
    expect(error?.traceback).toContain("<cell 1>:2");
    expect(error?.traceback).toContain("<cell 2>:1");
  });

  test("an exit status is an error", async () => {
    await expect(go("os.Exit(7)")).resolves.toMatchObject({
      error: { ename: "ExitError", evalue: "exit status 7" },
    });
    await expect(go("os.Exit(0)")).resolves.toMatchObject({ error: undefined, isComplete: true });
  });

  test("standard input is empty", async () => {
    await expect(go("var s string\n_, err := fmt.Scanln(&s)\nfmt.Println(err)")).resolves.toMatchObject({
      stdout: "EOF\n",
    });
  });

  test("a missing package is reported at once, without a network", async () => {
    const { error } = await go('import "example.com/nowhere"\nnowhere.Run()');
    expect(error?.ename).toBe("CompileError");
    expect(error?.evalue).toContain("example.com/nowhere");
  });

  test("code can import the workspace's module", async () => {
    const made = await sandbox.command(
      "mkdir -p greet && printf 'module my\\n\\ngo 1.20\\n' > go.mod && printf 'package greet\\n\\nfunc Hi() string { return \"hi\" }\\n' > greet/greet.go",
    );
    expect(made.ending).toBe("execution_complete");
    await expect(go('import "my/greet"\nfmt.Println(greet.Hi())')).resolves.toMatchObject({ stdout: "hi\n" });
    await sandbox.command("rm -r go.mod greet");
  });

  test("leaves no files in the workspace", async () => {
    await go("1 + 1");
    expect((await sandbox.command("ls -A")).stdout).toBe("");
  });
});
