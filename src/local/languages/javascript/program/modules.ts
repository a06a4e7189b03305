import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import vm from "node:vm";
import { parse, type ImportSpecifier } from "es-module-lexer/js";
import type { Token } from "sucrase/dist/parser/index.js";
import { ContextualKeyword as word } from "sucrase/dist/parser/tokenizer/keywords.js";
import { TokenType as tt } from "sucrase/dist/parser/tokenizer/types.js";
import { supportRequire, supportTypeScriptFiles } from "./typescript-files.js";
import { tokenize } from "./unsupported-syntax.js";

/** The global through which rewritten code calls {@link Importer}. */
const IMPORT = "__import";

/**
 * Rewrites module syntax for a script: `import` statements become `await __import.names(…)`, dynamic imports
 * `__import(…)`, and `export` before a declaration is removed. Line numbers stay the same.
 */
export function rewriteModuleSyntax(code: string): string {
  if (!/\b(im|ex)port\b/.test(code)) return code;
  let imports: readonly ImportSpecifier[];
  try {
    [imports] = parse(code);
  } catch {
    return code; // V8 describes the error more clearly.
  }
  const edits = [...imports.map((each) => editImport(code, each)), ...editExports(code)];
  edits.sort((one, other) => one.start - other.start);
  let rewritten = "";
  let position = 0;
  for (const { start, end, text } of edits) {
    if (start < position) continue; // nested in the previous one
    rewritten += code.slice(position, start) + text;
    position = end;
  }
  return rewritten + code.slice(position);
}

interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

function editImport(code: string, { ss, se, d, n }: ImportSpecifier): Edit {
  if (d === -2) return { start: ss, end: se, text: `${IMPORT}.meta` };
  if (d >= 0) return { start: ss, end: ss + "import".length, text: IMPORT };
  const statement = code.slice(ss, se);
  const [, clause = ""] = /^import\b([^]*?)(?:\bfrom\b\s*)?(?:"[^"]*"|'[^']*')/.exec(statement) ?? [];
  const attributes = /(?:"|')\s*(?:with|assert)\s*(\{[^]*\})\s*$/.exec(statement)?.[1] ?? "undefined";
  const lines = "\n".repeat(statement.split("\n").length - 1);
  const { namespace, names } = readClause(clause);
  const source = `${JSON.stringify(n ?? "")}, ${JSON.stringify(names.map(([name]) => name))}, ${attributes}`;
  const pattern = names.map(([name, local]) => `${JSON.stringify(name)}: ${local}`).join(", ");
  const target = namespace ?? "{}";
  const whole = `await ${IMPORT}.names(${source})`;
  if (names.length === 0) return { start: ss, end: se, text: `const ${target} = ${whole}${lines}` };
  const text =
    namespace === undefined
      ? `const {${pattern}} = ${whole}${lines}`
      : `const ${namespace} = ${whole}, {${pattern}} = ${namespace}${lines}`;
  return { start: ss, end: se, text };
}

/** Parses the text between `import` and `from`. */
function readClause(clause: string): { namespace: string | undefined; names: (readonly [string, string])[] } {
  const text = clause.replace(/\/\*[^]*?\*\/|\/\/.*/g, " ");
  const namespace = /\*\s*as\s+([\p{ID_Continue}$]+)/u.exec(text)?.[1];
  const fallback = /^\s*([\p{ID_Start}$_][\p{ID_Continue}$]*)/u.exec(text)?.[1];
  const names: (readonly [string, string])[] = fallback === undefined ? [] : [["default", fallback]];
  const [, braced = ""] = /\{([^]*)\}/.exec(text) ?? [];
  for (const item of braced.split(",")) {
    const [, quoted, plain, local] =
      /^\s*(?:"([^"]*)"|'[^']*'|([^\s"']+))(?:\s+as\s+(\S+))?\s*$/.exec(item) ?? [];
    const name = quoted ?? plain;
    if (name !== undefined) names.push([name, local ?? name]);
  }
  return { namespace, names };
}

