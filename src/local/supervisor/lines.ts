// Half of the longest string that V8 can hold: a line that never ends must not end the supervisor.
const LONGEST_LINE = 256 * 1024 * 1024;

const LF = 0x0a;
const CR = 0x0d;

/**
 * Splits a command's output into the texts of its events: at `\n` and at `\r`, where a `\r\n` counts once. An empty line
 * is the text `"\n"`. A line is held until it is complete, and longer than 256 MiB it is cut.
 */
export class LineSplitter {
  readonly #deliver: (text: string) => void;
  // Joined once, when the line is complete: appending to a growing buffer would copy a long line again and again.
  #held: Buffer[] = [];
  #heldBytes = 0;
  #afterCarriageReturn = false;

  constructor(deliver: (text: string) => void) {
    this.#deliver = deliver;
  }

  push(chunk: Buffer): void {
    let start = 0;
    for (let index = 0; index < chunk.length; index++) {
      const byte = chunk[index];
      if (byte !== LF && byte !== CR) {
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

  /** Delivers what is held: the process has ended. */
  finish(): void {
    if (this.#heldBytes > 0) this.#emit(Buffer.alloc(0));
  }

  #hold(fragment: Buffer): void {
    if (this.#heldBytes + fragment.length > LONGEST_LINE) this.finish();
    this.#held.push(fragment);
    this.#heldBytes += fragment.length;
  }

  #emit(end: Buffer): void {
    const line = this.#heldBytes === 0 ? end : Buffer.concat([...this.#held, end]);
    this.#held = [];
    this.#heldBytes = 0;
    this.#deliver(line.length === 0 ? "\n" : line.toString("utf8"));
  }
}
