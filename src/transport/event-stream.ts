import { parseJson } from "../json.js";

/**
 * Receives the decoded frames of an event stream.
 *
 * A sink rather than a list, so that a stream of a million frames costs no list of a million wrappers.
 */
export interface FrameSink {
  /** Takes a complete frame, parsed from JSON. */
  frame(value: unknown): void;
  /** Takes a frame of exactly these fields. Without this method, such a frame goes to {@link frame}. */
  output?(type: "stdout" | "stderr", text: string, timestamp: number): void;
  /** Takes the reason why a complete frame, or a line between frames, cannot be decoded. */
  malformed(reason: string): void;
}

/** The limits of a decoder. */
export interface DecoderLimits {
  /** The most bytes that a frame may have. @default 256 MiB */
  readonly maxFrameBytes?: number | undefined;
}

const DEFAULT_MAX_FRAME_BYTES = 256 * 1024 * 1024;
/** How much is decoded at once: a custom `fetch` may return a whole body in one chunk, too large for a string. */
const LARGEST_PIECE_BYTES = 16 * 1024 * 1024;
const NEWLINE = "\n";
const NEWLINE_BYTE = 0x0a;
const BRACE = 0x7b;
/** The number of characters of a line that an error message quotes. */
export const QUOTED_LENGTH = 80;
/** The most frequent frames, if nothing in them is escaped but a newline at the end; see {@link takeFrame}. */
const PLAIN_OUTPUT =
  // Raw control characters are invalid JSON; `JSON.parse` reports them.
  /^\{"type":"(stdout|stderr)","text":"([^"\\\u0000-\u001f]*)(\\n)?","timestamp":([1-9]\d{0,14})\}$/;
/** Longer lines are parsed as JSON: the pattern would cost more than it saves. */
const LONGEST_PLAIN_OUTPUT = 4_096;

/**
 * Decodes execd's event streams, however the bytes are split into chunks.
 *
 * execd writes bare JSON objects, each followed by a blank line; servers and gateways that speak the standard format
 * put `data:` before them. Both are read, mixed too. Lines end at `\n` alone: U+0085, U+2028 and a lone CR are legal
 * inside a line.
 *
 * Time is linear in the number of bytes: the pieces of an unfinished line are kept in a list and joined once, when
 * its end has come. Bare frames are decoded chunk by chunk; from the first line of the standard format on, lines are
 * found in the bytes, which is what Microsoft's parser takes.
 */
export class EventStreamDecoder {
  readonly #sink: FrameSink;
  readonly #maxFrameBytes: number;
  // Decodes a character that is cut between two chunks, and drops a byte order mark at the start.
  readonly #text = new TextDecoder();
  #fragments: string[] = [];
  #fragmentBytes = 0;
  #isSkipping = false;
  #standard: { push(bytes: Uint8Array): void; end(): boolean } | undefined;

  constructor(sink: FrameSink, { maxFrameBytes = DEFAULT_MAX_FRAME_BYTES }: DecoderLimits = {}) {
    this.#sink = sink;
    this.#maxFrameBytes = maxFrameBytes;
  }

