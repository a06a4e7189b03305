import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, constants, existsSync, openSync, readSync, rmSync, unlinkSync } from "node:fs";
import { Socket } from "node:net";
import path from "node:path";
import { promisify } from "node:util";

/** How many pipes are created at once: few at first, for a quick start, then enough that it rarely happens. */
const FIRST_BATCH = 16;
const BATCH = 128;
const LOW = 8;
// A pipe holds 64 KiB, or up to 1 MiB if its writer has enlarged it.
const DRAIN_LIMIT = 2 ** 20;

/**
 * Real pipes for the output of processes.
 *
 * Node's own child pipes are socket pairs, which cannot be opened by name: `echo problem > /dev/stderr` fails. A named
 * pipe whose name is removed at once is an ordinary pipe. Node cannot create one, so `mkfifo` does, many at a time and
 * ahead of their use.
 */
export class PipePool {
  readonly #directory: string;
  readonly #keepsNames: boolean;
  readonly #names: string[] = [];
  #making: Promise<void> | undefined;
  #next = FIRST_BATCH;

  /**
   * @param directory - a private, writable directory
   * @param keepsNames - whether a pipe keeps its name until its write end is closed. Needed on systems where, unlike on
   * Linux, another process cannot open it through this process's descriptor.
   */
  constructor(directory: string, keepsNames = !existsSync("/proc/self/fd")) {
    this.#directory = directory;
    this.#keepsNames = keepsNames;
  }

  /** Creates the first pipes, so that the first process does not wait for them. */
  fill(): Promise<void> {
    this.#making ??= this.#make().finally(() => (this.#making = undefined));
    return this.#making;
  }

  async take(): Promise<OutputPipe> {
    let name = this.#names.pop();
    while (name === undefined) {
      await this.fill();
      name = this.#names.pop();
    }
    if (this.#names.length < LOW) this.fill().catch(() => undefined); // A later take() reports the error.
    try {
      // In this order neither call blocks: the reader is non-blocking, and the writer finds a reader.
      const readEnd = openSync(name, constants.O_RDONLY | constants.O_NONBLOCK);
      const writeEnd = openSync(name, constants.O_WRONLY);
      if (this.#keepsNames) return new OutputPipe(readEnd, writeEnd, name);
      return new OutputPipe(readEnd, writeEnd);
    } finally {
      if (!this.#keepsNames) unlinkSync(name);
    }
  }

  async #make(): Promise<void> {
    const names = Array.from({ length: this.#next }, () =>
      path.join(this.#directory, randomBytes(8).toString("hex")),
    );
    await promisify(execFile)("mkfifo", ["-m", "600", ...names]);
    this.#names.push(...names);
    this.#next = BATCH;
  }
}

/** A pipe for the output of one process and of its descendants. */
export class OutputPipe {
  readonly #readEnd: number;
  readonly #socket: Socket;
  readonly #name: string | undefined;
  #writeEnd: number | undefined;
  #listener: ((chunk: Buffer) => void) | undefined;

  /** @param name - the pipe's name, if it still has one */
  constructor(readEnd: number, writeEnd: number, name?: string) {
    this.#readEnd = readEnd;
    this.#writeEnd = writeEnd;
    this.#name = name;
    this.#socket = new Socket({ fd: readEnd, readable: true, writable: false });
    this.#socket.on("error", () => undefined); // "close" follows, as at the regular end.
    this.#socket.on("data", (chunk: Buffer) => this.#listener?.(chunk));
  }

  /** The descriptor for a child process to inherit. Call {@link closeWriteEnd} when it has. */
  get writeEnd(): number {
    if (this.#writeEnd === undefined) throw new Error("the write end is closed");
    return this.#writeEnd;
  }

  /** A file through which another process can open the write end until {@link closeWriteEnd}. */
  get writeName(): string {
    return this.#name ?? `/proc/${process.pid}/fd/${this.writeEnd}`;
  }

  closeWriteEnd(): void {
    if (this.#writeEnd === undefined) return;
    closeSync(this.#writeEnd);
    this.#writeEnd = undefined;
    if (this.#name !== undefined) rmSync(this.#name, { force: true });
  }

  listen(listener: (chunk: Buffer) => void): void {
    this.#listener = listener;
  }

  /** Pauses or resumes reading. While paused, writers block once the pipe is full. */
  setFlowing(flowing: boolean): void {
    if (flowing) this.#socket.resume();
    else this.#socket.pause();
  }

  /** Calls the listener when no process holds the other end any more. */
  onEnd(listener: () => void): void {
    if (this.#socket.destroyed) listener();
    else this.#socket.once("close", listener);
  }

  /** Delivers what is in the pipe now. Later output is delivered as before. */
  drain(): void {
    this.closeWriteEnd();
    this.#socket.pause();
    while (this.#socket.read() !== null); // Each read emits "data".
    if (!this.#socket.destroyed) this.#readNow();
    this.#socket.resume();
  }

  /**
   * Delivers what is in the pipe now, and drops later output. The pipe is still read as long as a process holds its other
   * end: a server that a command left running must not be killed by SIGPIPE.
   *
   * @param onLate - called when later output is dropped
   */
  finish(onLate?: () => void): void {
    this.drain();
    this.#listener = onLate;
  }

  #readNow(): void {
    const buffer = Buffer.allocUnsafe(64 * 1024);
    for (let total = 0; total < DRAIN_LIMIT;) {
      let count: number;
      try {
        count = readSync(this.#readEnd, buffer);
      } catch {
        return; // EAGAIN: the pipe is empty and still has a writer.
      }
      if (count === 0) return;
      this.#listener?.(Buffer.from(buffer.subarray(0, count)));
      total += count;
    }
  }
}
