const LF = 0x0a;
const CR = 0x0d;

/** The requested lines of a file. */
export interface Window {
  /** The first line, starting at 1. */
  readonly offset: number;
  /** `undefined` for all lines to the end. */
  readonly limit: number | undefined;
}

/**
 * Extracts a window of lines while a file is read. Lines are joined by `\n`, without carriage returns at their ends.
 */
export class LineWindow {
  readonly #first: number;
  readonly #end: number;
  #line = 1;
  #begun = false;
  // Pending carriage returns, which belong to the line only if other characters follow.
  #carriageReturns = 0;

  constructor({ offset, limit }: Window) {
    this.#first = offset;
    this.#end = limit === undefined ? Infinity : offset + limit;
  }

  /** Whether the rest of the file is not needed. */
  get isComplete(): boolean {
    return this.#line >= this.#end;
  }

  /** Returns the part of a chunk that is in the window. */
  push(chunk: Buffer): Buffer {
    const pieces: Buffer[] = [];
    for (let start = 0; start < chunk.length && !this.isComplete;) {
      const newline = chunk.indexOf(LF, start);
      const segment = chunk.subarray(start, newline === -1 ? undefined : newline);
      if (this.#line >= this.#first) this.#keep(segment, pieces);
      if (newline === -1) break;
      start = newline + 1;
      this.#line++;
      this.#begun = false;
      this.#carriageReturns = 0;
    }
    return pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces);
  }

  #keep(segment: Buffer, pieces: Buffer[]): void {
    // Only now it is certain that another line exists.
    if (!this.#begun && this.#line > this.#first) pieces.push(Buffer.of(LF));
    this.#begun = true;
    let end = segment.length;
    while (end > 0 && segment[end - 1] === CR) end--;
    if (end > 0) {
      if (this.#carriageReturns > 0) pieces.push(Buffer.alloc(this.#carriageReturns, CR));
      this.#carriageReturns = 0;
      pieces.push(segment.subarray(0, end));
    }
    this.#carriageReturns += segment.length - end;
  }
}
