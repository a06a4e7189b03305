/** How many bytes of output are kept, as in execd. */
const CAPACITY = 2 ** 20;

/** A part of the output, and how many bytes came before it. */
export interface Replayed {
  readonly offset: number;
  readonly data: Buffer;
}

/** The last part of a terminal's output, from which clients catch up. */
export class ReplayBuffer {
  readonly #chunks: Buffer[] = [];
  #start = 0;
  #end = 0;

  /** How many bytes were written in all. */
  get end(): number {
    return this.#end;
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#end += chunk.length;
    for (let first = this.#chunks[0]; first !== undefined; first = this.#chunks[0]) {
      const surplus = this.#end - this.#start - CAPACITY;
      if (surplus <= 0) return;
      const dropped = Math.min(surplus, first.length);
      if (dropped === first.length) this.#chunks.shift();
      else this.#chunks[0] = first.subarray(dropped);
      this.#start += dropped;
    }
  }

  /** Returns what is kept from an offset on; from the first byte that is kept if that is later. */
  read(since: number): Replayed {
    const offset = Math.min(Math.max(since, this.#start), this.#end);
    const data: Buffer[] = [];
    let position = this.#end;
    for (let index = this.#chunks.length - 1; position > offset; index--) {
      const chunk = this.#chunks[index];
      if (chunk === undefined) break;
      position -= chunk.length;
      data.unshift(position < offset ? chunk.subarray(offset - position) : chunk);
    }
    return { offset, data: Buffer.concat(data) };
  }
}
