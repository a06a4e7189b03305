// JavaScript strings end at 512 MiB, and a line needs room to be processed.
const LONGEST_LINE = 256 * 1024 * 1024;
const LF = 0x0a;

/** Splits bytes into lines and parses each as JSON. Fragments of a line are joined once, to avoid quadratic copying. */
export class JsonLines {
  readonly #deliver: (value: unknown) => void;
  #held: Buffer[] = [];
  #heldBytes = 0;

  constructor(deliver: (value: unknown) => void) {
    this.#deliver = deliver;
  }

  /** @throws {Error} if a line is not JSON or is too long */
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
