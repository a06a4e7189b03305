import type { Attribution } from "./attribution.js";

/** What a run has started and what goes on after its end: it can neither print nor end the process. */
export class LateCode<Run extends { readonly number: number }> {
  readonly #runs: Attribution<Run>;
  readonly #onPrint: (run: number) => void;
  #lastNoted = 0;

  /** @param onPrint - is called when something of a run prints after its end, once in a row */
  constructor(runs: Attribution<Run>, onPrint: (run: number) => void) {
    this.#runs = runs;
    this.#onPrint = onPrint;
  }

  /** Says that output is dropped. Where it is not known whose it is, it is the latest run's. */
  notePrinting(latest: number): void {
    const number = this.#runs.owner?.number ?? latest;
    if (number === this.#lastNoted) return;
    this.#lastNoted = number;
    this.#onPrint(number);
  }

  /** Makes `process.exit` an error where it would end a later run, and the state of the context with it. */
  guardExit(): void {
    const exit = process.exit.bind(process);
    process.exit = (code) => {
      if (this.#runs.isCurrent()) exit(code);
      throw new Error("process.exit() was called by a run that has ended; it is ignored");
    };
  }
}
