import { type CallOptions, checkOptions, refuse } from "../../arguments.js";
import {
  isSandboxException,
  SandboxApiException,
  SandboxConnectionException,
  SandboxException,
  SandboxTimeoutException,
} from "../../errors.js";
import { deferred, onAbort, raceAbort, sleep, throwIfAborted } from "../../transport/abort.js";
import { startTimer } from "../../transport/timeout.js";
import type { WebSocketConnection } from "../../transport/web-socket.js";
import type { SandboxLink } from "../link.js";
import { assertSize } from "./arguments.js";
import { decodeFrame, encodeInput, type ServerFrame } from "./frames.js";
import { OutputQueue, type TerminalOutput } from "./output-queue.js";

/** The most output that is kept for a reader who is slow, in bytes. */
const MOST_UNREAD_BYTES = 8 * 2 ** 20;
/** The size of one message of input, and how much may wait to be sent, in bytes. */
export const INPUT_BYTES = 256 * 1024;
const MOST_UNSENT_BYTES = 256 * 1024;
const UNSENT_PAUSE_MILLIS = 10;

const EXITED = 1000;
const TAKEN_OVER = 4001;

/** Options of {@link Terminal.reconnect}. */
export interface ReconnectTerminalOptions extends CallOptions {
  /** Output from this offset on is sent again, as far as the server has kept it. @default the terminal's `offset` */
  readonly offset?: number | undefined;
}

/** What a terminal is made from. */
export interface TerminalParts {
  readonly link: SandboxLink;
  readonly id: string;
  readonly isViewer: boolean;
  /** Whether disposing kills the program. */
  readonly isOwned: boolean;
  /** The offset from which output was requested. */
  readonly offset: number;
  readonly socket: WebSocketConnection;
  readonly reconnect: (terminal: Terminal, options: ReconnectTerminalOptions) => Promise<Terminal>;
  readonly remove: (id: string, options: CallOptions) => Promise<void>;
}

/**
 * A program on a pseudo-terminal, and the connection to it. Iterating yields what it prints, as bytes.
 *
 * The program outlives the connection: {@link reconnect} continues where reading stopped. Up to 8 MiB of output wait for
 * a slow reader; then the oldest is dropped, as on any terminal, which {@link output} shows by its offsets.
 *
 * @example
 * ```ts
 * await using terminal = await sandbox.terminals.create({ cols: 120, rows: 40 });
 * await terminal.write("ls --color\n");
 * for await (const bytes of terminal) process.stdout.write(bytes);
 * ```
 */
export class Terminal implements AsyncIterable<Uint8Array>, AsyncDisposable {
  /** The terminal's id, for {@link Terminals.attach}. */
  readonly id: string;
  /** Whether it is connected to read only. */
  readonly isViewer: boolean;
  /**
   * Resolves with the program's exit code when it has ended; -1 if a signal or {@link kill} ended it. Rejects if the
   * connection ends first, as iterating does; a rejection that nobody handles is ignored.
   */
  readonly exited: Promise<number>;
  readonly #parts: TerminalParts;
  readonly #socket: WebSocketConnection;
  readonly #output = new OutputQueue(MOST_UNREAD_BYTES);
  readonly #connected = deferred<undefined>();
  readonly #exit = deferred<number>();
  readonly #ended = new AbortController();
  readonly #releases: (() => void)[] = [];
  #mode: "pty" | "pipe" = "pty";
  #received: number;
  #hasExited = false;
  #wasTakenOver = false;
  /** What the server sent last before it closed the connection. */
  #serverError: SandboxApiException | undefined;

