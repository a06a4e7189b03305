import type { Attribution } from "./attribution.js";

/** Keeps code that continues after its run from printing and from ending the process. */
export class LateCode<Run extends { readonly number: number }> {
  readonly #runs: Attribution<Run>;
  readonly #onPrint: (run: number) => void;
  #lastNoted = 0;

  /** @param onPrint - called when code of a run prints after the run's end, once in a row */
  constructor(runs: Attribution<Run>, onPrint: (run: number) => void) {
    this.#runs = runs;
    this.#onPrint = onPrint;
  }

  /** Reports that output is dropped. Output of an unknown run is attributed to the latest one. */
  notePrinting(latest: number): void {
    const number = this.#runs.owner?.number ?? latest;
    if (number === this.#lastNoted) return;
    this.#lastNoted = number;
    this.#onPrint(number);
  }

  /** Makes `process.exit` throw where it would end a later run and lose the context's state. */
  guardExit(): void {
    const exit = process.exit.bind(process);
    process.exit = (code) => {
      if (this.#runs.isCurrent()) exit(code);
      throw new Error("process.exit() was called by a run that has ended; it is ignored");
    };
  }
}
