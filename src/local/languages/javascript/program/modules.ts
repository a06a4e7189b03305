import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import vm from "node:vm";
import { parse, type ImportSpecifier } from "es-module-lexer/js";

/** The name by which rewritten code reaches {@link Importer}. */
const IMPORT = "__import";

/**
 * Rewrites what only modules may contain into what a script may: `import` statements become `await __import.names(…)`,
 * dynamic ones `__import(…)`, and `export` in front of a declaration goes. Lines stay where they are.
 */
export function rewriteModuleSyntax(code: string): string {
  if (!/\b(im|ex)port\b/.test(code)) return code;
  let imports: readonly ImportSpecifier[];
  let exports: readonly { readonly s: number }[];
  try {
    [imports, exports] = parse(code);
  } catch {
    return code; // V8 knows better what is wrong with it
  }
  const edits = [...imports.map((each) => editImport(code, each)), ...editExports(code, exports)];
  edits.sort((one, other) => one.start - other.start);
  let rewritten = "";
  let position = 0;
  for (const { start, end, text } of edits) {
    if (start < position) continue; // inside of one before
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

/** What stands between `import` and `from`. */
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

function editExports(code: string, exports: readonly { readonly s: number }[]): Edit[] {
  return exports.flatMap(({ s }) => {
    const before = code.slice(0, s);
    const declared = /\bexport(\s+)(?:async\s+)?(?:const|let|var|class|function\s*\*?)\s+$/.exec(before);
    if (declared !== null) return [edit(declared.index, "export".length)];
    // `s` is where the word `default` itself begins.
    const byDefault = /\bexport\s+$/.exec(before);
    if (byDefault !== null && code.startsWith("default", s)) {
      const length = byDefault[0].length + "default".length;
      const isDeclared = /^\s+(?:class|(?:async\s+)?function)\b/.test(code.slice(s + "default".length));
      // An object must not become a block.
      return [edit(byDefault.index, length, isDeclared ? "" : "0,")];
    }
    const listed = /\bexport\s*\{[^{}]*$/.exec(before);
    const [rest = ""] = listed === null ? [] : (/^[^{}]*\}(?!\s*from\b)/.exec(code.slice(s)) ?? []);
    return listed !== null && rest !== "" ? [edit(listed.index, listed[0].length + rest.length)] : [];
  });

  function edit(start: number, length: number, end = ""): Edit {
    const blank = code.slice(start, start + length - end.length).replace(/\S/g, " ");
    return { start, end: start + length, text: blank + end };
  }
}

/**
 * Gives code `require`, and `import` in its rewritten form; both look for modules from the current directory.
 *
 * @param isLenient - whether a name that a module does not have is `undefined`: it may be that of a type
 */
export function provideModules(isLenient: boolean): void {
  const require = createRequire(path.join(process.cwd(), "cell.js"));
  const importer = (specifier: unknown, options?: unknown) => importFrom(process.cwd())(specifier, options);
  const names = async (specifier: string, wanted: readonly string[], attributes?: unknown) => {
    const options = attributes === undefined ? undefined : { with: attributes };
    const found = await importFrom(process.cwd())(specifier, options);
    const missing = wanted.filter((name) => !(name in found));
    if (missing.length === 0) return found;
    // Node finds only some of the names that a CommonJS module exports.
    const fallback = found["default"];
    const more =
      typeof fallback === "object" && fallback !== null ? (fallback as Record<string, unknown>) : {};
    const unknown = missing.find((name) => !(name in more));
    if (unknown !== undefined && !isLenient) {
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
  // As in a file that is run: `if (require.main === module)` and `module.exports = …` are the ends of many.
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

/** Node warns of each experimental feature when it is first used; that this kernel uses one is not the user's concern. */
function withoutWarnings(use: () => void): void {
  const own = Object.getOwnPropertyDescriptor(process, "emitWarning");
  process.emitWarning = () => undefined;
  use();
  if (own !== undefined) Object.defineProperty(process, "emitWarning", own);
}

type Import = (specifier: unknown, options?: unknown) => Promise<Record<string, unknown>>;
const importers = new Map<string, Import>();

/** `import()` as a file in that directory would do it. */
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
