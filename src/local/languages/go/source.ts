import { isKeyword, tokenise, type GoToken } from "./tokens.js";

/** A declaration at the top level, or a statement. */
export interface GoItem {
  readonly kind: "import" | "func" | "var" | "const" | "type" | "statement";
  readonly text: string;
  /** The line of the user's code where it starts, from 1. */
  readonly line: number;
  /** The column where it starts, from 1. */
  readonly column: number;
  /** What it declares: `Name`, or `Type.Name` for a method. */
  readonly names: readonly DeclaredName[];
  readonly tokens: readonly GoToken[];
}

export interface DeclaredName {
  readonly name: string;
  /** Its offset in the item's text. */
  readonly offset: number;
}

export interface GoImport {
  /** The name by which code uses the package; `undefined` for `_` and `.`. */
  readonly name: string | undefined;
  /** The text after `import`. */
  readonly text: string;
}

const BRACKETS: Readonly<Record<string, number>> = { "(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1 };

/** Returns whether code is a whole program rather than a snippet. */
export function isProgram(code: string): boolean {
  return tokenise(code)[0]?.text === "package";
}

/** Returns the error for a program whose package is not `main`; `undefined` if it is. */
export function complaintOfPackage(code: string): string | undefined {
  const [, name] = tokenise(code);
  if (name?.kind !== "name" || name.text === "main") return undefined;
  const before = code.slice(0, name.start).split("\n");
  const column = Buffer.byteLength(before.at(-1) ?? "") + 1;
  return `${before.length}:${column}: package ${name.text} is not a main package, which a program has to be`;
}

// A statement with one of these operators has no value, even if it contains a call.
const NO_VALUE = new Set("= := += -= *= /= %= &= |= ^= <<= >>= &^= ++ -- <- :".split(" "));
// Builtin functions whose value is not worth showing, or that have none.
const FOR_EFFECT = /^(?:fmt\.F?Print\w*|log\.\w+|os\.Exit|panic|print|println|close|delete)\(/;

/** Returns whether a statement is a call that may have a value. */
export function mayHaveValue({ kind, tokens, text }: GoItem): boolean {
  const [first] = tokens;
  if (kind !== "statement" || first === undefined || tokens.at(-1)?.text !== ")") return false;
  if ((isKeyword(first.text) && first.text !== "func") || FOR_EFFECT.test(text)) return false;
  let depth = 0;
  return tokens.every((token) => {
    if (token.kind === "operator") depth += BRACKETS[token.text] ?? 0;
    return depth > 0 || !NO_VALUE.has(token.text);
  });
}

/** Splits a snippet into its declarations and statements, and groups of variables or types into their members. */
export function splitSnippet(code: string): GoItem[] {
  const items: GoItem[] = [];
  let current: GoToken[] = [];
  let depth = 0;
  for (const token of tokenise(code)) {
    if (token.kind === "operator") depth += BRACKETS[token.text] ?? 0;
    if (token.kind !== "end" || depth > 0) {
      current.push(token);
      continue;
    }
    items.push(...toItems(code, current));
    current = [];
  }
  items.push(...toItems(code, current));
  return items;
}

function toItems(code: string, tokens: readonly GoToken[]): GoItem[] {
  const [first, second] = tokens;
  if (first === undefined) return [];
  switch (first.text) {
    case "import":
      return [makeItem(code, "import", tokens, [])];
    case "func": {
      const named = functionName(tokens);
      return [makeItem(code, named === undefined ? "statement" : "func", tokens, named ? [named] : [])];
    }
    case "var":
    case "type":
      // As items of their own, members of a group can be redeclared one by one.
      return second?.text === "("
        ? groupMembers(tokens).map((member) => {
            const names = leadingNames(member, first.text === "type");
            return makeItem(code, first.text === "var" ? "var" : "type", member, names, `${first.text} `);
          })
        : [makeItem(code, first.text, tokens, leadingNames(tokens.slice(1), first.text === "type"))];
    case "const": {
      const names =
        second?.text === "("
          ? groupMembers(tokens).flatMap((member) => leadingNames(member, false))
          : leadingNames(tokens.slice(1), false);
      return [makeItem(code, "const", tokens, names)];
    }
    default:
      return [makeItem(code, "statement", tokens, [])];
  }
}

interface Named {
  readonly name: string;
  readonly token: GoToken;
}

function makeItem(
  code: string,
  kind: GoItem["kind"],
  tokens: readonly GoToken[],
  names: readonly Named[],
  prefix = "",
): GoItem {
  const start = tokens[0]?.start ?? 0;
  const stop = tokens.at(-1)?.stop ?? start;
  const before = code.slice(0, start);
  return {
    kind,
    text: prefix + code.slice(start, stop),
    line: before.split("\n").length,
    column: Math.max(1, Buffer.byteLength(before.slice(before.lastIndexOf("\n") + 1)) + 1 - prefix.length),
    names: names.map(({ name, token }) => ({ name, offset: prefix.length + token.start - start })),
    tokens,
  };
}

/** Returns the members of `var ( … )`: the text between its parentheses, split at line ends. */
function groupMembers(tokens: readonly GoToken[]): GoToken[][] {
  const members: GoToken[][] = [];
  let member: GoToken[] = [];
  let depth = 0;
  for (const token of tokens.slice(2, -1)) {
    if (token.kind === "operator") depth += BRACKETS[token.text] ?? 0;
    if (token.kind === "end" && depth === 0) {
      if (member.length > 0) members.push(member);
      member = [];
    } else {
      member.push(token);
    }
  }
  if (member.length > 0) members.push(member);
  return members;
}

/** Returns the names before a type or a value, as in `a, b = f()`. */
function leadingNames(tokens: readonly GoToken[], isSingle: boolean): Named[] {
  const names: Named[] = [];
  for (let i = 0; i < tokens.length; i += 2) {
    const token = tokens[i];
    if (token?.kind !== "name" || isKeyword(token.text)) break;
    if (token.text !== "_") names.push({ name: token.text, token });
    if (isSingle || tokens[i + 1]?.text !== ",") break;
  }
  return names;
}

/** Returns the name of a declared function or method; `undefined` for a function literal. */
function functionName(tokens: readonly GoToken[]): Named | undefined {
  const [, second] = tokens;
  if (second?.kind === "name") return { name: second.text, token: second };
  if (second?.text !== "(") return undefined;
  let depth = 0;
  for (let i = 1; i < tokens.length; i++) {
    depth += BRACKETS[tokens[i]?.text ?? ""] ?? 0;
    if (depth > 0) continue;
    const [name, next] = tokens.slice(i + 1, i + 3);
    if (name?.kind !== "name" || next?.text !== "(" || isKeyword(name.text)) return undefined;
    const receiver = tokens.slice(2, i).filter((token) => token.kind === "name");
    // In `(s *Stack[T])` the type is the first name after the receiver's own name, which is optional.
    const type = tokens[3]?.text === "[" || receiver.length === 1 ? receiver[0] : receiver[1];
    return { name: `${type?.text ?? ""}.${name.text}`, token: name };
  }
  return undefined;
}

/** Returns the single imports of an item. */
export function importsOf(item: GoItem): GoImport[] {
  const isGroup = item.tokens[1]?.text === "(";
  const members = isGroup ? groupMembers(item.tokens) : [item.tokens.slice(1)];
  return members.flatMap((member) => {
    const path = member.at(-1)?.text ?? "";
    const alias = member.length > 1 ? member[0]?.text : undefined;
    if (path === "") return [];
    const isUncalled = alias === "_" || alias === ".";
    return [
      {
        name: isUncalled ? undefined : (alias ?? packageName(path.slice(1, -1))),
        text: alias === undefined ? path : `${alias} ${path}`,
      },
    ];
  });
}

/** Guesses a package's name from its path: `math/rand/v2` is `rand`, `gopkg.in/yaml.v3` is `yaml`. */
export function packageName(path: string): string {
  const parts = path.split("/");
  const last = parts.at(-1) ?? "";
  const name = /^v\d+$/.test(last) ? (parts.at(-2) ?? last) : last;
  return name.replace(/\.v\d+$/, "").replace(/^go-/, "");
}

/** Returns the names that are used like packages (`name.…`) and not declared anywhere in these items. */
export function packagesCalled(items: readonly GoItem[]): Set<string> {
  const called = new Set<string>();
  const others = new Set<string>();
  for (const { tokens } of items) {
    tokens.forEach((token, i) => {
      if (token.kind !== "name" || isKeyword(token.text) || tokens[i - 1]?.text === ".") return;
      (tokens[i + 1]?.text === "." ? called : others).add(token.text);
    });
  }
  for (const name of others) called.delete(name);
  return called;
}

/** Returns every name that is followed by a dot somewhere. */
export function selectorsIn(items: readonly GoItem[]): Set<string> {
  const found = new Set<string>();
  for (const { tokens } of items) {
    tokens.forEach((token, i) => {
      if (token.kind === "name" && tokens[i + 1]?.text === "." && tokens[i - 1]?.text !== ".")
        found.add(token.text);
    });
  }
  return found;
}
