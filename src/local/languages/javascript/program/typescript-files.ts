import { readFileSync, statSync } from "node:fs";
import module from "node:module";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { transform, type Transform } from "sucrase";
import { findRemovedCode, findUnsupported } from "./unsupported-syntax.js";

const TYPESCRIPT = /\.[mc]?tsx?$/;
/** The endings that a specifier may omit, in the order of the search. */
const ENDINGS = [".ts", ".tsx", ".mts", ".cts", ".js", ".mjs", ".cjs", "/index.ts", "/index.js"];
/** By TypeScript's convention, a specifier may name the file that the compiler would write. */
const SOURCES: Readonly<Record<string, readonly string[]>> = {
  ".js": [".ts", ".tsx"],
  ".mjs": [".mts"],
  ".cjs": [".cts"],
};

/** The parts of Node's hook types that are used here. */
interface ResolveContext {
  readonly parentURL?: string | undefined;
}
interface LoadContext {
  readonly conditions?: readonly string[];
}
type Next<Context> = (url: string, context: Context) => unknown;

/** A hook of Node's module loader: finds TypeScript files, with or without an ending. */
export function resolve(
  specifier: string,
  context: ResolveContext,
  nextResolve: Next<ResolveContext>,
): unknown {
  if (!/^(?:\.{1,2}\/|\/|file:)/.test(specifier) || context.parentURL?.startsWith("file:") !== true)
    return nextResolve(specifier, context);
  const url = new URL(specifier, context.parentURL);
  const found = findSource(fileURLToPath(url));
  return nextResolve(found === undefined ? specifier : pathToFileURL(found).href + url.search, context);
}

/** A hook of Node's module loader: compiles TypeScript files. */
export function load(url: string, context: LoadContext, nextLoad: Next<LoadContext>): unknown {
  if (!url.startsWith("file:") || !TYPESCRIPT.test(new URL(url).pathname)) return nextLoad(url, context);
  const file = fileURLToPath(url);
  const isCommonJs = file.endsWith(".cts") || context.conditions?.includes("require") === true;
  return {
    format: isCommonJs ? "commonjs" : "module",
    source: compile(file, isCommonJs ? ["imports"] : []),
    shortCircuit: true,
  };
}

/** A function of Node 22.15 and newer, which the type declarations lack. */
interface SynchronousHooks {
  readonly registerHooks?: (hooks: { resolve: typeof resolve; load: typeof load }) => void;
}

/**
 * Lets code import and require TypeScript files. Call it only before the first import of a file: in older versions of
 * Node the hooks run in a thread, which takes time to start.
 *
 * @param file - the path of the kernel's program, which exports the hooks
 */
export function supportTypeScriptFiles(file: string): void {
  const { registerHooks } = module as SynchronousHooks;
  if (registerHooks !== undefined) {
    registerHooks({ resolve, load });
    return;
  }
  module.register(`${pathToFileURL(file).href}?hooks`);
}

/** Lets `require` load TypeScript files. */
export function supportRequire(require: NodeJS.Require): void {
  const extension = (compiled: { _compile(code: string, file: string): void }, file: string) =>
    compiled._compile(compile(file, ["imports"]), file);
  // Deprecated, but Node 20 has no replacement. The type declarations lack `_compile`.
  const { extensions } = require as unknown as { readonly extensions: Record<string, typeof extension> };
  for (const ending of [".ts", ".cts", ".tsx"]) extensions[ending] = extension;
}

function compile(file: string, transforms: readonly Transform[]): string {
  const code = readFileSync(file, "utf8");
  const removed = findRemovedCode(code);
  if (removed !== undefined) throw new SyntaxError(`${file}: ${removed.message}`);
  try {
    return transform(code, {
      transforms: ["typescript", ...transforms],
      disableESTransforms: true,
      preserveDynamicImport: true,
      filePath: file,
    }).code;
  } catch (error) {
    const unsupported = findUnsupported(code, true);
    throw unsupported === undefined ? error : new SyntaxError(`${file}: ${unsupported.message}`);
  }
}

/** Returns the file that a specifier refers to without its exact name. */
function findSource(file: string): string | undefined {
  if (isFile(file)) return undefined;
  const { dir, name, ext } = path.parse(file);
  const renamed = (SOURCES[ext] ?? []).map((ending) => path.join(dir, name + ending));
  return [...renamed, ...ENDINGS.map((ending) => file + ending)].find(isFile);
}

function isFile(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false })?.isFile() === true;
}