  /** @internal */
  constructor(parts: TerminalParts) {
    const { socket, link } = parts;
    this.id = parts.id;
    this.isViewer = parts.isViewer;
    this.#parts = parts;
    this.#socket = socket;
    this.#received = parts.offset;
    this.exited = this.#exit.promise;
    for (const { promise } of [this.#exit, this.#connected]) promise.catch(() => undefined); // nobody may be waiting
    socket.binaryType = "arraybuffer";
    socket.addEventListener("message", ({ data }) => this.#receive(data));
    socket.addEventListener("close", ({ code = 0, reason = "" }) => this.#onClose(code, reason));
    // A close follows, which says more.
    socket.addEventListener("error", () => undefined);
    this.#releases.push(
      onAbort(link.execd.closing, () => {
        try {
          link.execd.assertOpen();
        } catch (error) {
          this.#end(error);
        }
      }),
    );
    this.#watchSilence();
  }

  /** `"pty"` for a pseudo-terminal, `"pipe"` for pipes. */
  get mode(): "pty" | "pipe" {
    return this.#mode;
  }

  /** The offset of the next byte to read: how many bytes the program has written before it. */
  get offset(): number {
    return this.#output.firstOffset ?? this.#received;
  }

  /** Whether a client took this connection's place. */
  get wasTakenOver(): boolean {
    return this.#wasTakenOver;
  }

  /**
   * Waits for the server's greeting. Output that is replayed has arrived by then.
   *
   * @internal
   */
  async connected(options: { readonly signal?: AbortSignal | undefined }): Promise<void> {
    const { signal } = options;
    const { requestTimeoutSeconds } = this.#parts.link.config;
    const stopTimer = startTimer(requestTimeoutSeconds, () => {
      const message = `The server did not accept the connection to terminal ${this.id} within ${requestTimeoutSeconds ?? 0} s.`;
      this.#end(new SandboxTimeoutException({ code: "REQUEST_TIMEOUT", message, ...this.#facts }));
    });
    try {
      await raceAbort(signal, this.#connected.promise);
    } catch (error) {
      this.close();
      throw error;
    } finally {
      stopTimer();
    }
  }

  /**
   * Types text, or sends bytes. Resolves when they are on their way; the program need not have read them.
   *
   * @throws {SandboxException} `CLOSED` after the end of the connection or the program, `READ_ONLY` for a viewer
   */
  async write(data: string | Uint8Array, options: CallOptions = {}): Promise<void> {
    const { signal } = checkOptions(options);
    if (typeof data !== "string" && !(data instanceof Uint8Array))
      refuse("data", "a string or a Uint8Array", data);
    this.#assertWritable(signal);
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
    for (let start = 0; start < bytes.length; start += INPUT_BYTES) {
      this.#assertWritable(signal);
      this.#socket.send(encodeInput(bytes.subarray(start, start + INPUT_BYTES)));
      while (this.#socket.bufferedAmount > MOST_UNSENT_BYTES) {
        await sleep(UNSENT_PAUSE_MILLIS, signal);
        this.#assertWritable(signal);
      }
    }
  }

  /** Changes the size of the terminal; the program is told by SIGWINCH. Has no effect on pipes. @throws as {@link write} */
  async resize(cols: number, rows: number, options: CallOptions = {}): Promise<void> {
    assertSize(cols, rows);
    await this.#send({ type: "resize", cols, rows }, options);
  }

  /**
   * Sends a signal, such as `"SIGTERM"`, to the process group of the terminal's shell or command. A program that the
   * shell runs in the foreground has a group of its own: write `"\x03"` to interrupt it.
   *
   * @throws as {@link write}
   */
  async signal(name: string, options: CallOptions = {}): Promise<void> {
    if (typeof name !== "string" || !/^SIG[A-Z0-9]+$/.test(name))
      refuse("name", 'the name of a signal, such as "SIGTERM"', name);
    await this.#send({ type: "signal", signal: name }, options);
  }

  /**
   * Iterates over what the program prints, with the output it comes from and its offset. Ends when the program has
   * ended, or after {@link close}. Leaving the loop keeps the connection: another loop continues.
   *
   * @throws {SandboxConnectionException} `STREAM_CUT` if the connection broke, `TAKEN_OVER` if another client took it
   * @throws {SandboxTimeoutException} `STREAM_STALLED` if the server sends nothing any more
   * @throws {SandboxException} `CLOSED` if the sandbox was closed or killed
   */
  async *output(options: CallOptions = {}): AsyncGenerator<TerminalOutput, void, undefined> {
    const { signal } = checkOptions(options);
    for (;;) {
      throwIfAborted(signal);
      const item = await raceAbort(signal, this.#output.read());
      if (item === undefined) return;
      yield item;
    }
  }

  /** Iterates over the bytes of {@link output}. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const { data } of this.output()) yield data;
  }

  /**
   * Connects to the same terminal again and returns the new connection; ends this one first. Takes the terminal back
   * from its own broken connection, but not from another client that took it over.
   *
   * @throws {SandboxException} `TERMINAL_ENDED` if the program has ended meanwhile: connecting would start it again
   * @throws {SandboxApiException} status 404 if the terminal was deleted, 409 if another client is connected
   */
  reconnect(options: ReconnectTerminalOptions = {}): Promise<Terminal> {
    return this.#parts.reconnect(this, options);
  }

  /** Ends the connection; the program runs on. Idempotent. */
  close(): void {
    if (this.#ended.signal.aborted) return;
    this.#end(undefined);
  }

  /** Kills the program and deletes the terminal. Succeeds if it is gone already. */
  async kill(options: CallOptions = {}): Promise<void> {
    try {
      await this.#parts.remove(this.id, options);
      this.#exit.resolve(-1); // unless it had ended before
    } catch (error) {
      if (!(error instanceof SandboxApiException) || error.statusCode !== 404) throw error;
    } finally {
      this.close();
    }
  }

  /** Kills the program of a terminal from {@link Terminals.create}; only closes one from {@link Terminals.attach}. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#parts.isOwned) await this.kill();
    else this.close();
  }

  get #facts(): { readonly sandboxId: string } {
    return { sandboxId: this.#parts.link.sandboxId };
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- errors of arguments reject, as everywhere
  async #send(frame: object, options: CallOptions): Promise<void> {
    this.#assertWritable(checkOptions(options).signal);
    this.#socket.send(JSON.stringify(frame));
  }

  #assertWritable(signal: AbortSignal | undefined): void {
    throwIfAborted(signal);
    if (this.isViewer) {
      const message = `Terminal ${this.id} is connected as a viewer, which can only read.`;
      throw new SandboxException({ code: "READ_ONLY", message, ...this.#facts });
    }
    this.#parts.link.execd.assertOpen();
    if (!this.#ended.signal.aborted) return;
    const reason: unknown = this.#ended.signal.reason;
    if (isSandboxException(reason)) throw reason;
    throw new SandboxException({
      code: "CLOSED",
      message: `The program of terminal ${this.id} has ended, or its connection was closed.`,
      ...this.#facts,
    });
  }

  #receive(message: unknown): void {
    if (this.#ended.signal.aborted) return;
    const frame = decodeFrame(message);
    if (frame === undefined) {
      const text = `The server of terminal ${this.id} sent a message that breaks the protocol.`;
      this.#end(new SandboxConnectionException({ code: "STREAM_MALFORMED", message: text, ...this.#facts }));
    } else this.#dispatch(frame);
  }

  #dispatch(frame: ServerFrame): void {
    switch (frame.type) {
      case "output":
        this.#output.push({ stream: frame.stream, offset: this.#received, data: frame.data });
        this.#received += frame.data.length;
        return;
      case "replay":
        this.#output.push({ stream: "stdout", offset: frame.offset, data: frame.data });
        this.#received = frame.offset + frame.data.length;
        return;
      case "connected":
        this.#mode = frame.mode;
        this.#connected.resolve(undefined);
        return;
      case "exit":
        this.#hasExited = true;
        this.#exit.resolve(frame.exitCode);
        return;
      case "error":
        this.#serverError = new SandboxApiException({ ...frame, statusCode: 200, ...this.#facts });
        this.#parts.link.execd.logger?.warn(
          `The server reported an error of terminal ${this.id}: ${frame.code}: ${frame.message}`,
        );
        return;
      case "other":
    }
  }

  #onClose(code: number, reason: string): void {
    if (this.#ended.signal.aborted) return;
    if (this.#hasExited && code === EXITED) {
      this.#end(undefined);
    } else if (code === TAKEN_OVER) {
      this.#wasTakenOver = true;
      const message = `Another client has taken over terminal ${this.id}.`;
      this.#end(new SandboxConnectionException({ code: "TAKEN_OVER", message, ...this.#facts }));
    } else {
      const said = reason === "" ? `code ${code}` : `code ${code}, ${reason}`;
      const message = `The connection to terminal ${this.id} ended before its program (${said}). reconnect() continues where reading stopped.`;
      const cut = new SandboxConnectionException({ code: "STREAM_CUT", message, ...this.#facts });
      const end = () => this.#end(this.#serverError ?? cut);
      // A server cuts connections before it responds to a kill. If that succeeds, it has ended this one with CLOSED.
      const killed = this.#parts.link.killed();
      if (killed === undefined) end();
      else void killed.then(end);
    }
  }

  /** Ends the connection for good; without an error after the program's end and after {@link close}. */
  #end(error: unknown): void {
    if (this.#ended.signal.aborted) return;
    this.#ended.abort(error);
    for (const release of this.#releases.splice(0)) release();
    const closed = new SandboxConnectionException({
      code: "CLOSED",
      message: `The connection to terminal ${this.id} was closed.`,
      ...this.#facts,
    });
    this.#exit.reject(error ?? closed);
    this.#connected.reject(error ?? closed);
    this.#output.end(error === undefined ? undefined : { error });
    // Not `close` alone: a peer that is gone would not confirm it, and `ws` would wait for that.
    const terminate: unknown = Reflect.get(this.#socket, "terminate");
    if (error !== undefined && typeof terminate === "function") terminate.call(this.#socket);
    else this.#socket.close();
  }

  /** Asks the server for a sign of life when it sends nothing, and fails if there is none. */
  #watchSilence(): void {
    const { streamIdleTimeoutSeconds: seconds } = this.#parts.link.config;
    if (seconds === null) return;
    let isAsked = false;
    this.#socket.addEventListener("message", () => (isAsked = false));
    const check = (): void => {
      if (isAsked) {
        const message = `The server of terminal ${this.id} has sent nothing for ${seconds} s.`;
        this.#end(new SandboxTimeoutException({ code: "STREAM_STALLED", message, ...this.#facts }));
        return;
      }
      isAsked = true;
      this.#socket.send(JSON.stringify({ type: "ping" }));
    };
    this.#socket.addEventListener("open", () => {
      if (this.#ended.signal.aborted) return;
      const timer = setInterval(check, (seconds * 1_000) / 2);
      this.#releases.push(() => clearInterval(timer));
    });
  }
}
