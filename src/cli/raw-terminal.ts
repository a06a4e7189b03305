/** The size of a terminal. */
interface Size {
  readonly cols: number;
  readonly rows: number;
}

/** What the user does on the terminal. */
export interface RawTerminalListener {
  /** Takes what was typed. Nothing more is read until the promise resolves. */
  onInput(data: Uint8Array): Promise<void>;
  onResize(size: Size): void;
}

/** Ends bracketed paste, shows the cursor and takes colours back: what a program that was cut off may have left behind. */
const RESET = "\x1b[?2004l\x1b[?25h\x1b[0m";

/**
 * This process's terminal while another program has it: each key goes there, Ctrl-C too. Restored by {@link restore},
 * and when the process exits.
 */
export class RawTerminal {
  readonly #listener: RawTerminalListener;
  readonly #restore = () => this.restore();

  constructor(listener: RawTerminalListener) {
    this.#listener = listener;
    process.once("exit", this.#restore);
    process.stdin.setRawMode(true);
    process.stdin.on("data", this.#onData);
    process.stdin.resume();
    process.stdout.on("resize", this.#onResize);
  }

  /** Whether this process has a terminal to pass on. */
  static get isPossible(): boolean {
    return process.stdin.isTTY && process.stdout.isTTY;
  }

  static get size(): Size {
    return { cols: process.stdout.columns || 80, rows: process.stdout.rows || 24 };
  }

  /** Gives the terminal back. Idempotent. */
  restore(): void {
    process.off("exit", this.#restore);
    process.stdout.off("resize", this.#onResize);
    process.stdin.off("data", this.#onData);
    if (!process.stdin.isRaw) return;
    process.stdin.setRawMode(false);
    process.stdin.pause();
    process.stdout.write(RESET);
  }

  readonly #onData = (data: Uint8Array): void => {
    process.stdin.pause();
    void this.#listener.onInput(data).then(() => {
      if (process.stdin.isRaw) process.stdin.resume();
    });
  };

  readonly #onResize = (): void => this.#listener.onResize(RawTerminal.size);
}
