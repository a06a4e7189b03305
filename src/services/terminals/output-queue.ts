/** A part of a terminal's output. */
export interface TerminalOutput {
  /** Which output it comes from. A pseudo-terminal has only `stdout`, and so has output that is replayed. */
  readonly stream: "stdout" | "stderr";
  /** How many bytes the program had written before these. A jump tells that bytes were dropped. */
  readonly offset: number;
  readonly data: Uint8Array;
}

/** Output that was received and not read yet. Beyond its capacity, the oldest is dropped. */
export class OutputQueue {
  readonly #capacity: number;
  readonly #items: TerminalOutput[] = [];
  readonly #waiting = new Set<() => void>();
  #bytes = 0;
  #isEnded = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** The offset of the first byte that was not read; `undefined` if there is none. */
  get firstOffset(): number | undefined {
    return this.#items[0]?.offset;
  }

  push(item: TerminalOutput): void {
    if (this.#isEnded || item.data.length === 0) return;
    this.#items.push(item);
    this.#bytes += item.data.length;
    while (this.#bytes > this.#capacity && this.#items.length > 1) {
      this.#bytes -= this.#items.shift()?.data.length ?? 0;
    }
    this.#wake();
  }

  /** Ends the output. What is there can still be read. */
  end(failure?: { readonly error: unknown }): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#failure = failure;
    this.#wake();
  }

  /**
   * Returns the next part, or `undefined` at the end.
   *
   * @throws what the output ended with
   */
  async read(): Promise<TerminalOutput | undefined> {
    for (;;) {
      const item = this.#items.shift();
      if (item !== undefined) {
        this.#bytes -= item.data.length;
        return item;
      }
      if (this.#failure !== undefined) throw this.#failure.error;
      if (this.#isEnded) return undefined;
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}
