import { getMessages } from "@microsoft/fetch-event-source/lib/cjs/parse.js";
import { parseJson } from "../json.js";
import { type FrameSink, quote, QUOTED_LENGTH, takeFrame, tooLarge } from "./event-stream.js";
import { concatBytes } from "./response-body.js";

const NEWLINE = "\n";
const NEWLINE_BYTE = 0x0a;
const RETURN = 0x0d;
const COLON = 0x3a;
const BRACE = 0x7b;

/** The lines of a standard event stream (`data:` fields, comments, blank lines), given to Microsoft's parser. */
export class StandardLines {
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
