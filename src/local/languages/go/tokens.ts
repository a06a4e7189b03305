/** A token of Go source, only as detailed as splitting it into declarations and statements requires. */
export interface GoToken {
  readonly kind: "name" | "literal" | "operator" | "end";
  readonly text: string;
  /** Its offsets in the source. */
  readonly start: number;
  readonly stop: number;
}

const SPACE = /[ \t\r]+/y;
const NEWLINE = /\n/y;
const LINE_COMMENT = /\/\/[^\n]*/y;
const BLOCK_COMMENT = /\/\*[^]*?(?:\*\/|$)/y;
const NAME = /[\p{L}_][\p{L}\p{Nd}_]*/uy;
const NUMBER = /(?:\d|\.\d)(?:[eEpP][+-]|[\p{L}\p{Nd}_.])*/uy;
const STRING = /`[^`]*(?:`|$)|"(?:\\[^]|[^"\\\n])*"?|'(?:\\[^]|[^'\\\n])*'?/y;
const OPERATOR =
  /<<=|>>=|&\^=|\.\.\.|&&|\|\||<-|\+\+|--|==|!=|<=|>=|:=|\+=|-=|\*=|\/=|%=|&=|\|=|\^=|<<|>>|&\^|[^]/uy;

// The tokens after which a line's end ends the statement (see "Semicolons" in the language's specification).
const ENDS_LINE = new Set(["break", "continue", "fallthrough", "return", "++", "--", ")", "]", "}"]);
const KEYWORDS = new Set(
  (
    "break case chan const continue default defer else fallthrough for func go goto if import interface map package " +
    "range return select struct switch type var"
  ).split(" "),
);

export function isKeyword(text: string): boolean {
  return KEYWORDS.has(text);
}

/** Splits Go source into tokens. `end` stands for each semicolon, written or implied by a line's end. */
export function tokenise(source: string): GoToken[] {
  const tokens: GoToken[] = [];
  let at = 0;
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    return pattern.exec(source)?.[0];
  };
  const add = (kind: GoToken["kind"], text: string) => {
    tokens.push({ kind, text, start: at, stop: at + text.length });
    at += text.length;
  };
  const endLine = () => {
    if (endsStatement(tokens.at(-1))) tokens.push({ kind: "end", text: "\n", start: at, stop: at });
  };
  while (at < source.length) {
    const newline = match(NEWLINE);
    const comment = match(LINE_COMMENT) ?? match(BLOCK_COMMENT);
    const space = match(SPACE);
    if (newline !== undefined) {
      endLine();
      at += 1;
    } else if (space !== undefined) {
      at += space.length;
    } else if (comment !== undefined) {
      if (comment.includes("\n")) endLine();
      at += comment.length;
    } else {
      addToken();
    }
  }
  endLine();
  return tokens;

  function addToken(): void {
    const name = match(NAME);
    if (name !== undefined) return add("name", name);
    const literal = match(NUMBER) ?? match(STRING);
    if (literal !== undefined) return add("literal", literal);
    const operator = match(OPERATOR) ?? "";
    add(operator === ";" ? "end" : "operator", operator);
  }
}

function endsStatement(last: GoToken | undefined): boolean {
  if (last === undefined || last.kind === "end") return false;
  if (last.kind === "literal") return true;
  return last.kind === "name" && !isKeyword(last.text) ? true : ENDS_LINE.has(last.text);
}
