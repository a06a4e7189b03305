// A line longer than this cannot become a string together with what is made of it.
const LONGEST_LINE = 256 * 1024 * 1024;
const LF = 0x0a;

/** Cuts bytes into lines and parses each as JSON. Fragments are kept in a list and joined once. */
export class JsonLines {
  readonly #deliver: (value: unknown) => void;
  #held: Buffer[] = [];
  #heldBytes = 0;

  constructor(deliver: (value: unknown) => void) {
    this.#deliver = deliver;
  }

  /** @throws {Error} for a line that is not JSON, or is too long */
  push(chunk: Buffer): void {
    let start = 0;
    for (let end; (end = chunk.indexOf(LF, start)) !== -1; start = end + 1) {
      const fragment = chunk.subarray(start, end);
      const line = this.#heldBytes === 0 ? fragment : Buffer.concat([...this.#held, fragment]);
      this.#held = [];
      this.#heldBytes = 0;
      this.#deliver(JSON.parse(line.toString("utf8")));
    }
    if (start === chunk.length) return;
    this.#held.push(chunk.subarray(start));
    this.#heldBytes += chunk.length - start;
    if (this.#heldBytes > LONGEST_LINE) throw new Error("a value is larger than 256 MiB");
  }
}
