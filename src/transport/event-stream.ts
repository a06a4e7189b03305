import { getMessages } from "@microsoft/fetch-event-source/lib/cjs/parse.js";
import { parseJson } from "./json.js";

/**
 * Takes what the frames of an event stream decode to.
 *
 * A sink rather than a list, so that a stream of a million frames costs no list of a million wrappers.
 */
export interface FrameSink {
  /** A complete frame, parsed from JSON. */
  frame(value: unknown): void;
  /** A complete frame, or a line between frames, that cannot be understood. */
  malformed(reason: string): void;
}

const NEWLINE = "\n";
/** How much of a line an error message quotes. */
const QUOTED_LENGTH = 80;

/**
 * Decodes execd's event streams, whatever pieces the bytes come in.
 *
 * execd writes bare JSON objects, each followed by a blank line; servers and gateways that speak the standard format
 * put `data:` before them. Both are read, mixed too. Lines end at `\n` alone: U+0085, U+2028 and a lone CR are legal
 * inside a line.
 *
 * Time is linear in the number of bytes: the pieces of an unfinished line are kept in a list and joined once, when
 * its end has come, and no byte is looked at twice.
 */
export class EventStreamDecoder {
  readonly #sink: FrameSink;
  // Decodes a character that is cut between two chunks, and drops a byte order mark at the start.
  readonly #text = new TextDecoder();
  #fragments: string[] = [];
  #standard: StandardLines | undefined;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** Takes the next bytes and gives the sink every frame that they complete. */
  push(bytes: Uint8Array): void {
    this.#pushText(this.#text.decode(bytes, { stream: true }));
  }

  /**
   * Takes the end of the stream.
   *
   * @returns whether the stream ended between frames; a last frame without its newline is complete if it parses.
   */
  end(): boolean {
    this.#pushText(this.#text.decode());
    const tail = this.#takeFragments("").trim();
    let complete = true;
    if (tail !== "") complete = this.#takeTail(tail);
    return (this.#standard?.end() ?? true) && complete;
  }

  #pushText(text: string): void {
    let start = 0;
    for (let end = text.indexOf(NEWLINE); end !== -1; end = text.indexOf(NEWLINE, start)) {
      const piece = text.slice(start, end);
      this.#takeLine(this.#fragments.length === 0 ? piece : this.#takeFragments(piece));
      start = end + 1;
    }
    if (start < text.length) this.#fragments.push(start === 0 ? text : text.slice(start));
  }

  #takeFragments(last: string): string {
    this.#fragments.push(last);
    const line = this.#fragments.join("");
    this.#fragments = [];
    return line;
  }

  #takeLine(line: string): void {
    if (line.startsWith("{")) {
      this.#standard?.flush();
      this.#takeJson(line);
    } else if (line !== "" || this.#standard !== undefined) {
      this.#takeOtherLine(line);
    }
  }

  #takeOtherLine(line: string): void {
    const trimmed = line.trimStart();
    if (trimmed.startsWith("{")) return this.#takeLine(trimmed);
    this.#standard ??= new StandardLines(this.#sink);
    this.#standard.takeLine(line);
  }

  #takeTail(tail: string): boolean {
    if (!tail.startsWith("{")) {
      this.#standard ??= new StandardLines(this.#sink);
      return this.#standard.takeTail(tail);
    }
    this.#standard?.flush();
    const value = parseJson(tail);
    if (value === undefined) return false;
    this.#sink.frame(value.json);
    return true;
  }

  #takeJson(line: string): void {
    let frame: unknown;
    try {
      frame = JSON.parse(line);
    } catch {
      this.#sink.malformed(`a frame is not valid JSON: ${quote(line)}`);
      return;
    }
    this.#sink.frame(frame);
  }
}

/** The lines of a standard event stream (`data:` fields, comments, blank lines), given to Microsoft's parser. */
class StandardLines {
  readonly #sink: FrameSink;
  readonly #encoder = new TextEncoder();
  readonly #onLine: (line: Uint8Array, fieldLength: number) => void;
  #hasData = false;
  #cut = false;
  #unterminated = false;

  constructor(sink: FrameSink) {
    this.#sink = sink;
    const ignore = (): void => undefined;
    this.#onLine = getMessages(ignore, ignore, ({ data }) => this.#takeMessage(data));
  }

  takeLine(lineWithReturn: string): void {
    const line = lineWithReturn.endsWith("\r") ? lineWithReturn.slice(0, -1) : lineWithReturn;
    if (line === "") return this.flush();
    const colon = line.indexOf(":");
    if (colon === 0) return;
    switch (colon === -1 ? line : line.slice(0, colon)) {
      case "data":
        this.#hasData = true;
        break;
      case "event":
      case "id":
      case "retry":
        break;
      default:
        // The standard would have us ignore it; but execd never sends other fields, so it is output that lost its frame.
        this.#sink.malformed(`a line is neither a frame nor an event-stream field: ${quote(line)}`);
        return;
    }
    if (colon !== -1) this.#onLine(this.#encoder.encode(line), colon);
  }

  /** Takes a last line that has no newline; tells whether it is whole. */
  takeTail(line: string): boolean {
    if (/^(?::|event:|id:|retry:)/.test(line)) return true;
    if (!line.startsWith("data:")) return false;
    this.#unterminated = true;
    this.takeLine(line);
    return true;
  }

  /** Ends the message that is open, if one is. */
  flush(): void {
    if (!this.#hasData) return;
    this.#hasData = false;
    this.#onLine(new Uint8Array(0), -1);
  }

  /** Ends the stream; tells whether it ended between frames. */
  end(): boolean {
    this.flush();
    return !this.#cut;
  }

  // Several `data:` lines are one message to the standard, and several frames to servers that leave out blank lines.
  #takeMessage(data: string): void {
    if (data === "") return;
    const whole = parseJson(data);
    if (whole !== undefined) {
      this.#sink.frame(whole.json);
      return;
    }
    const lines = data.split(NEWLINE);
    for (const [index, line] of lines.entries()) {
      const value = parseJson(line);
      if (value !== undefined) this.#sink.frame(value.json);
      else if (this.#unterminated && index === lines.length - 1) this.#cut = true;
      else this.#sink.malformed(`the data of an event is not valid JSON: ${quote(line)}`);
    }
  }
}

function quote(text: string): string {
  return JSON.stringify(text.length > QUOTED_LENGTH ? `${text.slice(0, QUOTED_LENGTH)}…` : text);
}
