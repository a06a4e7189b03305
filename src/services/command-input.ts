import { type CallOptions, checkOptions, refuse } from "../arguments.js";
import {
  isSandboxException,
  SandboxApiException,
  SandboxConnectionException,
  SandboxException,
} from "../errors.js";
import {
  deferred,
  type Deferred,
  onAbort,
  raceAbort,
  sleep,
  throwIfAborted,
  withLimit,
} from "../transport/abort.js";
import { concatBytes } from "../transport/response-body.js";
import type { SegmentedBody } from "../transport/segmented-body.js";
import type { SandboxLink } from "./link.js";
import { createTerminal } from "./terminals/terminal-calls.js";
import { INPUT_BYTES, type Terminal } from "./terminals/terminal.js";

/** The most data of one part, in bytes. With its head it is one message, which arrives whole or not at all. */
const PART_BYTES = INPUT_BYTES - 32;
/** The pauses before attempts to connect again, in milliseconds. Progress begins them anew. */
const RECONNECT_PAUSES_MILLIS = [0, 200, 500, 1_000, 2_000, 5_000];
/** How long it is tried to connect again without progress, in seconds. */
const RECONNECT_SECONDS = 10;
const CUTS: readonly string[] = [
  "STREAM_CUT",
  "STREAM_STALLED",
  "CONNECTION",
  "REQUEST_TIMEOUT",
  "ALREADY_CONNECTED",
];
/** Of a server without terminals, or on a system without them. */
const WITHOUT_TERMINALS: readonly number[] = [404, 405, 501];

/** What one call writes. */
interface Piece {
  /** What was not sent yet. */
  rest: Uint8Array;
  readonly written: Deferred<undefined>;
}

/** What an input is made from, with the terminal that feeds it. */
interface InputParts {
  readonly lines: Lines;
  /** Removes the named pipe if it is there. Never rejects. */
  readonly removePipe: () => Promise<void>;
  readonly sandboxId: string;
}

/** What is sent at once. Only one part is on its way: a server that has to wait for the command answers no pings. */
interface Part {
  readonly number: number;
  readonly message: Uint8Array;
  /** The pieces that end with it. */
  readonly pieces: readonly Piece[];
  readonly isEnd: boolean;
}

/**
 * The standard input of a command that was started with `stdin: true`.
 *
 * Data goes through a terminal in pipe mode to a named pipe, from which the command reads. What has arrived there is
 * confirmed, so that a broken connection is opened again and nothing is lost or sent twice.
 *
 * @example
 * ```ts
 * await using sort = await sandbox.commands.start("sort -n", { stdin: true });
 * await sort.stdin.write("10\n9\n");
 * await sort.stdin.end();
 * ```
 */
export class CommandInput {
  readonly #sandboxId: string;
  readonly #ended = deferred<undefined>();
  readonly #failed = new AbortController();
  readonly #queue: Piece[] = [];
  readonly #lines: Lines;
  readonly #removePipe: () => Promise<void>;
  #terminal: Terminal;
  #isConnected = true;
  #part: Part | undefined;
  #sent = 0;
  #isEnded = false;
  #wasRead = false;
  #isReleased = false;

  /** @internal */
  constructor(terminal: Terminal, parts: InputParts) {
    this.#terminal = terminal;
    this.#lines = parts.lines;
    this.#sandboxId = parts.sandboxId;
    this.#removePipe = parts.removePipe;
    this.#ended.promise.catch(() => undefined); // nobody may be waiting
    void this.#confirm();
  }

