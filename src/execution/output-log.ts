/** A piece of output, as the server sent it. */
export interface OutputMessage {
  /** For code as printed; for commands one line without its newline (an empty line is `"\n"`). */
  readonly text: string;
  /** When it was printed, in milliseconds since 1970-01-01 UTC; 0 if the server sent no time. */
  readonly timestamp: number;
}

/** Which part of the output is kept if there is too much. */
export type KeepOutput = "head" | "tail" | "both";

/** The bound on the output that an execution keeps. */
export interface OutputBound {
  /** In bytes of UTF-8, for each of the two streams, for all results and for the error. */
  readonly maxBytes: number;
  readonly keep: KeepOutput;
}

/**
 * Returns how many objects a bound allows, since even an object with an empty text takes memory. At least 10,000 are
 * allowed.
 */
export function maxItemsOf({ maxBytes }: OutputBound): number {
  return Math.max(10_000, Math.ceil(maxBytes / 32));
}

/**
 * The messages of one output stream, up to a bound: the first ones, the last ones, or half of each. A message that does
 * not fit whole is cut.
 */
export class OutputLog {
  /** The number of bytes that were left out. */
  omittedBytes = 0;
  /** Whether anything is left out, messages without text included. */
  isTruncated = false;
  readonly #bound: OutputBound;
  readonly #head: OutputMessage[] = [];
  readonly #maxHeadMessages: number;
  #headRoom: number;
  #isHeadFull = false;
  #tail: OutputMessage[] = [];
  readonly #maxTailMessages: number;
  readonly #maxTailBytes: number;
  #tailBytes = 0;
  /** The number of dropped messages at the start of the tail. Removing each one immediately would be quadratic. */
  #dropped = 0;

  constructor(bound: OutputBound) {
    const { maxBytes, keep } = (this.#bound = bound);
    const share = { head: 1, tail: 0, both: 0.5 }[keep];
    const maxMessages = maxItemsOf(bound);
    this.#maxHeadMessages = Math.ceil(maxMessages * share);
    this.#maxTailMessages = maxMessages - this.#maxHeadMessages;
    this.#headRoom = Math.ceil(maxBytes * share);
    this.#maxTailBytes = maxBytes - this.#headRoom;
  }

  push(message: OutputMessage): void {
    const bytes = byteLength(message.text);
    if (this.#isHeadFull) {
      this.#pushToTail(message, bytes);
    } else if (bytes <= this.#headRoom && this.#head.length < this.#maxHeadMessages) {
      this.#head.push(message);
      this.#headRoom -= bytes;
    } else {
      this.#isHeadFull = true;
      const [text, rest] = cut(message.text, this.#headRoom);
      if (text !== "" && rest !== "") this.#head.push({ ...message, text });
      this.#pushToTail(rest === "" ? message : { ...message, text: rest }, byteLength(rest || text));
    }
  }

  /** Returns the kept messages in order, with a note where the middle was left out. */
  get messages(): readonly OutputMessage[] {
    const tail = this.#tail.slice(this.#dropped);
    if (!this.isTruncated || this.#bound.keep !== "both") return [...this.#head, ...tail];
    const { timestamp } = tail[0] ?? this.#head.at(-1) ?? { timestamp: 0 };
    return [...this.#head, { text: `\n[${this.omittedBytes} bytes left out]\n`, timestamp }, ...tail];
  }

  #pushToTail(message: OutputMessage, bytes: number): void {
    this.#tail.push(message);
    this.#tailBytes += bytes;
    for (;;) {
      const excess = this.#tailBytes - this.#maxTailBytes;
      const oldest = this.#tail[this.#dropped];
      const isOverfull = excess > 0 || this.#tail.length - this.#dropped > this.#maxTailMessages;
      if (!isOverfull || oldest === undefined) break;
      // Only as much of it as is necessary, unless there are too many messages.
      const text = excess > 0 ? cut(oldest.text, excess, "up")[1] : "";
      const omitted = byteLength(oldest.text) - byteLength(text);
      if (text === "") this.#dropped += 1;
      else this.#tail[this.#dropped] = { ...oldest, text };
      this.#tailBytes -= omitted;
      this.omittedBytes += omitted;
      this.isTruncated = true;
    }
    if (this.#dropped * 2 <= this.#tail.length) return;
    this.#tail = this.#tail.slice(this.#dropped);
    this.#dropped = 0;
  }
}

export function byteLength(text: string): number {
  return new TextEncoder().encode(text).byteLength;
}

/** Cuts a text at a number of bytes. A character at that place is not split: the cut is before it, or after it for `up`. */
export function cut(text: string, bytes: number, direction: "down" | "up" = "down"): [string, string] {
  const encoded = new TextEncoder().encode(text);
  const isInside = (at: number): boolean => ((encoded[at] ?? 0) & 0xc0) === 0x80;
  let at = bytes;
  while (at > 0 && at < encoded.length && isInside(at)) at += direction === "up" ? 1 : -1;
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  return [decoder.decode(encoded.subarray(0, at)), decoder.decode(encoded.subarray(at))];
}
