import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import ts from "typescript";
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

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "public-api-"));
  await promisify(execFile)(process.execPath, [
    path.join(ROOT, "scripts/build.mjs"),
    "--outdir",
    path.join(directory, "dist"),
  ]);
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