  /**
   * Writes text, as UTF-8, or bytes. Resolves when the pipe of the command, which holds 64 KiB, has taken them; waits
   * while the command does not read. Writes are done in the order of their calls.
   *
   * An abort stops the writing; what was sent before stays written.
   *
   * @throws {SandboxException} `COMMAND_ENDED` if the command has ended or closed its standard input; `CLOSED` after
   * {@link end}
   * @throws {SandboxConnectionException} if the connection broke and could not be opened again
   */
  async write(data: string | Uint8Array, options: CallOptions = {}): Promise<void> {
    const { signal } = checkOptions(options);
    if (typeof data !== "string" && !(data instanceof Uint8Array))
      refuse("data", "a string or a Uint8Array", data);
    throwIfAborted(signal);
    if (this.#isEnded) {
      const message = "The standard input of the command was ended.";
      throw new SandboxException({ code: "CLOSED", message, sandboxId: this.#sandboxId });
    }
    this.#failed.signal.throwIfAborted();
    const rest = typeof data === "string" ? new TextEncoder().encode(data) : data;
    if (rest.length === 0) return;
    const piece: Piece = { rest, written: deferred() };
    this.#queue.push(piece);
    this.#advance();
    try {
      await raceAbort(signal, piece.written.promise);
    } catch (error) {
      const index = this.#queue.indexOf(piece);
      if (index >= 0) this.#queue.splice(index, 1);
      throw error;
    }
  }

  /**
   * Ends the input: after what was written, the command reads end-of-file. Resolves when its pipe is closed. Succeeds if
   * the input was ended before, or the command has ended.
   *
   * @throws {SandboxConnectionException} if the connection broke and could not be opened again
   */
  async end(options: CallOptions = {}): Promise<void> {
    const { signal } = checkOptions(options);
    throwIfAborted(signal);
    this.#isEnded = true;
    this.#advance();
    try {
      await raceAbort(signal, this.#ended.promise);
    } catch (error) {
      if (!isSandboxException(error) || error.code !== "COMMAND_ENDED") throw error;
    }
  }

  /** Returns a stream that writes with {@link write}. Closing it ends the input, and so does aborting it. */
  toWritableStream(): WritableStream<string | Uint8Array> {
    return new WritableStream({
      // The declarations of Node.js leave out the signal, with which an abort ends a write that waits.
      write: (data, controller: object) =>
        this.write(data, "signal" in controller ? { signal: controller.signal as AbortSignal } : {}),
      close: () => this.end(),
      abort: () => this.end(),
    });
  }

  /**
   * Writes data and ends the input. What is left when the command ends first is not read.
   *
   * @internal
   */
  async writeAll(data: SegmentedBody): Promise<void> {
    const unlink = onAbort(this.#failed.signal, () => data.release());
    try {
      for await (const part of data) await this.write(part);
      await this.end();
    } catch (error) {
      if (!isSandboxException(error) || error.code !== "COMMAND_ENDED") throw error;
    } finally {
      unlink();
    }
  }

  /**
   * Deletes the terminal. The command reads end-of-file if it still runs.
   *
   * @internal
   */
  async release(): Promise<void> {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#ended.resolve(undefined);
    this.#fail(commandEnded(this.#sandboxId));
    await this.#terminal.kill().catch(() => this.#terminal.close());
    // The command may not have started. Once it has opened the pipe, what feeds it removes it.
    if (!this.#wasRead) await this.#removePipe();
  }

  /** Sends the next part, unless one is on its way. */
  #advance(): void {
    if (this.#part !== undefined || this.#failed.signal.aborted) return;
    const pieces: Piece[] = [];
    const data: Uint8Array[] = [];
    let size = 0;
    for (let piece = this.#queue[0]; piece !== undefined && size < PART_BYTES; piece = this.#queue[0]) {
      const taken = piece.rest.subarray(0, PART_BYTES - size);
      data.push(taken);
      size += taken.length;
      piece.rest = piece.rest.subarray(taken.length);
      if (piece.rest.length > 0) break;
      pieces.push(piece);
      this.#queue.shift();
    }
    if (size === 0 && !this.#isEnded) return;
    const number = ++this.#sent;
    const message = concatBytes([new TextEncoder().encode(`${number} ${size}\n`), ...data]);
    this.#part = { number, message, pieces, isEnd: size === 0 };
    this.#sendPart();
  }

  #sendPart(): void {
    if (this.#part === undefined || !this.#isConnected) return;
    // A connection that has ended also ends its output, where that is handled.
    this.#terminal.write(this.#part.message).catch(() => undefined);
  }

  #onConfirmed(number: number): void {
    if (this.#part === undefined || number < this.#part.number) return;
    const { pieces, isEnd } = this.#part;
    this.#part = undefined;
    this.#wasRead = true;
    for (const { written } of pieces) written.resolve(undefined);
    if (isEnd) void this.release();
    else this.#advance();
  }

  #fail(error: unknown): void {
    this.#failed.abort(error);
    for (const { written } of [...(this.#part?.pieces ?? []), ...this.#queue]) written.reject(error);
    this.#ended.reject(error);
  }

  /** Reads the numbers of the parts that the pipe has taken, until the input ends. */
  async #confirm(): Promise<void> {
    let brokenAt: number | undefined;
    for (let attempts = 0; ;) {
      try {
        if (!this.#isConnected) await this.#reconnect(RECONNECT_PAUSES_MILLIS[attempts++] ?? 0, brokenAt);
        const line = await this.#lines.next(this.#terminal);
        // Without a line, somebody has killed what feeds the pipe.
        if (line === undefined || line === CLOSED) throw commandEnded(this.#sandboxId);
        attempts = 0;
        brokenAt = undefined;
        this.#onConfirmed(Number(line));
      } catch (error) {
        this.#isConnected = false;
        if (this.#failed.signal.aborted) return;
        brokenAt ??= performance.now();
        const isCut = isSandboxException(error) && CUTS.includes(error.code) && secondsLeft(brokenAt) > 0;
        if (isCut && attempts < RECONNECT_PAUSES_MILLIS.length) continue;
        this.#fail(error);
        await this.#terminal.kill().catch(() => this.#terminal.close());
        return;
      }
    }
  }

  async #reconnect(pauseMillis: number, brokenAt = performance.now()): Promise<void> {
    const reason = () => {
      const message = `The connection of the standard input broke and could not be opened again within ${RECONNECT_SECONDS} s.`;
      return new SandboxConnectionException({ code: "CONNECTION", message, sandboxId: this.#sandboxId });
    };
    const seconds = Math.max(secondsLeft(brokenAt), 0.001);
    await withLimit({ seconds, signal: this.#failed.signal, reason }, async (signal) => {
      await sleep(pauseMillis, signal);
      this.#terminal = await this.#terminal.reconnect({ signal });
    });
    this.#isConnected = true;
    // If it had arrived, it is skipped there by its number.
    this.#sendPart();
  }
}

function secondsLeft(brokenAt: number): number {
  return RECONNECT_SECONDS - (performance.now() - brokenAt) / 1_000;
}

/** Reads the lines that a terminal prints; a line may begin on one connection and end on the next. */
class Lines {
  readonly #whole: string[] = [];
  #rest = "";

  /** Returns `undefined` at the end of the output. */
  async next(terminal: Terminal): Promise<string | undefined> {
    while (this.#whole.length === 0) {
      const { done, value } = await terminal.output().next();
      if (done === true) return undefined;
      const parts = `${this.#rest}${new TextDecoder().decode(value.data)}`.split("\n");
      this.#rest = parts.pop() ?? "";
      this.#whole.push(...parts);
    }
    return this.#whole.shift();
  }
}

/** What the feeding script prints when it can be used, and when nobody reads from the pipe any more. */
const READY = "ready";
const CLOSED = "closed";

/**
 * Makes a named pipe and starts what feeds it. `prefix` makes a shell's script read from it.
 *
 * @throws {SandboxException} `NOT_SUPPORTED` if the server has no terminals
 */
export async function openInput(
  link: SandboxLink,
  signal: AbortSignal | undefined,
): Promise<{ readonly input: CommandInput; readonly prefix: string }> {
  const { sandboxId, config } = link;
  const path = `/tmp/.stdin-${crypto.randomUUID()}`;
  const removePipe = async () => {
    const { client, json } = link.execd;
    try {
      await client.DELETE("/files", {
        params: { query: { path: [path] } },
        fetch: json({ retry: false }).fetch,
      });
    } catch {
      // It is not there, or the sandbox is gone.
    }
  };
  const terminal = await createTerminal(link, { command: feedingScript(path), mode: "pipe", signal }).catch(
    (error: unknown) => {
      throw isWithoutTerminals(error) ? withoutTerminals(error, sandboxId) : error;
    },
  );
  try {
    const lines = new Lines();
    const first = await withLimit(
      {
        seconds: config.requestTimeoutSeconds ?? 2 ** 20,
        signal,
        reason: () => withoutTerminals(undefined, sandboxId),
      },
      (limit) => raceAbort(limit, lines.next(terminal)),
    );
    if (first !== READY) {
      const message = `Could not make the named pipe ${path} in the sandbox: ${first ?? "the shell has ended"}`;
      throw new SandboxConnectionException({ code: "UNEXPECTED_RESPONSE", message, sandboxId });
    }
    return { input: new CommandInput(terminal, { lines, removePipe, sandboxId }), prefix: `exec <${path}; ` };
  } catch (error) {
    void terminal
      .kill()
      .catch(() => undefined)
      .then(removePipe);
    throw error;
  }
}

/**
 * Returns a script for any POSIX shell that reads parts, each with a line of its number and size before it, and writes
 * them to a named pipe. It prints the number of each part when the pipe has taken it, skips those that it has seen, and
 * closes the pipe at one of no bytes. `dd` reads no byte too many, unlike some `head -c`. It runs until it is killed, so
 * that what it printed can be read after a broken connection, too.
 */
function feedingScript(path: string): string {
  return [
    `p=${path}; e=$(mkfifo -m 666 $p 2>&1) || { echo "$e"; exit 1; }`,
    `exec 2>/dev/null; trap '' PIPE; echo ${READY}; exec 3>$p; rm -f $p; n=0`,
    "take() { dd bs=$1 count=1 iflag=fullblock; }",
    "while read -r i s; do",
    `if [ $i -le $n ]; then [ $s = 0 ] || take $s >/dev/null`,
    `elif [ $s = 0 ]; then exec 3>&-`,
    `elif ! take $s >&3; then echo ${CLOSED}; exec 3>&-; exec cat >/dev/null; fi`,
    "[ $i -le $n ] || n=$i; echo $n; done",
  ].join("\n");
}

function isWithoutTerminals(error: unknown): error is SandboxApiException {
  return error instanceof SandboxApiException && WITHOUT_TERMINALS.includes(error.statusCode);
}

function withoutTerminals(cause: SandboxApiException | undefined, sandboxId: string): SandboxException {
  const message =
    "The standard input of a command needs a server with terminals: execd of June 2026 or newer, not on Windows.";
  return new SandboxException({ code: "NOT_SUPPORTED", message, cause, sandboxId });
}

function commandEnded(sandboxId: string): SandboxException {
  const message = "The command has ended or closed its standard input before everything was written.";
  return new SandboxException({ code: "COMMAND_ENDED", message, sandboxId });
}
