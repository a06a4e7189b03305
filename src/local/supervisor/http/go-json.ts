/** Finds the end of a JSON value as Go's decoder does, and reports syntax errors in its words. */

/** The end of the first JSON value in a text, or its syntax error in Go's words. */
export type JsonScan = { readonly end: number } | { readonly complaint: string };

const SPACE = /[ \t\r\n]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const LITERALS: Readonly<Record<string, string>> = { t: "true", f: "false", n: "null" };
const CUT_SHORT = "unexpected EOF";

class Complaint extends Error {}

/** Finds the first value of a text. As in Go's decoder, the rest is ignored. */
export function scanJson(text: string): JsonScan {
  try {
    return { end: new Scanner(text).scan() };
  } catch (error) {
    if (error instanceof Complaint) return { complaint: error.message };
    throw error;
  }
}

class Scanner {
  readonly #text: string;
  #position = 0;
  // A list instead of recursion: a text may nest deeper than the call stack.
  readonly #open: ("object" | "array")[] = [];

  constructor(text: string) {
    this.#text = text;
  }

  scan(): number {
    if (this.#peek() === undefined) throw new Complaint("EOF");
    do this.#value();
    while (this.#open.length > 0);
    return this.#position;
  }

  /** Scans one value, or the start of a container, and every end that follows. */
  #value(): void {
    const character = this.#next();
    switch (character) {
      case "{":
        this.#open.push("object");
        if (this.#peek() === "}") this.#position++;
        else return this.#key("looking for beginning of object key string");
        this.#open.pop();
        break;
      case "[":
        this.#open.push("array");
        if (this.#peek() !== "]") return;
        this.#position++;
        this.#open.pop();
        break;
      case '"':
        this.#string();
        break;
      default:
        this.#scalar(character);
    }
    this.#afterValue();
  }

  #afterValue(): void {
    for (let container = this.#open.at(-1); container !== undefined; container = this.#open.at(-1)) {
      const character = this.#next();
      if (character === ",") {
        if (container === "object") this.#key("looking for beginning of object key string");
        return;
      }
      if (character !== (container === "object" ? "}" : "]")) {
        this.#fail(container === "object" ? "after object key:value pair" : "after array element");
      }
      this.#open.pop();
    }
  }

  #key(otherwise: string): void {
    if (this.#next() !== '"') this.#fail(otherwise);
    this.#string();
    if (this.#next() !== ":") this.#fail("after object key");
  }

  #string(): void {
    for (;;) {
      this.#skip(PLAIN);
      const character = this.#take();
      if (character === '"') return;
      if (character !== "\\") this.#fail("in string literal");
      const escape = this.#take();
      if (escape === "u") {
        for (let digit = 0; digit < 4; digit++) {
          if (!/[0-9a-fA-F]/.test(this.#take())) this.#fail("in \\u hexadecimal character escape");
        }
      } else if (!/["\\/bfnrt]/.test(escape)) this.#fail("in string escape code");
    }
  }

  #scalar(character: string): void {
    const literal = LITERALS[character];
    if (literal === undefined) {
      this.#position--;
      if (/[-\d]/.test(character) && this.#skip(NUMBER) > 0) return;
      this.#position++;
      if (character !== "-") this.#fail("looking for beginning of value");
      this.#take();
      this.#fail("in numeric literal");
    }
    for (const expected of literal.slice(1)) {
      if (this.#take() !== expected) this.#fail(`in literal ${literal} (expecting '${expected}')`);
    }
  }

  #next(): string {
    this.#skip(SPACE);
    return this.#take();
  }

  #peek(): string | undefined {
    this.#skip(SPACE);
    return this.#text[this.#position];
  }

  #take(): string {
    const character = this.#text[this.#position++];
    if (character === undefined) throw new Complaint(CUT_SHORT);
    return character;
  }

  #skip(pattern: RegExp): number {
    pattern.lastIndex = this.#position;
    const length = pattern.exec(this.#text)?.[0].length ?? 0;
    this.#position += length;
    return length;
  }

  /** Reports the character that was consumed last. */
  #fail(where: string): never {
    throw new Complaint(`invalid character ${quote(this.#text[this.#position - 1] ?? "")} ${where}`);
  }
}

function quote(character: string): string {
  if (character === "'") return String.raw`'\''`;
  if (character === '"') return `'"'`;
  return `'${JSON.stringify(character).slice(1, -1)}'`;
}
