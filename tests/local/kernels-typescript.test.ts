import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type LocalSandbox, startSandbox } from "../helpers/local-sandbox.js";

let sandbox: LocalSandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(async () => sandbox[Symbol.asyncDispose]());

const run = (code: string, contextId?: string) => sandbox.run("typescript", code, contextId);
const text = async (code: string) => (await run(code)).results.at(-1)?.["text"];

test("types are removed everywhere", async () => {
  const code = `interface Point { readonly x: number }
type Pair<T> = readonly [T, T];
class Box<T> { constructor(private readonly value: T) {} get(): T { return this.value } }
const pair: Pair<Point> = [{ x: 1 }, { x: 2 }];
(new Box(pair).get()[1] satisfies Point).x as number`;
  expect(await text(code)).toBe("2");
});

test("enums work, also in later runs", async () => {
  await run("enum Colour { Red, Green }");
  expect(await text("Colour[Colour.Green]")).toBe("'Green'");
});

test("declarations are kept and can be redeclared", async () => {
  await run("const n: number = 1");
  await run("const n: string = 'one'");
  expect(await text("n")).toBe("'one'");
});

test("imports that only a later run uses are kept, and imports of types are ignored", async () => {
  const { error } = await run('import { join, type ParsedPath, PlatformPath } from "node:path"');
  expect(error).toBeUndefined();
  expect(await text("join('a', 'b')")).toBe("'a/b'");
});

test("errors have the line numbers of the source", async () => {
  const { error } = await run(
    "interface A {\n  a: string;\n}\nfunction f(a: A): never {\n  throw new Error(a.a);\n}\nf({ a: 'x' })",
  );
  expect(error).toMatchObject({ ename: "Error", evalue: "x" });
  expect(error?.traceback).toMatch(/at f \(<cell-\d+>:5:\d+\)\n.*<cell-\d+>:7:1/);
});

test("positions are those of the source, also after removed types and in later runs", async () => {
  await run("function g(a: string, b: number): void { null.x }");
  const { error } = await run("const a: string = 'a', b: number = 1; g(a, b)");
  expect(error?.traceback).toMatch(/at g \(<cell-\d+>:1:47\)\n {4}at <cell-\d+>:1:39$/);
  const broken = await run("const c: number = 1; const d: number = 2 3");
  expect(broken.error?.traceback).toMatch(/\n {41}\^\n/);
});

test("decorators are refused with their position", async () => {
  const { error } = await run("const n3: number = 1;\n@sealed\nclass Sealed {}");
  expect(error).toMatchObject({ ename: "SyntaxError" });
  expect(error?.evalue).toContain("decorators are not supported");
  expect(error?.traceback).toMatch(/^<cell-\d+>:2\n@sealed\n\^\n/);
});

const knowsUsing = Number.parseInt(process.versions.node, 10) >= 24;

test.each([
  ["using", "{ using used1: Disposable = { [Symbol.dispose]() { console.log('end') } }; }"],
  [
    "await using",
    "await (async () => { await using used2 = { async [Symbol.asyncDispose]() { console.log('end') } }; })();",
  ],
])("%s is refused by name where this Node.js does not know it", async (_what, code) => {
  const { error, stdout } = await run(code);
  expect(stdout).toBe(knowsUsing ? "end\n" : "");
  expect(error?.evalue).toBe(
    knowsUsing ? undefined : "`using` is not supported by this version of Node; use try and finally instead",
  );
});

test("invalid TypeScript is a syntax error with its line", async () => {
  const { error } = await run("const fine = 1;\nconst a: = 3");
  expect(error?.ename).toBe("SyntaxError");
  expect(error?.traceback).toMatch(/^<cell-\d+>:2\nconst a: = 3\n/);
});

test("types are not checked", async () => {
  expect(await text("const n2: number = 'text'; n2")).toBe("'text'");
});

test("an interrupt keeps the state", async () => {
  const contextId = await sandbox.createContext("typescript");
  const endless = sandbox.startRun(
    "typescript",
    "const kept: number = 3; console.log('runs'); for (;;);",
    contextId,
  );
  await endless.until("runs");
  await sandbox.interrupt(contextId);
  expect((await endless.outcome).error?.ename).toBe("KeyboardInterrupt");
  expect((await run("kept", contextId)).results).toEqual([{ text: "3" }]);
});

test.each([
  ["a namespace with code", "namespace N { export const a = 1 }", "namespaces that contain code"],
  [
    "one inside of another",
    "namespace M { export type T = 1; namespace N { f() } }",
    "namespaces that contain code",
  ],
  ["JSX", "const e = <div>hi</div>;", "JSX is not supported"],
])("%s is refused by name", async (_what, code, message) => {
  const { error } = await run(`const fine = 1;\n${code}`);
  expect(error).toMatchObject({ ename: "SyntaxError" });
  expect(error?.evalue).toContain(message);
  expect(error?.traceback).toMatch(/^<cell-\d+>:2\n/);
});

test.each([
  [
    "a namespace of types",
    "namespace N { export type A = number; export interface B { n: A } }\nlet n1: N.A = 1; n1",
  ],
  ["a declared namespace", "declare namespace D { const a: number; function f(): void }\n1"],
  ["a declared module", 'declare module "m" { export const a: number }\n1'],
  ["a declared namespace in a namespace", "namespace M { declare namespace D { const a: number } }\n1"],
  ["variables of these names", "const namespace = 1, module2 = namespace; module2"],
])("%s has no code and is removed", async (_what, code) => {
  expect(await run(code)).toMatchObject({ results: [{ text: "1" }], error: undefined });
});

describe("TypeScript files", () => {
  test("are imported with and without ending, and import each other", async () => {
    const files = {
      "types.ts": "export interface A { n: number }\nexport enum Kind { One = 1 }",
      "twice.ts":
        'import { A, Kind } from "./types";\nexport const twice = (a: A): number => 2 * a.n * Kind.One;',
      "lib/index.ts":
        'export { twice } from "../twice.js";\nexport default class Lib { constructor(readonly n: number) {} }',
    };
    await run(`import fs from "node:fs";
fs.mkdirSync("/tmp/project/lib", { recursive: true });
for (const [name, text] of Object.entries(${JSON.stringify(files)})) fs.writeFileSync("/tmp/project/" + name, text as string);
process.chdir("/tmp/project");`);
    const code = `import { twice, type A } from "./twice.ts";
import { twice as second } from "./twice";
import Lib, { twice as third } from "./lib";
const a: A = { n: 4 };
[twice(a), second(a), third(a), new Lib(5).n, (await import("./types.js")).Kind.One]`;
    expect(await run(code)).toMatchObject({ results: [{ text: "[ 8, 8, 8, 5, 1 ]" }], error: undefined });
  });

  test("are required, too", async () => {
    await run(`require("fs").writeFileSync("/tmp/req.ts", "export const n: number = 3")`);
    expect(await run(`[require("/tmp/req.ts").n, require("/tmp/req").n]`)).toMatchObject({
      results: [{ text: "[ 3, 3 ]" }],
    });
  });

  test("with unsupported syntax are refused by name", async () => {
    await run(`require("fs").writeFileSync("/tmp/spaces.ts", "namespace N { export const a = 1 }")`);
    const { error } = await run(`import "/tmp/spaces.ts"`);
    expect(error).toMatchObject({ ename: "SyntaxError" });
    expect(error?.evalue).toBe(
      "/tmp/spaces.ts: namespaces that contain code are not supported; use a module (a file to import) or an object instead",
    );
  });
});