  /**
   * Decodes the next bytes and passes every frame that they complete to the sink.
   *
   * @returns a promise only at the first line of the standard format, whose decoder is loaded then. Wait for it
   */
  push(bytes: Uint8Array): Promise<void> | undefined {
    for (let start = 0; start < bytes.byteLength; start += LARGEST_PIECE_BYTES) {
      const piece = bytes.subarray(start, start + LARGEST_PIECE_BYTES);
      if (this.#standard !== undefined) this.#standard.push(piece);
      else {
        const standardAt = this.#pushBare(piece);
        if (standardAt !== undefined) return this.#switchToStandard(bytes.subarray(start + standardAt));
      }
    }
    return undefined;
  }

  /**
   * Handles the end of the stream.
   *
   * @returns whether the stream ended between frames; a last frame without its newline is complete if it parses
   */
  end(): boolean {
    if (this.#standard !== undefined) return this.#standard.end();
    const tail = [...this.#fragments, this.#text.decode()].join("").trim();
    if (tail === "") return true;
    const value = parseJson(tail);
    if (value !== undefined) this.#sink.frame(value.json);
    return value !== undefined;
  }

  /** Returns where the first line in the standard format begins, if there is one. */
  #pushBare(bytes: Uint8Array): number | undefined {
    const text = this.#text.decode(bytes, { stream: true });
    let start = 0;
    let lines = 0;
    for (let end = text.indexOf(NEWLINE); end !== -1; end = text.indexOf(NEWLINE, start)) {
      if (this.#isSkipping) {
        this.#isSkipping = false;
      } else if (this.#fragments.length > 0) {
        takeFrame(this.#joinFragments(text.slice(start, end)), this.#sink);
      } else if (text.charCodeAt(start) === BRACE) {
        takeFrame(text.slice(start, end), this.#sink);
      } else if (end > start) {
        return startOfLine(bytes, lines);
      }
      start = end + 1;
      lines += 1;
    }
    if (this.#isSkipping) return undefined;
    if (this.#fragments.length > 0 || text.charCodeAt(start) === BRACE) {
      this.#keepFragment(start === 0 ? text : text.slice(start), bytes.byteLength);
    } else if (bytes.at(-1) !== NEWLINE_BYTE) {
      return startOfLine(bytes, lines);
    }
    return undefined;
  }

  #keepFragment(text: string, chunkBytes: number): void {
    this.#fragments.push(text);
    this.#fragmentBytes += chunkBytes;
    if (this.#fragmentBytes <= this.#maxFrameBytes) return;
    this.#fragments = [];
    this.#fragmentBytes = 0;
    this.#isSkipping = true;
    this.#sink.malformed(tooLarge(this.#maxFrameBytes));
  }

  #joinFragments(last: string): string {
    if (this.#fragments.length === 0) return last;
    this.#fragments.push(last);
    const line = this.#fragments.join("");
    this.#fragments = [];
    this.#fragmentBytes = 0;
    return line;
  }

  async #switchToStandard(bytes: Uint8Array): Promise<void> {
    const { StandardLines } = await import("./standard-lines.js");
    this.#standard = new StandardLines(this.#sink, this.#maxFrameBytes);
    void this.push(bytes);
  }
}

/** Returns the position of a line in bytes. Their text has the same newlines. */
function startOfLine(bytes: Uint8Array, line: number): number {
  let start = 0;
  for (let number = 0; number < line; number += 1) start = bytes.indexOf(NEWLINE_BYTE, start) + 1;
  return start;
}

/** Parses a line that is one frame. Most are plain output, for which the pattern takes half the time of `JSON.parse`. */
export function takeFrame(line: string, sink: FrameSink): void {
  const plain = line.length <= LONGEST_PLAIN_OUTPUT ? PLAIN_OUTPUT.exec(line) : null;
  if (plain !== null) {
    const [, type, content = "", newline] = plain;
    const text = newline === undefined ? content : `${content}\n`;
    const timestamp = Number(plain[4]);
    if (sink.output === undefined) sink.frame({ type, text, timestamp });
    else sink.output(type === "stderr" ? "stderr" : "stdout", text, timestamp);
    return;
  }
  let frame: unknown;
  try {
    frame = JSON.parse(line);
  } catch {
    sink.malformed(`a frame is not valid JSON: ${quote(line)}`);
    return;
  }
  sink.frame(frame);
}

/** Returns the reason why a frame of too many bytes is malformed. */
export function tooLarge(maxFrameBytes: number): string {
  return `a frame exceeds maxFrameBytes of ${maxFrameBytes} bytes`;
}

/** Quotes the beginning of a line for a message. */
export function quote(text: string): string {
  return JSON.stringify(text.length > QUOTED_LENGTH ? `${text.slice(0, QUOTED_LENGTH)}…` : text);
}
