import { parseJson } from "../json.js";
import { getMessages } from "@microsoft/fetch-event-source/lib/cjs/parse.js";
import { concatBytes } from "./response-body.js";

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
const RETURN = 0x0d;
const COLON = 0x3a;
const BRACE = 0x7b;
/** The number of characters of a line that an error message quotes. */
const QUOTED_LENGTH = 80;
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
  #standard: StandardLines | undefined;

  constructor(sink: FrameSink, { maxFrameBytes = DEFAULT_MAX_FRAME_BYTES }: DecoderLimits = {}) {
    this.#sink = sink;
    this.#maxFrameBytes = maxFrameBytes;
  }

  /** Decodes the next bytes and passes every frame that they complete to the sink. */
  push(bytes: Uint8Array): void {
    for (let start = 0; start < bytes.byteLength; start += LARGEST_PIECE_BYTES) {
      const piece = bytes.subarray(start, start + LARGEST_PIECE_BYTES);
      if (this.#standard === undefined) this.#pushBare(piece);
      else this.#standard.push(piece);
    }
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

  #pushBare(bytes: Uint8Array): void {
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
        this.#switchToStandard(bytes, lines);
        return;
      }
      start = end + 1;
      lines += 1;
    }
    if (this.#isSkipping) return;
    if (this.#fragments.length > 0 || text.charCodeAt(start) === BRACE) {
      this.#keepFragment(start === 0 ? text : text.slice(start), bytes.byteLength);
    } else if (bytes.at(-1) !== NEWLINE_BYTE) {
      this.#switchToStandard(bytes, lines);
    }
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

  /** Reads on from a line of this chunk in the standard format. Both texts and bytes have the same newlines. */
  #switchToStandard(bytes: Uint8Array, lines: number): void {
    let start = 0;
    for (let line = 0; line < lines; line += 1) start = bytes.indexOf(NEWLINE_BYTE, start) + 1;
    this.#standard = new StandardLines(this.#sink, this.#maxFrameBytes);
    this.#standard.push(bytes.subarray(start));
  }
}

/** The lines of a standard event stream (`data:` fields, comments, blank lines), given to Microsoft's parser. */
class StandardLines {
  readonly #sink: FrameSink;
  readonly #maxFrameBytes: number;
  readonly #onLine: (line: Uint8Array, fieldLength: number) => void;
  #fragments: Uint8Array[] = [];
  /** Of the line that is not complete, and of the message that is open. */
  #pendingBytes = 0;
  #isTooLarge = false;
  #isFirst = true;
  #hasData = false;
  #isCut = false;
  #isUnterminated = false;

