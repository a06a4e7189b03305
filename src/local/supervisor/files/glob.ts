/** Patterns for file names, with the rules of execd's search. */

/** A pattern that is none. */
export class BadPattern extends Error {}

/**
 * Translates a pattern: `*`, `?`, `[a-z]`, `{a,b}` and `!(a|b)`. Names are compared alone, so that directories in a
 * pattern match no name, but `**` with a slash stands for none, too.
 *
 * @throws {BadPattern}
 */
export function globToRegExp(pattern: string): RegExp {
  const translator = new Translator(pattern);
  return new RegExp(`^${translator.translate()}$`, "su");
}

class Translator {
  readonly #characters: readonly string[];
  #position = 0;

  constructor(pattern: string) {
    this.#characters = Array.from(pattern);
  }

  translate(): string {
    const source = this.#sequence("");
    if (this.#position < this.#characters.length) throw new BadPattern();
    return source;
  }

  /** Up to one of the characters in `ends`, which is left, or the end. */
  #sequence(ends: string): string {
    let source = "";
    for (;;) {
      const character = this.#peek();
      if (character === undefined || ends.includes(character)) return source;
      this.#position++;
      if (character === "!" && this.#peek() === "(") source += this.#negation();
      else source += this.#one(character);
    }
  }

  #one(character: string): string {
    switch (character) {
      case "*":
        return this.#star();
      case "?":
        return "[^/]";
      case "[":
        return this.#set();
      case "{":
        return `(?:${this.#alternatives(",", "}").join("|")})`;
      case "\\":
        return escape(this.#take());
      default:
        return escape(character);
    }
  }

  #star(): string {
    if (this.#peek() !== "*") return "[^/]*";
    while (this.#peek() === "*") this.#position++;
    if (this.#peek() !== "/") return ".*";
    this.#position++;
    return "(?:.*/)?";
  }

  #negation(): string {
    this.#position++;
    const alternatives = this.#alternatives("|", ")").join("|");
    // Whatever follows must not be matched by the negated part: as a shell does, the rest decides.
    return `(?!(?:${alternatives})$)[^/]*`;
  }

  /** What stands between here and `end`, which is taken. */
  #alternatives(separator: string, end: string): string[] {
    const found: string[] = [];
    for (;;) {
      found.push(this.#sequence(separator + end));
      if (this.#take() === end) return found;
    }
  }

  #set(): string {
    const negated = this.#peek() === "!" || this.#peek() === "^";
    if (negated) this.#position++;
    let source = "";
    do {
      let character = this.#take();
      if (character === "\\") character = this.#take();
      source += character === "-" && source !== "" ? "-" : character.replace(/[\\\]^[-]/, String.raw`\$&`);
    } while (this.#peek() !== "]");
    this.#position++;
    try {
      return new RegExp(`[${negated ? "^" : ""}${source}]`, "u").source;
    } catch {
      throw new BadPattern(); // a range that runs backwards
    }
  }

  #peek(): string | undefined {
    return this.#characters[this.#position];
  }

  #take(): string {
    const character = this.#characters[this.#position++];
    if (character === undefined) throw new BadPattern();
    return character;
  }
}

function escape(character: string): string {
  return character.replace(/[\\^$.*+?()[\]{}|/]/, String.raw`\$&`);
}
