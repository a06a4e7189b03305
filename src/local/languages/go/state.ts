import { importsOf, packageName, packagesCalled, selectorsIn, type GoImport, type GoItem } from "./source.js";

/** A declaration that is kept, and the run that declared it. */
interface Kept {
  readonly item: GoItem;
  readonly run: number;
}

/** Options for composing the program of a run. */
export interface ComposeOptions {
  /** The number of the run. */
  readonly run: number;
  /** Whether the value of the last statement is the result of the run. */
  readonly showsLast: boolean;
  /** Imports, as they are written, that the compiler reported as unused. */
  readonly unused: ReadonlySet<string>;
  /** The standard library's packages by name. */
  readonly standardPackages: ReadonlyMap<string, string>;
}

// The result goes to this descriptor. The names are unlikely to collide with those of a snippet.
const SHOW = "__show";
const SHOWING = `func ${SHOW}(values ...any) {
	text := __fmt.Sprintln(values...)
	__os.NewFile(3, "result").WriteString(text[:len(text)-1])
}
`;
const SHOWING_IMPORTS = [`__fmt "fmt"`, `__os "os"`];

/** Functions that are not kept: code cannot call them, and Go would run them again in each run. */
const OWN_FUNCTIONS = new Set(["main", "init"]);

/** The declarations of a context. Each run's program consists of them and its own. Immutable. */
export class GoState {
  readonly #kept: readonly Kept[];
  readonly #imports: ReadonlyMap<string, GoImport>;

  constructor(kept: readonly Kept[] = [], imports: ReadonlyMap<string, GoImport> = new Map()) {
    this.#kept = kept;
    this.#imports = imports;
  }

  /** Returns the state after a run with these items. Later declarations replace earlier ones. */
  with(items: readonly GoItem[], run: number): GoState {
    const declared = items.filter(({ names }) => names.some(({ name }) => !OWN_FUNCTIONS.has(name)));
    const imports = new Map(this.#imports);
    for (const each of items.filter(({ kind }) => kind === "import").flatMap(importsOf)) {
      imports.set(each.name ?? each.text, each);
    }
    return new GoState([...this.#without(items), ...declared.map((item) => ({ item, run }))], imports);
  }

  /** Returns a program that contains the kept declarations and runs these items. */
  compose(items: readonly GoItem[], options: ComposeOptions): string {
    const { run, showsLast } = options;
    const earlier = this.#without(items);
    const statements = items.filter(({ kind }) => kind === "statement");
    const declarations = items.filter(({ kind }) => kind !== "statement" && kind !== "import");
    const hasMain = declarations.some(({ names }) => names.some(({ name }) => name === "main"));
    const all = [...earlier.map(({ item }) => item), ...declarations, ...statements];
    const last = showsLast ? statements.at(-1) : undefined;
    return [
      "package main",
      ...this.#importLines(items, all, options).map((text) => `import ${text}`),
      ...(last === undefined ? [] : SHOWING_IMPORTS.map((text) => `import ${text}`)),
      ...earlier.flatMap((kept) => placed(kept.item, kept.run)),
      ...declarations.flatMap((item) => placed(item, run)),
      ...(last === undefined ? [] : [SHOWING]),
      ...(hasMain && statements.length === 0 ? [] : ["func main() {"]),
      ...statements.flatMap((item) => (item === last ? shown(item, run) : placed(item, run))),
      ...(hasMain && statements.length === 0 ? [] : ["}"]),
      "",
    ].join("\n");
  }

  /** Returns the declarations that remain after these items replace some. */
  #without(items: readonly GoItem[]): Kept[] {
    const replaced = new Set(items.flatMap(({ names }) => names.map(({ name }) => name)));
    return this.#kept.flatMap(({ item, run }) => {
      const gone = item.names.filter(({ name }) => replaced.has(name));
      if (gone.length === item.names.length) return [];
      // In `const ( a = iota; b )` the value of b depends on its position after a.
      let { text } = item;
      for (const { name, offset } of [...gone].sort((a, b) => b.offset - a.offset)) {
        text = `${text.slice(0, offset)}_${text.slice(offset + name.length)}`;
      }
      const names = gone.length === 0 ? item.names : [];
      return [{ item: { ...item, text, names: gone.length === 0 ? names : restOf(item, replaced) }, run }];
    });
  }

  #importLines(items: readonly GoItem[], all: readonly GoItem[], options: ComposeOptions): string[] {
    const own = items.filter(({ kind }) => kind === "import").flatMap(importsOf);
    const known = new Map(this.#imports);
    for (const each of own) known.set(each.name ?? each.text, each);
    const used = selectorsIn(all);
    const lines = new Set<string>();
    for (const each of known.values()) {
      // The name of a package outside the standard library can only be guessed.
      const isGuess = own.includes(each) && each.text.includes(".");
      if (each.name === undefined || used.has(each.name) || isGuess) lines.add(each.text);
    }
    const declared = new Set(all.flatMap(({ names }) => names.map(({ name }) => name)));
    for (const name of packagesCalled(all)) {
      const path = options.standardPackages.get(name);
      if (path !== undefined && !known.has(name) && !declared.has(name)) lines.add(`"${path}"`);
    }
    return [...lines].filter((text) => !options.unused.has(text));
  }
}

/** Returns the names that stay, at their offsets after each replaced name has become one character. */
function restOf(item: GoItem, replaced: ReadonlySet<string>): GoItem["names"] {
  return item.names
    .filter(({ name }) => !replaced.has(name))
    .map(({ name, offset }) => {
      const before = item.names.filter((other) => replaced.has(other.name) && other.offset < offset);
      return { name, offset: offset - before.reduce((sum, other) => sum + other.name.length - 1, 0) };
    });
}

/** Returns source with a directive for its original position, which the compiler and panics then report. */
function placed({ text, line, column }: GoItem, run: number): string[] {
  return [`//line <cell ${run}>:${line}:${column}`, text];
}

function shown(item: GoItem, run: number): string[] {
  // The parts of the call are on lines of their own, so that they do not shift the columns of the value.
  return [`${SHOW}(`, ...placed({ ...item, text: `${item.text},` }, run), ")"];
}

// If several packages share a name, the one that code most often means.
const PREFERRED = ["math/rand", "text/template", "crypto/rand", "text/scanner", "runtime/pprof"];

/** Returns the packages of the standard library by name, given the paths of its directories. */
export function packagesByName(paths: readonly string[]): Map<string, string> {
  const found = new Map<string, string>();
  const rank = (path: string) => {
    const preferred = PREFERRED.indexOf(path);
    return preferred === -1 ? PREFERRED.length + path.length : preferred;
  };
  for (const path of [...paths].sort((a, b) => rank(a) - rank(b))) {
    const parts = path.split("/");
    const isPrivate = parts.some((part) =>
      ["internal", "vendor", "testdata", "cmd", "builtin"].includes(part),
    );
    const name = packageName(path);
    if (!isPrivate && !/^v\d+$/.test(parts.at(-1) ?? "") && !found.has(name)) found.set(name, path);
  }
  return found;
}
