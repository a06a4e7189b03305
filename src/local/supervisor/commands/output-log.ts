import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { privateFile } from "./private-files.js";

const SEGMENT_BYTES = 8 * 2 ** 20;
const READ_BYTES = 256 * 1024;

interface Segment {
  readonly file: string;
  /** Where in the log it begins. */
  readonly start: number;
  length: number;
}

/**
 * The outputs of background commands, on disk, with a limit for all of them together: beyond it the oldest output goes
 * first, from any writer, and positions in what remains stay what they were.
 */
export class OutputLogs {
  readonly #budget: number;
  readonly newFile: () => string;
  // Oldest first.
  readonly #segments = new Map<Segment, OutputLog>();
  #bytes = 0;

  /** @param newFile - gives the name of a file that is not there yet, in a directory that is */
  constructor(budget: number, newFile = () => privateFile("output")) {
    this.#budget = budget;
    this.newFile = newFile;
  }

  create(): OutputLog {
    return new OutputLog(this);
  }

  /** A segment has grown. */
  account(segment: Segment, log: OutputLog, bytes: number): void {
    this.#segments.set(segment, log);
    this.#bytes += bytes;
    for (const [oldest, owner] of this.#segments) {
      if (this.#bytes <= this.#budget) break;
      if (oldest !== segment) owner.drop(oldest);
    }
  }

  release(segment: Segment): void {
    if (this.#segments.delete(segment)) this.#bytes -= segment.length;
  }
}

/** The output of one command. Positions in it are counted in bytes from its beginning. */
export class OutputLog {
  readonly #logs: OutputLogs;
  readonly #segments: Segment[] = [];
  #descriptor: number | undefined;
  #end = 0;

  constructor(logs: OutputLogs) {
    this.#logs = logs;
  }

  get end(): number {
    return this.#end;
  }

  /** Where the oldest output begins that is still there. */
  get start(): number {
    return this.#segments[0]?.start ?? this.#end;
  }

  // Synchronous, so that the log has everything that the command wrote once it is said to have ended.
  append(chunk: Buffer): void {
    for (let rest = chunk; rest.length > 0;) {
      try {
        const segment = this.#current();
        const written = writeSync(this.#descriptor ?? -1, rest.subarray(0, SEGMENT_BYTES - segment.length));
        segment.length += written;
        this.#end += written;
        this.#logs.account(segment, this, written);
        rest = rest.subarray(written);
      } catch {
        return; // the disk is full: the command goes on, its output is lost
      }
    }
  }

  /** No more output comes; what there is stays. */
  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  /** Removes everything. */
  delete(): void {
    this.close();
    for (const segment of [...this.#segments]) this.drop(segment);
  }

  drop(segment: Segment): void {
    this.#segments.splice(this.#segments.indexOf(segment), 1);
    this.#logs.release(segment);
    rmSync(segment.file, { force: true });
  }

  /** The output from one position up to another. */
  async *read(start: number, end: number): AsyncGenerator<Buffer, void> {
    for (const segment of [...this.#segments]) {
      const first = Math.max(start, segment.start);
      const last = Math.min(end, segment.start + segment.length);
      if (first >= last) continue;
      const handle = await open(segment.file).catch(() => undefined);
      if (handle === undefined) continue; // code in the sandbox has emptied /tmp
      try {
        yield* readRange(handle, first - segment.start, last - segment.start);
      } finally {
        await handle.close();
      }
    }
  }

  #current(): Segment {
    const last = this.#segments.at(-1);
    if (last !== undefined && last.length < SEGMENT_BYTES && this.#descriptor !== undefined) return last;
    this.close();
    const segment = { file: this.#logs.newFile(), start: this.#end, length: 0 };
    this.#descriptor = openSync(segment.file, "ax", 0o600);
    this.#segments.push(segment);
    return segment;
  }
}

async function* readRange(handle: FileHandle, start: number, end: number): AsyncGenerator<Buffer, void> {
  for (let position = start; position < end;) {
    const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, end - position));
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}
