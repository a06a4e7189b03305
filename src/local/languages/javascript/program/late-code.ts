import type { Attribution } from "./attribution.js";

const NOTE =
  "Note: code of an earlier run printed after that run had ended; this output is not shown. " +
  "To see it, let the run wait for what it starts, with await.\n";

/** What a run has left behind and that goes on after its end: it can neither print nor end the process. */
export class LateCode<Run extends object> {
  readonly #runs: Attribution<Run>;
  readonly #print: (note: string) => void;
  readonly #noted = new WeakSet<Run>();
  /** The latest run: what nothing is known of is taken for its own. */
  #latest: Run | undefined;
  #isNotePending = false;

  constructor(runs: Attribution<Run>, print: (note: string) => void) {
    this.#runs = runs;
    this.#print = print;
  }

  /** A run begins: it is told what there was to say while nothing ran. */
  begin(): void {
    this.#latest = this.#runs.current;
    if (!this.#isNotePending) return;
    this.#isNotePending = false;
    this.#print(NOTE);
  }

  /** Says once per run that output of it is dropped. */
  notePrinting(): void {
    const run = this.#runs.owner ?? this.#latest;
    if (run === undefined || this.#noted.has(run)) return;
    this.#noted.add(run);
    if (this.#runs.current === undefined) this.#isNotePending = true;
    else this.#print(NOTE);
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
