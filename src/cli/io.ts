import { oneLine } from "./text.js";
import { Stop } from "./stop.js";

/** The options for the output of all commands. */
export interface IoOptions {
  readonly output: "text" | "json";
  readonly verbose: boolean;
  readonly color: boolean;
}

/** Writes the output of a command: results to stdout, messages to stderr. */
export class Io {
  readonly stop: Stop;
  #options: IoOptions = { output: "text", verbose: false, color: true };

  constructor(stop = new Stop()) {
    this.stop = stop;
  }

  /** Sets the options once they are parsed. */
  configure(options: Partial<IoOptions>): void {
    this.#options = { ...this.#options, ...options };
  }

  get json(): boolean {
    return this.#options.output === "json";
  }

  get verbose(): boolean {
    return this.#options.verbose;
  }

  /** Whether stderr shows colours. */
  get color(): boolean {
    return this.#options.color && process.stderr.isTTY && !process.env["NO_COLOR"];
  }

  /** Writes to stdout, unchanged; resolves when the stream accepts more. */
  write(text: string | Uint8Array): Promise<void> | undefined {
    return write(process.stdout, text);
  }

  /** Writes to stderr, unchanged. */
  writeError(text: string): Promise<void> | undefined {
    return write(process.stderr, text);
  }

  /** Prints a record: one line of JSON on stdout. */
  record(value: unknown): Promise<void> | undefined {
    return this.write(`${JSON.stringify(value)}\n`);
  }

  /** Prints one result, as JSON or as text. */
  async result(value: unknown, text: string): Promise<void> {
    await (this.json ? this.record(value) : this.write(`${text}\n`));
  }

  /** Prints a message about the command's work as one line on stderr. */
  note(text: string): void {
    process.stderr.write(`${oneLine(text)}\n`);
  }
}

function write(stream: NodeJS.WriteStream, text: string | Uint8Array): Promise<void> | undefined {
  if (stream.write(text) || stream.destroyed) return undefined;
  return new Promise((resolve) => {
    const done = () => {
      stream.off("drain", done).off("error", done).off("close", done);
      resolve();
    };
    stream.on("drain", done).on("error", done).on("close", done);
  });
}
