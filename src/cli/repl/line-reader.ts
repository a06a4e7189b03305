import { createInterface, type Interface } from "node:readline";
import type { Io } from "../io.js";
import { HISTORY_SIZE, readHistory, writeHistory } from "./history.js";
import type { Completions } from "./names.js";

const PASTES_ARE_MARKED = "\x1b[?2004h";
const PASTES_ARE_NOT_MARKED = "\x1b[?2004l";

/** A line, the end of the input, or Ctrl-C. */
export type Read = { readonly text: string; readonly isPasted: boolean } | "end" | "interrupt";

/** Reads lines from the terminal, with history and completion, or from a pipe. */
export class LineReader {
  readonly isTerminal = process.stdin.isTTY && process.stdout.isTTY;
  readonly #readline: Interface;
  readonly #queue: Read[] = [];
  #wake: (() => void) | undefined;
  #isPasting = false;
  #mayLeave = false;

  constructor(io: Io, complete: (line: string) => Promise<Completions>) {
    this.#readline = createInterface({
      input: process.stdin,
      // Piped input has no prompt, so that only the program's output is on stdout.
      ...(this.isTerminal && { output: process.stdout }),
      terminal: this.isTerminal,
      history: this.isTerminal ? readHistory() : [],
      historySize: HISTORY_SIZE,
      removeHistoryDuplicates: true,
      completer: (line: string, callback: (error: null, result: Completions) => void) => {
        // A tab at the beginning of a line or in pasted text is indentation.
        if (this.#isPasting || line.trim() === "") callback(null, [["\t"], ""]);
        else
          complete(line).then(
            (result) => callback(null, result),
            () => callback(null, [[], line]),
          );
      },
    });
    this.#readline.on("line", (text) => this.#push({ text, isPasted: this.#isPasting }));
    this.#readline.on("close", () => this.#push("end"));
    this.#readline.on("history", writeHistory);
    this.#readline.on("SIGINT", () => this.#interrupt(io));
    io.stop.signal.addEventListener("abort", () => this.#push("end"), { once: true });
    if (!this.isTerminal) return;
    process.stdout.write(PASTES_ARE_MARKED);
    process.stdin.on("keypress", (_text: string | undefined, { name }: { readonly name?: string } = {}) => {
      if (name === "paste-start") this.#isPasting = true;
      if (name === "paste-end") this.#isPasting = false;
    });
  }

  /**
   * Reads a line. Between two calls, the terminal is in its normal mode: Ctrl-C sends a signal, and typed text is buffered.
   */
  async read(prompt: string): Promise<Read> {
    if (this.#queue.length === 0) {
      this.#readline.setPrompt(prompt);
      if (this.isTerminal) {
        process.stdin.setRawMode(true);
        this.#readline.prompt();
      } else this.#readline.resume();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
      if (this.isTerminal) {
        this.#readline.pause();
        process.stdin.setRawMode(false);
      }
    }
    return this.#queue.shift() ?? "end";
  }

  close(): void {
    if (this.isTerminal) process.stdout.write(PASTES_ARE_NOT_MARKED);
    this.#readline.close();
  }

  #push(read: Read): void {
    if (read !== "interrupt") this.#mayLeave = false;
    this.#queue.push(read);
    this.#wake?.();
  }

  /** Discards the typed text; if there is none, a second Ctrl-C exits. */
  #interrupt(io: Io): void {
    const isEmpty = this.#readline.line === "";
    process.stdout.write("^C\n");
    if (isEmpty && this.#mayLeave) {
      this.#push("end");
      return;
    }
    if (isEmpty) io.note("Ctrl-C again or Ctrl-D leaves.");
    this.#mayLeave = isEmpty;
    // Ctrl-U and Ctrl-K delete the text before and after the cursor.
    this.#readline.write(null, { ctrl: true, name: "e" });
    this.#readline.write(null, { ctrl: true, name: "u" });
    this.#push("interrupt");
  }
}
