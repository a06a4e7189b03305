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

/** The number of characters of a line that an error message quotes. */
export const QUOTED_LENGTH = 80;
/** The most frequent frames, if nothing in them is escaped but a newline at the end; see {@link takeFrame}. */
const PLAIN_OUTPUT =
  // Raw control characters are invalid JSON; `JSON.parse` reports them.
  /^\{"type":"(stdout|stderr)","text":"([^"\\\u0000-\u001f]*)(\\n)?","timestamp":([1-9]\d{0,14})\}$/;
/** Longer lines are parsed as JSON: the pattern would cost more than it saves. */
const LONGEST_PLAIN_OUTPUT = 4_096;

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
