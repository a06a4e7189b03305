import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import ts from "typescript";
import { moduleFunction } from "../helpers/module-thread.js";
import { typeCheck } from "../helpers/type-check.js";

const ROOT = path.join(__dirname, "../..");
/** Bundles declarations and compiles programs: slow on a busy machine. */
const TIMEOUT_MILLIS = 120_000;
const ENTRIES = ["dist/index.d.mts", "dist/index.d.cts", "dist/local/index.d.mts", "dist/local/index.d.cts"];

/** The settings of a user who is as strict as can be, declarations of packages included. */
const STRICT = {
  target: "es2022",
  lib: ["es2022", "esnext.disposable"],
  types: ["node"],
  module: "nodenext",
  moduleDetection: "force",
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noPropertyAccessFromIndexSignature: true,
  noImplicitOverride: true,
  noEmit: true,
};

type Files = ReadonlyMap<string, string>;
const bundleTypes = moduleFunction<Files>("scripts/lib/bundle-types.mjs", "bundleTypes");
const describeEntries = moduleFunction<Files>("scripts/lib/api-report.mjs", "describeEntries");
const updateReports = moduleFunction<{ readonly exitCode: number; readonly stderr: string }>(
  "scripts/lib/api-report.mjs",
  "updateReports",
);

let types: Files;
let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "public-api-"));
  types = await bundleTypes();
  for (const [file, declarations] of types) {
    const target = path.join(directory, "dist", file);
    await mkdir(path.dirname(target), { recursive: true });
    await writeFile(target, declarations);
  }
  await mkdir(path.join(directory, "node_modules"));
  await symlink(path.join(ROOT, "node_modules/@types"), path.join(directory, "node_modules/@types"), "dir");
  await symlink(
    path.join(ROOT, "node_modules/undici-types"),
    path.join(directory, "node_modules/undici-types"),
    "dir",
  );
  await writeFile(path.join(directory, "package.json"), '{"type":"module"}');
}, TIMEOUT_MILLIS);
afterAll(async () => {
  await rm(directory, { recursive: true });
});

test(
  "what is to compile against the declarations that users get compiles, and what must not does not",
  async () => {
    const program = await readFile(path.join(__dirname, "public-api.ts"), "utf8");
    const text = program.replace('from "../../src/index.js"', 'from "./dist/index.mjs"');
    expect(text).not.toBe(program);
    // A mark above correct code is an error, too.
    await writeFile(path.join(directory, "use.ts"), text);
    expect(await typeCheck(directory, { compilerOptions: STRICT, files: ["use.ts"] })).toEqual([]);
  },
  TIMEOUT_MILLIS,
);

test(
  "nothing in the public declarations is `any`, but what makes a run a promise, nor a type that is not found",
  () => {
    const files = ENTRIES.map((entry) => path.join(directory, entry));
    const program = ts.createProgram(files, strictOptions());
    // What `then` and `catch` of a run say is what those of every promise say.
    const ofPromises = ["reason: any", "reason: any"];
    expect(files.map((file) => anysIn(program, file))).toEqual([ofPromises, ofPromises, [], []]);
  },
  TIMEOUT_MILLIS,
);

test(
  "an `any` would be found: written, implied, and of a type that is missing",
  async () => {
    const file = path.join(directory, "anys.d.mts");
    await writeFile(
      file,
      "export declare function a(b: any): string;\nexport declare const c: Missing;\nexport interface D { e; f(g): void }",
    );
    expect(anysIn(ts.createProgram([file], strictOptions()), file).sort()).toEqual([
      "Missing",
      "b: any",
      "e;",
      "g",
    ]);
  },
  TIMEOUT_MILLIS,
);

test(
  "the API report is up to date, and a change of the API is shown with the command that takes it on",
  async () => {
    const reports = await describeEntries(types);
    const written = path.join(directory, "api");
    await cp(path.join(ROOT, "api"), written, { recursive: true });
    const file = path.join(written, "index.api.md");
    const report = await readFile(file, "utf8");
    await writeFile(file, report.replace("readonly cursor: number;", "readonly cursor: string;"));
    const { exitCode, stderr } = await updateReports(reports, { check: true, directory: written });
    expect(exitCode).toBe(1);
    expect(stderr).toContain("npm run api");
    // Only what was changed here differs.
    const changed = stderr.split("\n").filter((line) => /^[-+](?![-+])/.test(line));
    expect(changed).toEqual(["-  readonly cursor: string;", "+  readonly cursor: number;"]);
    expect(await updateReports(reports, { check: false, directory: written })).toMatchObject({ exitCode: 0 });
    expect(await readFile(file, "utf8")).toBe(report);
  },
  TIMEOUT_MILLIS,
);

test("the API report has neither comments nor private fields", async () => {
  for (const name of ["index", "local"]) {
    const report = await readFile(path.join(ROOT, "api", `${name}.api.md`), "utf8");
    expect(report).not.toMatch(/^\s*(?:\/\*|\/\/|\*\s)|^ *private readonly/m);
  }
});

function strictOptions(): ts.CompilerOptions {
  return ts.convertCompilerOptionsFromJson(STRICT, directory).options;
}

/** The text of everything in a file of declarations whose type is `any`. */
function anysIn(program: ts.Program, file: string): string[] {
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(file);
  if (source === undefined) throw new RangeError(`${file} does not exist.`);
  const found: string[] = [];
  const isAny = (type: ts.Type): boolean => (type.flags & ts.TypeFlags.Any) !== 0;
  const visit = (node: ts.Node): void => {
    if (ts.isTypeNode(node)) {
      if (isAny(checker.getTypeFromTypeNode(node)))
        found.push((ts.isParameter(node.parent) ? node.parent : node).getText(source));
    } else if (
      (ts.isParameter(node) || ts.isPropertySignature(node) || ts.isVariableDeclaration(node)) &&
      node.type === undefined &&
      isAny(checker.getTypeAtLocation(node))
    ) {
      found.push(node.getText(source));
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}