  constructor(sink: FrameSink, maxFrameBytes: number) {
    this.#sink = sink;
    this.#maxFrameBytes = maxFrameBytes;
    const ignore = (): void => undefined;
    this.#onLine = getMessages(ignore, ignore, ({ data }) => {
      this.#takeMessage(data);
    });
  }

  push(bytes: Uint8Array): void {
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE_BYTE); end !== -1; end = bytes.indexOf(NEWLINE_BYTE, start)) {
      const line = this.#join(bytes.subarray(start, end));
      if (line !== undefined) this.#takeLine(line);
      start = end + 1;
    }
    if (start < bytes.byteLength) this.#keep(bytes.subarray(start));
  }

  /** Ends the stream. Returns whether it ended between frames. */
  end(): boolean {
    const tail = this.#join(new Uint8Array(0));
    const isComplete = tail === undefined || tail.byteLength === 0 || this.#takeTail(tail);
    this.#flush();
    return isComplete && !this.#isCut;
  }

  #keep(bytes: Uint8Array): void {
    if (this.#isTooLarge) return;
    this.#fragments.push(bytes);
    this.#count(bytes.byteLength);
  }

  #count(bytes: number): void {
    this.#pendingBytes += bytes;
    if (this.#pendingBytes <= this.#maxFrameBytes || this.#isTooLarge) return;
    this.#isTooLarge = true;
    this.#fragments = [];
    this.#sink.malformed(tooLarge(this.#maxFrameBytes));
  }

  /** Returns the line that these bytes complete; `undefined` for the end of one that was dropped. */
  #join(last: Uint8Array): Uint8Array | undefined {
    if (this.#isTooLarge && !this.#hasData) {
      this.#isTooLarge = false;
      this.#pendingBytes = 0;
      return undefined;
    }
    if (this.#fragments.length === 0) return last;
    const line = concatBytes([...this.#fragments, last]);
    this.#fragments = [];
    if (!this.#hasData) this.#pendingBytes = 0;
    return line;
  }

  #takeLine(lineWithReturn: Uint8Array): void {
    let line = lineWithReturn.at(-1) === RETURN ? lineWithReturn.subarray(0, -1) : lineWithReturn;
    if (this.#isFirst && line[0] === 0xef && line[1] === 0xbb && line[2] === 0xbf) line = line.subarray(3);
    this.#isFirst = false;
    if (line.byteLength === 0) {
      this.#flush();
      return;
    }
    const bare = bareFrame(line);
    if (bare !== undefined) {
      this.#flush();
      takeFrame(bare, this.#sink);
      return;
    }
    const colon = line.indexOf(COLON);
    if (colon === 0) return;
    switch (decode(colon === -1 ? line.subarray(0, QUOTED_LENGTH) : line.subarray(0, colon))) {
      case "data":
        this.#hasData = true;
        this.#count(line.byteLength);
        break;
      case "event":
      case "id":
      case "retry":
        break;
      default:
        // The standard ignores unknown fields. execd sends none, so this is output that lost its frame.
        this.#sink.malformed(`a line is neither a frame nor an event-stream field: ${quote(decode(line))}`);
        return;
    }
    if (colon !== -1 && !this.#isTooLarge) this.#onLine(line, colon);
  }

  /** Takes a last line that has no newline. Returns whether it is complete. */
  #takeTail(line: Uint8Array): boolean {
    const text = decode(line).trim();
    if (text === "" || /^(?::|event:|id:|retry:)/.test(text)) return true;
    if (text.startsWith("{")) {
      this.#flush();
      const value = parseJson(text);
      if (value !== undefined) this.#sink.frame(value.json);
      return value !== undefined;
    }
    if (!text.startsWith("data:")) return false;
    this.#isUnterminated = true;
    this.#takeLine(line);
    return true;
  }

  /** Ends the message that is open, if one is. */
  #flush(): void {
    if (!this.#hasData) return;
    this.#onLine(new Uint8Array(0), -1);
    this.#hasData = false;
    this.#isTooLarge = false;
    this.#pendingBytes = 0;
  }

  // Several `data:` lines are one message to the standard, and several frames to servers that leave out blank lines.
  #takeMessage(data: string): void {
    if (data === "" || this.#isTooLarge) return;
    const whole = parseJson(data);
    if (whole !== undefined) {
      this.#sink.frame(whole.json);
      return;
    }
    const lines = data.split(NEWLINE);
    for (const [index, line] of lines.entries()) {
      const value = parseJson(line);
      if (value !== undefined) this.#sink.frame(value.json);
      else if (this.#isUnterminated && index === lines.length - 1) this.#isCut = true;
      else this.#sink.malformed(`the data of an event is not valid JSON: ${quote(line)}`);
    }
  }
}

/** Parses a line that is one frame. Most are plain output, for which the pattern takes half the time of `JSON.parse`. */
function takeFrame(line: string, sink: FrameSink): void {
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

/** Returns the text of a line that is a bare frame, perhaps indented. */
function bareFrame(line: Uint8Array): string | undefined {
  const [first] = line;
  if (first === BRACE) return decode(line);
  // Text may begin with any kind of blank; no field of the standard does.
  const isField = first !== undefined && first > 0x20 && first < 0x80;
  const text = isField ? "" : decode(line).trimStart();
  return text.startsWith("{") ? text : undefined;
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function tooLarge(maxFrameBytes: number): string {
  return `a frame exceeds maxFrameBytes of ${maxFrameBytes} bytes`;
}

function quote(text: string): string {
  return JSON.stringify(text.length > QUOTED_LENGTH ? `${text.slice(0, QUOTED_LENGTH)}…` : text);
}