/** Removes `export`. A re-export becomes an import, for the side effects of the other module. */
function editExports(code: string): Edit[] {
  if (!/\bexport\b/.test(code)) return [];
  const tokens = tokenize(code, {});
  return tokens.flatMap((token, index) => {
    if (token.type !== tt._export) return [];
    const next = tokens[index + 1];
    if (next === undefined || next.type === tt.star) return []; // The lexer reports it as an import.
    if (next.type === tt.braceL) {
      const end = tokens.findIndex(({ type }, at) => at > index && type === tt.braceR);
      if (end === -1 || tokens[end + 1]?.contextualKeyword === word._from) return [];
      return [blank(token.start, tokens[end]?.end ?? token.end)];
    }
    if (next.type !== tt._default) return [blank(token.start, token.end)];
    // A declaration has a name. Anything else is an expression; an object literal must not become a block.
    return [blank(token.start, next.end, isNamedDeclaration(tokens, index + 2) ? "" : "0,")];
  });

  function blank(start: number, end: number, text = ""): Edit {
    return { start, end, text: code.slice(start, end - text.length).replace(/\S/g, " ") + text };
  }
}

function isNamedDeclaration(tokens: readonly Token[], start: number): boolean {
  let index = start;
  if (tokens[index]?.contextualKeyword === word._async) index += 1;
  const type = tokens[index]?.type;
  if (type !== tt._class && type !== tt._function) return false;
  if (tokens[index + 1]?.type === tt.star) index += 1;
  return tokens[index + 1]?.type === tt.name;
}

/**
 * Provides `require`, and `import` in its rewritten form. Both resolve modules from the current directory.
 *
 * For TypeScript they also find TypeScript files, and a name that a module lacks is `undefined`, since it may be the name
 * of a type.
 *
 * @param file - the path of the kernel's program
 */
export function provideModules(file: string, isTypeScript: boolean): void {
  const require = createRequire(path.join(process.cwd(), "cell.js"));
  if (isTypeScript) supportRequire(require);
  let isSupported = !isTypeScript;
  const importer: Import = (specifier, options) => {
    if (!isSupported && /^(?:\.{1,2}\/|\/|file:)/.test(String(specifier))) {
      isSupported = true;
      withoutWarnings(() => supportTypeScriptFiles(file));
    }
    return importFrom(process.cwd())(specifier, options);
  };
  const names = async (specifier: string, wanted: readonly string[], attributes?: unknown) => {
    const options = attributes === undefined ? undefined : { with: attributes };
    const found = await importer(specifier, options);
    const missing = wanted.filter((name) => !(name in found));
    if (missing.length === 0) return found;
    // Node detects only some of the names that a CommonJS module exports.
    const fallback = found["default"];
    const more =
      typeof fallback === "object" && fallback !== null ? (fallback as Record<string, unknown>) : {};
    const unknown = missing.find((name) => !(name in more));
    if (unknown !== undefined && !isTypeScript) {
      throw new SyntaxError(
        `The requested module '${specifier}' does not provide an export named '${unknown}'`,
      );
    }
    return { ...found, ...Object.fromEntries(missing.map((name) => [name, more[name]])) };
  };
  const meta = {
    get url() {
      return pathToFileURL(path.join(process.cwd(), "cell.mjs")).href;
    },
    get dirname() {
      return process.cwd();
    },
    get filename() {
      return path.join(process.cwd(), "cell.mjs");
    },
  };
  Object.assign(importer, { names, meta });
  withoutWarnings(() => void importFrom(process.cwd())("node:path"));
  // As in a file that Node runs: many end in `if (require.main === module)` or `module.exports = …`.
  const module = { exports: {}, id: ".", filename: path.join(process.cwd(), "cell.js"), loaded: false };
  Object.assign(require, { main: module });
  process.argv = [process.execPath, meta.filename];
  for (const [name, value] of Object.entries({
    require,
    module,
    exports: module.exports,
    [IMPORT]: importer,
  })) {
    Object.defineProperty(globalThis, name, { configurable: true, writable: true, value });
  }
}

/** Silences Node's warning about an experimental feature that the kernel itself uses. */
function withoutWarnings(use: () => void): void {
  const own = Object.getOwnPropertyDescriptor(process, "emitWarning");
  process.emitWarning = () => undefined;
  use();
  if (own !== undefined) Object.defineProperty(process, "emitWarning", own);
}

type Import = (specifier: unknown, options?: unknown) => Promise<Record<string, unknown>>;
const importers = new Map<string, Import>();

/** Returns `import()` as a file in that directory would call it. */
function importFrom(directory: string): Import {
  let found = importers.get(directory);
  if (found === undefined) {
    const script = new vm.Script("(specifier, options) => import(specifier, options)", {
      filename: path.join(directory, "cell.mjs"),
      importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    });
    found = script.runInThisContext() as Import;
    importers.set(directory, found);
  }
  return found;
}
