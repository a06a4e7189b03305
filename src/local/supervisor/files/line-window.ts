const LF = 0x0a;
const CR = 0x0d;

/** Which lines of a file are wanted. */
export interface Window {
  /** The first line, counted from 1. */
  readonly offset: number;
  /** `undefined`: to the end. */
  readonly limit: number | undefined;
}

/** Cuts a window of lines out of a file as it is read: joined by `\n`, without carriage returns at their ends. */
export class LineWindow {
  readonly #first: number;
  readonly #end: number;
  #line = 1;
  #begun = false;
  // Carriage returns that belong to the line only if something follows them in it.
  #carriageReturns = 0;

  constructor({ offset, limit }: Window) {
    this.#first = offset;
    this.#end = limit === undefined ? Infinity : offset + limit;
  }

  /** Whether nothing more of the file is wanted. */
  get isComplete(): boolean {
    return this.#line >= this.#end;
  }

  /** What the window has of the next bytes of the file. */
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
    // Only here is it known that there is another line at all.
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
