import type { Execution, ExecutionError, ExecutionEvent, ExecutionHandlers, Run } from "../index.js";
import type { Ending } from "./exit-code.js";
import type { Io } from "./io.js";
import type { ResultPrinter } from "./pictures.js";
import { styledText } from "./text.js";

/** The number of characters of stderr to keep, so that no traceback is printed twice. */
const REMEMBERED = 64 * 1024;

/** Prints the output of a run as it arrives: unchanged, or as one line of JSON for each event. */
export class ProgramOutput {
  readonly #io: Io;
  readonly #results: ResultPrinter;
  #error: ExecutionError | undefined;
  #errorText = "";
  #endsLine = true;

  constructor(io: Io, results: ResultPrinter) {
    this.#io = io;
    this.#results = results;
  }

  /** The error of the run, if it failed. */
  get error(): ExecutionError | undefined {
    return this.#error;
  }

  /** Whether the output so far ends with a newline. */
  get endsLine(): boolean {
    return this.#endsLine;
  }

  /** Handlers that print a run of code. */
  get handlers(): ExecutionHandlers {
    return this.#handlers((text) => text);
  }

  /** Handlers that print a command, whose output arrives in lines without newlines. */
  get commandHandlers(): ExecutionHandlers {
    return this.#handlers((text) => (text === "\n" ? text : `${text}\n`));
  }

  /** Shows the error of a run that has ended, unless the program ended on purpose or has printed it itself. */
  async end(endingOf: (error: ExecutionError | undefined) => Ending): Promise<Ending> {
    const ending = endingOf(this.#error);
    if (this.#error !== undefined && !ending.isIntended && !this.#io.json) await this.#showError(this.#error);
    return ending;
  }

  #handlers(toText: (text: string) => string): ExecutionHandlers {
    const onError = (error: ExecutionError) => {
      this.#error = error;
    };
    if (this.#io.json) return { onEvent: (event) => this.#record(event), onError };
    return {
      onStdout: ({ text }) => {
        const printed = toText(text);
        this.#endsLine = printed.endsWith("\n");
        return this.#io.write(printed);
      },
      onStderr: ({ text }) => {
        const printed = toText(text);
        this.#errorText = (this.#errorText + printed).slice(-REMEMBERED);
        return this.#io.writeError(printed);
      },
      onResult: (result) => this.#results.show(result),
      onError,
    };
  }

  #record(event: ExecutionEvent): Promise<void> | undefined {
    return event.type === "ping" ? undefined : this.#io.record(event);
  }

  async #showError({ name, value, traceback }: ExecutionError): Promise<void> {
    // `sys.exit("message")` prints the message alone.
    const isMessage = name === "SystemExit" || (traceback.length === 0 && name === "KernelDied");
    const summary = name === "" ? value : `${name}: ${value}`;
    const text = isMessage ? value : traceback.length > 0 ? traceback.join("\n") : summary;
    if (this.#errorText.includes(text.trimEnd())) return;
    await this.#io.writeError(`${styledText(text.trimEnd(), this.#io.color)}\n`);
  }
}

/** Waits for a run. When the command is stopped, interrupts the run and shows its remaining output. */
export async function untilEnd(run: Run, io: Io): Promise<Execution> {
  const { signal } = io.stop;
  let interrupt: (() => void) | undefined;
  const failedInterrupt = new Promise<never>((_, reject) => {
    interrupt = () => {
      io.note("Interrupting. Press Ctrl-C again to leave at once.");
      run.interrupt().catch(() => {
        // The run ignores the interrupt. It ends with its sandbox.
        reject(signal.reason as Error);
      });
    };
    if (signal.aborted) interrupt();
    else signal.addEventListener("abort", interrupt, { once: true });
  });
  try {
    return await Promise.race([run, failedInterrupt]);
  } finally {
    if (interrupt !== undefined) signal.removeEventListener("abort", interrupt);
  }
}
