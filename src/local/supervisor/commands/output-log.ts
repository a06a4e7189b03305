import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { privateFile } from "./private-files.js";

const SEGMENT_BYTES = 8 * 2 ** 20;
const READ_BYTES = 256 * 1024;

interface Segment {
  readonly file: string;
  /** The position of its first byte in the log. */
  readonly start: number;
  length: number;
}

/**
 * The output of background commands on disk, with a common limit. Beyond it, the oldest output of any command is
 * removed; positions in the rest do not change.
 */
export class OutputLogs {
  readonly #budget: number;
  readonly newFile: () => string;
  // Oldest first.
  readonly #segments = new Map<Segment, OutputLog>();
  #bytes = 0;

  /** @param newFile - returns an unused file name in an existing directory */
  constructor(budget: number, newFile = () => privateFile("output")) {
    this.#budget = budget;
    this.newFile = newFile;
  }

  create(): OutputLog {
    return new OutputLog(this);
  }

  /** Records that a segment has grown. */
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

/** The output of one command. Positions count bytes from its beginning. */
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

  /** The position of the oldest output that is still available. */
  get start(): number {
    return this.#segments[0]?.start ?? this.#end;
  }

  // Synchronous, so that the log is complete when the command is reported as ended.
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
        return; // the disk is full: the command continues without its output
      }
    }
  }

  /** Ends the log. Its content stays available. */
  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  /** Deletes the log and its content. */
  delete(): void {
    this.close();
    for (const segment of [...this.#segments]) this.drop(segment);
  }

  drop(segment: Segment): void {
    this.#segments.splice(this.#segments.indexOf(segment), 1);
    this.#logs.release(segment);
    rmSync(segment.file, { force: true });
  }

  /** Reads the output from one position to another. */
  async *read(start: number, end: number): AsyncGenerator<Buffer, void> {
    for (const segment of [...this.#segments]) {
      const first = Math.max(start, segment.start);
      const last = Math.min(end, segment.start + segment.length);
      if (first >= last) continue;
      const handle = await open(segment.file).catch(() => undefined);
      if (handle === undefined) continue; // code in the sandbox deleted it from /tmp
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
