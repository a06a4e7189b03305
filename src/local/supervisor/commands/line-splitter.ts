/** Half of the longest string that V8 supports. */
const LONGEST_LINE = 256 * 1024 * 1024;
/** The share of a box's memory for one line, which exists several times: as bytes, as text and as JSON. */
const SHARE_OF_LINE = 1 / 16;

/** Returns the longest line, in bytes, that is delivered as a whole in a box with this much memory. */
export function longestLine(memoryBytes = Infinity): number {
  return Math.min(Math.floor(memoryBytes * SHARE_OF_LINE), LONGEST_LINE);
}

const LF = 0x0a;
const CR = 0x0d;

/**
 * How output is split into lines. `command`: a line ends at `\n`, `\r` or `\r\n`, and an empty line becomes `"\n"`.
 * `session`: a line ends at `\n`, a `\r` before it is removed, and empty lines are left out.
 */
export type LineRules = "command" | "session";

/** Splits output into the texts of events. A line is held until it is complete; a longer one is delivered in pieces. */
export class LineSplitter {
  readonly #deliver: (text: string) => void;
  readonly #isSession: boolean;
  readonly #longest: number;
  // Joined once per line. Appending to a growing buffer would copy a long line again and again.
  #held: Buffer[] = [];
  #heldBytes = 0;
  #afterCarriageReturn = false;

  /** @param longest - in bytes, from {@link longestLine} */
  constructor(deliver: (text: string) => void, longest: number, rules: LineRules = "command") {
    this.#deliver = deliver;
    this.#longest = longest;
    this.#isSession = rules === "session";
  }

  push(chunk: Buffer): void {
    let start = 0;
    for (let index = 0; index < chunk.length; index++) {
      const byte = chunk[index];
      if (byte !== LF && (byte !== CR || this.#isSession)) {
        this.#afterCarriageReturn = false;
        continue;
      }
      const secondHalf = byte === LF && this.#afterCarriageReturn;
      this.#afterCarriageReturn = byte === CR;
      if (!secondHalf) this.#emit(chunk.subarray(start, index));
      start = index + 1;
    }
    if (start < chunk.length) this.#hold(chunk.subarray(start));
  }

  /** Delivers what is held, after the process has ended. */
  finish(): void {
    if (this.#heldBytes > 0) this.#emit(Buffer.alloc(0));
  }

  #hold(fragment: Buffer): void {
    if (this.#heldBytes + fragment.length > this.#longest) this.finish();
    this.#held.push(fragment);
    this.#heldBytes += fragment.length;
  }

  #emit(end: Buffer): void {
    const line = this.#heldBytes === 0 ? end : Buffer.concat([...this.#held, end]);
    this.#held = [];
    this.#heldBytes = 0;
    const text = line.toString("utf8");
    if (!this.#isSession) this.#deliver(text === "" ? "\n" : text);
    else if (/[^\r]/.test(text)) this.#deliver(text.replace(/\r+$/, ""));
  }
}
