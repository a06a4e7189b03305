import { parse, type Token } from "sucrase/dist/parser/index.js";
import { ContextualKeyword as word } from "sucrase/dist/parser/tokenizer/keywords.js";
import { TokenType as tt } from "sucrase/dist/parser/tokenizer/types.js";

/** Syntax that the kernel does not support, and its position. */
export interface Unsupported {
  readonly message: string;
  /** The offset in the code. */
  readonly offset: number;
}

const NAMESPACE =
  "namespaces that contain code are not supported; use a module (a file to import) or an object instead";
const DECORATOR = "decorators are not supported; call the decorating function instead";
const USING = "`using` is not supported by this version of Node; use try and finally instead";
const JSX = "JSX is not supported; call the function that creates elements instead";

/** Finds TypeScript syntax that contains code but that the transpiler would remove like a type. */
export function findRemovedCode(code: string): Unsupported | undefined {
  if (!/\b(?:namespace|module)\b/.test(code)) return undefined;
  const tokens = tokenize(code, { isJsx: false, isTypeScript: true });
  for (let index = 0; index < tokens.length; index++) {
    const body = bodyOfNamespace(tokens, index);
    if (body === undefined) continue;
    const isDeclared = tokens[index - 1]?.contextualKeyword === word._declare;
    if (!isDeclared && hasCode(tokens.slice(body.start, body.end)))
      return { message: NAMESPACE, offset: tokens[index]?.start ?? 0 };
    index = body.end;
  }
  return undefined;
}

/** Finds unsupported syntax in code that could not be parsed. */
export function findUnsupported(code: string, isTypeScript: boolean): Unsupported | undefined {
  const tokens = tokenize(code, { isJsx: false, isTypeScript });
  for (const [index, { type, contextualKeyword, start }] of tokens.entries()) {
    if (type === tt.at) return { message: DECORATOR, offset: start };
    const isUsing = contextualKeyword === word._using && tokens[index + 1]?.type === tt.name;
    if (isUsing) return { message: USING, offset: start };
  }
  if (tokens.length > 0) return undefined;
  const tag = tokenize(code, { isJsx: true, isTypeScript }).find(({ type }) => type === tt.jsxTagStart);
  return tag && { message: JSX, offset: tag.start };
}

/** Returns the tokens of code; none if it cannot be parsed. */
export function tokenize(
  code: string,
  { isJsx = false, isTypeScript = false }: { readonly isJsx?: boolean; readonly isTypeScript?: boolean },
): readonly Token[] {
  try {
    return parse(code, isJsx, isTypeScript, false).tokens;
  } catch {
    return [];
  }
}

/** Returns the tokens between the braces of the namespace that starts at a token; `undefined` if none does. */
function bodyOfNamespace(
  tokens: readonly Token[],
  index: number,
): { readonly start: number; readonly end: number } | undefined {
  const keyword = tokens[index];
  if (keyword?.isType !== true) return undefined;
  if (keyword.contextualKeyword !== word._namespace && keyword.contextualKeyword !== word._module)
    return undefined;
  let start = index + 1;
  while ([tt.name, tt.dot, tt.string].includes(tokens[start]?.type ?? -1)) start += 1;
  if (start === index + 1 || tokens[start]?.type !== tt.braceL) return undefined;
  let depth = 0;
  for (let end = start; end < tokens.length; end++) {
    const type = tokens[end]?.type;
    if (type === tt.braceL) depth += 1;
    if (type === tt.braceR && (depth -= 1) === 0) return { start: start + 1, end };
  }
  return undefined;
}

const CODE_KEYWORDS = new Set([tt._class, tt._const, tt._enum, tt._function, tt._let, tt._var]);
const TYPE_KEYWORDS = new Set([word._declare, word._interface, word._type]);

/** Returns whether a namespace contains anything but types. */
function hasCode(body: readonly Token[]): boolean {
  let depth = 0;
  let startsStatement = true;
  for (let index = 0, token; (token = body[index]) !== undefined; index++) {
    const { type, contextualKeyword } = token;
    if (depth === 0 && type !== tt._export) {
      const nested = startsStatement ? bodyOfNamespace(body, index) : undefined;
      if (nested !== undefined) {
        if (hasCode(body.slice(nested.start, nested.end))) return true;
        index = nested.end;
        continue;
      }
      if (startsStatement && type !== tt.semi && !TYPE_KEYWORDS.has(contextualKeyword)) return true;
      if (startsStatement && contextualKeyword === word._declare)
        index += 1; // `declare const` produces no code.
      else if (CODE_KEYWORDS.has(type)) return true;
    }
    if (type === tt.braceL) depth += 1;
    if (type === tt.braceR) depth -= 1;
    if (type !== tt._export) startsStatement = depth === 0 && (type === tt.semi || type === tt.braceR);
  }
  return false;
}
