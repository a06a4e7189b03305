import { isSandboxException, type Sandbox, type Terminal } from "../../../index.js";
import { messageOf, pause } from "./dom.js";
import type { Screen } from "./screen.js";

const RETRY_MILLIS = 1000;
/** The connection, or an attempt to connect again, failed; the shell may still run. */
const BROKEN: readonly string[] = ["STREAM_CUT", "STREAM_STALLED", "CONNECTION", "REQUEST_TIMEOUT"];

export interface TerminalSessionOptions {
  readonly sandbox: Sandbox;
  /** Where the screen is. It decides the size. */
  readonly parent: HTMLElement;
  readonly onStatus: (text: string) => void;
  /** Called for the key that moves the focus out of the screen. */
  readonly onLeave: () => void;
}

/** One shell and its screen, over any number of broken connections. */
export class TerminalSession {
  readonly #options: TerminalSessionOptions;
  readonly #closing = new AbortController();
  #screen: Screen | undefined;
  #terminal: Terminal | undefined;
  /** How many bytes of output were shown or dropped. */
  #shown = 0;
  #writing: Promise<void> = Promise.resolve();

  constructor(options: TerminalSessionOptions) {
    this.#options = options;
  }

  /** Starts the shell. Resolves when it has ended or cannot go on, which the status tells. */
  async run(): Promise<void> {
    try {
      const exitCode = await this.#follow();
      this.#say(exitCode < 0 ? "A signal ended the shell." : `The shell ended with exit code ${exitCode}.`);
    } catch (error) {
      this.#say(messageOf(error));
    }
    this.#screen?.end();
    await this.#kill();
  }

  /** Kills the shell and removes its screen. */
  close(): void {
    this.#closing.abort();
    this.#screen?.dispose();
    // At once, since the page may be about to close.
    void this.#kill();
  }

  async #follow(): Promise<number> {
    const { signal } = this.#closing;
    const { sandbox, parent, onLeave } = this.#options;
    this.#say("Starting a shell…");
    const { Screen } = await import("./screen.js");
    signal.throwIfAborted();
    const screen = new Screen({
      parent,
      onInput: (data) => this.#write(data),
      onResize: () => void this.#resize(screen),
      onLeave,
    });
    this.#screen = screen;
    this.#terminal = await sandbox.terminals.create({ ...screen.size, signal });
    this.#say("The shell is ready.");
    screen.focus();
    for (let terminal = this.#terminal; ; this.#terminal = terminal) {
      // It may have changed while there was no connection.
      void this.#resize(screen);
      try {
        await this.#show(terminal, screen);
        return await terminal.exited;
      } catch (error) {
        if (!isBroken(error)) throw error;
        this.#say("The connection broke. Trying again every second.");
        terminal = await this.#reconnect(terminal);
        this.#say("The connection is back.");
      }
    }
  }

  /** Waits for the screen after each part. What arrives faster than it can show, the SDK keeps up to its limit. */
  async #show(terminal: Terminal, screen: Screen): Promise<void> {
    const { signal } = this.#closing;
    for await (const { offset, data } of terminal.output({ signal })) {
      if (offset > this.#shown)
        this.#say("Some output was dropped: it came faster than this page can show it.");
      this.#shown = offset + data.length;
      await screen.write(data);
    }
  }

  async #reconnect(terminal: Terminal): Promise<Terminal> {
    const { signal } = this.#closing;
    for (;;) {
      try {
        return await terminal.reconnect({ signal });
      } catch (error) {
        if (!isBroken(error)) throw error;
        await pause(RETRY_MILLIS);
      }
    }
  }

  /** In the order of the calls, also when much is pasted. Reading shows why writing fails. */
  #write(data: string | Uint8Array): void {
    this.#writing = this.#writing.then(() => this.#terminal?.write(data)).catch(() => undefined);
  }

  async #resize({ size: { cols, rows } }: Screen): Promise<void> {
    await this.#terminal?.resize(cols, rows).catch(() => undefined);
  }

  async #kill(): Promise<void> {
    const terminal = this.#terminal;
    this.#terminal = undefined;
    await terminal?.kill().catch(() => undefined);
  }

  #say(text: string): void {
    if (!this.#closing.signal.aborted) this.#options.onStatus(text);
  }
}

function isBroken(error: unknown): boolean {
  return isSandboxException(error) && BROKEN.includes(error.code);
}
