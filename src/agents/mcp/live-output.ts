import type { ToolOutput } from "../types.js";

/** The shortest time between two messages to a client, in milliseconds. */
const INTERVAL_MILLIS = 100;
/** The longest message, in characters. Of more output, it holds the end. */
const LONGEST_MESSAGE = 2_000;

/** Joins a run's output into few messages, each sent a moment after its first piece. */
export class LiveOutput {
  readonly #send: (text: string, total: number) => Promise<void>;
  #text = "";
  #total = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #sending: Promise<void> = Promise.resolve();

  constructor(send: (text: string, total: number) => Promise<void>) {
    this.#send = send;
  }

  push({ text }: ToolOutput): void {
    this.#total += text.length;
    this.#text = `${this.#text}${text}`.slice(-LONGEST_MESSAGE);
    this.#timer ??= setTimeout(() => this.#flush(), INTERVAL_MILLIS);
  }

  /** Sends the rest and waits until everything is sent: no progress may follow a call's result. */
  async end(): Promise<void> {
    this.#flush();
    await this.#sending;
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const text = this.#text;
    if (text === "") return;
    this.#text = "";
    const total = this.#total;
    // A client that has disconnected does not stop the run; only a cancellation does.
    this.#sending = this.#sending.then(() => this.#send(text, total)).catch(() => undefined);
  }
}
