/** Matches file names with the rules of execd's search. */

/** A pattern with a syntax error. */
export class BadPattern extends Error {}

/** Consecutive parts of a pattern. */
type Sequence = readonly Part[];

type Part =
  | { readonly type: "one" | "many"; readonly matches: (character: string) => boolean }
  | { readonly type: "any of" | "none of"; readonly options: readonly Sequence[] };

/** A file name has at most 255 bytes, so no useful pattern gets close to these limits. */
const LONGEST_PATTERN = 1024;
const MOST_NESTING = 50;
const MOST_NEGATIONS = 10;

const isNoSlash = (character: string) => character !== "/";
const SEGMENT: Part = { type: "many", matches: isNoSlash };
const ANYTHING: Part = { type: "many", matches: () => true };

/**
 * Compiles a pattern: `*`, `?`, `[a-z]`, `{a,b}` and `!(a|b)`. It is compared with names only, so a pattern that
 * contains directories matches nothing, except that `**` followed by a slash can match nothing.
 *
 * A regular expression would take exponential time for a pattern such as `*a*a*a*b`. This matcher follows all
 * alternatives at once: it applies each part to each position in the name at most once, or once per position inside
 * `!(…)`.
 *
 * @throws {BadPattern}
 */
export function compileGlob(pattern: string): (name: string) => boolean {
  const sequence = new Parser(pattern).parse();
  return (name) => {
    const characters = Array.from(name);
    return new Matcher(characters).advance(sequence, new Set([0])).has(characters.length);
  };
}

/** Matches one name. */
class Matcher {
  readonly #name: readonly string[];
  /** For each `!(…)` and position: whether the negated pattern matches from there to the end. */
  readonly #excluded = new Map<Part, Map<number, boolean>>();

  constructor(name: readonly string[]) {
    this.#name = name;
  }

  /** @returns the positions where a match from one of `starts` can end */
  advance(sequence: Sequence, starts: ReadonlySet<number>): ReadonlySet<number> {
    let positions = starts;
    for (const part of sequence) positions = this.#step(part, positions);
    return positions;
  }

  #step(part: Part, starts: ReadonlySet<number>): ReadonlySet<number> {
    const ends = new Set<number>();
    switch (part.type) {
      case "one":
        for (const start of starts) if (this.#has(start, part.matches)) ends.add(start + 1);
        return ends;
      case "many":
        for (const start of starts) {
          // If a position is known, so are those after it.
          for (let end = start; !ends.has(end); end++) {
            ends.add(end);
            if (!this.#has(end, part.matches)) break;
          }
        }
        return ends;
      case "any of":
        for (const option of part.options) for (const end of this.advance(option, starts)) ends.add(end);
        return ends;
      case "none of":
        return this.#step(SEGMENT, new Set([...starts].filter((start) => !this.#isExcluded(part, start))));
    }
  }

  #isExcluded(part: Extract<Part, { type: "any of" | "none of" }>, start: number): boolean {
    const known = this.#excluded.get(part) ?? new Map<number, boolean>();
    this.#excluded.set(part, known);
    let excluded = known.get(start);
    if (excluded === undefined) {
      const end = this.#name.length;
      excluded = part.options.some((option) => this.advance(option, new Set([start])).has(end));
      known.set(start, excluded);
    }
    return excluded;
  }

  #has(position: number, matches: (character: string) => boolean): boolean {
    const character = this.#name[position];
    return character !== undefined && matches(character);
  }
}

class Parser {
  readonly #characters: readonly string[];
  #position = 0;
  #nesting = 0;
  #negations = 0;

  constructor(pattern: string) {
    if (pattern.length > LONGEST_PATTERN) throw new BadPattern();
    this.#characters = Array.from(pattern);
  }

  parse(): Sequence {
    const sequence = this.#sequence("");
    if (this.#position < this.#characters.length) throw new BadPattern();
    return sequence;
  }

  /** Parses up to the end or one of the characters in `ends`, which is not consumed. */
  #sequence(ends: string): Sequence {
    const parts: Part[] = [];
    for (;;) {
      const character = this.#peek();
      if (character === undefined || ends.includes(character)) return parts;
      this.#position++;
      if (character === "!" && this.#peek() === "(") parts.push(this.#negation());
      else parts.push(this.#part(character));
    }
  }

  #part(character: string): Part {
    switch (character) {
      case "*":
        return this.#star();
      case "?":
        return { type: "one", matches: isNoSlash };
      case "[":
        return this.#set();
      case "{":
        return { type: "any of", options: this.#options(",", "}") };
      case "\\":
        return literal(this.#take());
      default:
        return literal(character);
    }
  }

  #star(): Part {
    if (this.#peek() !== "*") return SEGMENT;
    while (this.#peek() === "*") this.#position++;
    if (this.#peek() !== "/") return ANYTHING;
    this.#position++;
    return { type: "any of", options: [[], [ANYTHING, literal("/")]] };
  }

  #negation(): Part {
    if (++this.#negations > MOST_NEGATIONS) throw new BadPattern();
    this.#position++;
    return { type: "none of", options: this.#options("|", ")") };
  }

  /** Parses the options up to `end`, which is consumed. */
  #options(separator: string, end: string): Sequence[] {
    if (++this.#nesting > MOST_NESTING) throw new BadPattern();
    const found: Sequence[] = [];
    for (;;) {
      found.push(this.#sequence(separator + end));
      if (this.#take() !== end) continue;
      this.#nesting--;
      return found;
    }
  }

  #set(): Part {
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
      const set = new RegExp(`^[${negated ? "^" : ""}${source}]$`, "su");
      return { type: "one", matches: (character) => set.test(character) };
    } catch {
      throw new BadPattern(); // a reversed range
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

function literal(expected: string): Part {
  return { type: "one", matches: (character) => character === expected };
}
