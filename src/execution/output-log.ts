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

/** The messages of one output stream, up to a bound. */
export class OutputLog {
  readonly #head: BoundedEnd;
  readonly #tail: BoundedEnd;
  readonly #marksGap: boolean;
  #totalBytes = 0;
  #totalMessages = 0;

  constructor(bound: OutputBound) {
    this.#marksGap = bound.keep === "both";
    const share = { head: 1, tail: 0, both: 0.5 }[bound.keep];
    const maxMessages = maxItemsOf(bound);
    const head = { maxBytes: Math.ceil(bound.maxBytes * share), maxMessages: Math.ceil(maxMessages * share) };
    this.#head = new BoundedEnd("head", head);
    this.#tail = new BoundedEnd("tail", {
      maxBytes: bound.maxBytes - head.maxBytes,
      maxMessages: maxMessages - head.maxMessages,
    });
  }

  push(message: OutputMessage): void {
    const bytes = byteLength(message.text);
    this.#totalBytes += bytes;
    this.#totalMessages += 1;
    const rest = this.#head.push(message, bytes);
    if (rest !== undefined) this.#tail.push(rest, rest === message ? bytes : byteLength(rest.text));
  }

  /** Returns the kept messages in order, with a note where the middle was left out. */
  get messages(): readonly OutputMessage[] {
    const [head, tail] = [this.#head.messages, this.#tail.messages];
    if (!this.#marksGap || !this.isTruncated) return [...head, ...tail];
    const { timestamp } = tail[0] ?? head.at(-1) ?? { timestamp: 0 };
    return [...head, { text: `\n[${this.omittedBytes} bytes left out]\n`, timestamp }, ...tail];
  }

  get isTruncated(): boolean {
    if (this.omittedBytes > 0) return true;
    // Messages without text may be left out, too. A message that is cut in two counts twice, but only if text is left out.
    return this.#totalMessages > this.#head.count + this.#tail.count;
  }

  /** Returns the number of bytes that were left out. */
  get omittedBytes(): number {
    return this.#totalBytes - this.#head.bytes - this.#tail.bytes;
  }
}

/** The first or the last messages of a stream, up to a number of bytes and of messages. */
class BoundedEnd {
  readonly #end: "head" | "tail";
  readonly #maxBytes: number;
  readonly #maxMessages: number;
  #messages: { readonly message: OutputMessage; readonly bytes: number }[] = [];
  /** The number of dropped messages at the start of the list. Removing each one immediately would be quadratic. */
  #dropped = 0;
  #bytes = 0;
  #isFull = false;

  constructor(end: "head" | "tail", limits: { readonly maxBytes: number; readonly maxMessages: number }) {
    this.#end = end;
    this.#maxBytes = limits.maxBytes;
    this.#maxMessages = limits.maxMessages;
  }

  get count(): number {
    return this.#messages.length - this.#dropped;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get messages(): OutputMessage[] {
    return this.#messages.slice(this.#dropped).map(({ message }) => message);
  }

  /** Adds a message. Returns the part that does not fit, if this is the head. */
  push(message: OutputMessage, bytes: number): OutputMessage | undefined {
    if (this.#end === "head") return this.#pushToHead(message, bytes);
    this.#add(message, bytes);
    this.#dropOldest();
    return undefined;
  }

  #pushToHead(message: OutputMessage, bytes: number): OutputMessage | undefined {
    if (this.#isFull) return message;
    const room = this.#maxBytes - this.#bytes;
    if (bytes <= room && this.count < this.#maxMessages) {
      this.#add(message, bytes);
      return undefined;
    }
    this.#isFull = true;
    if (bytes <= room) return message;
    const [text, rest] = cut(message.text, room);
    if (text !== "") this.#add({ ...message, text }, byteLength(text));
    return { ...message, text: rest };
  }

  #add(message: OutputMessage, bytes: number): void {
    this.#messages.push({ message, bytes });
    this.#bytes += bytes;
  }

  #dropOldest(): void {
    while (this.#bytes > this.#maxBytes || this.count > this.#maxMessages) {
      const oldest = this.#messages[this.#dropped];
      if (oldest === undefined) return;
      this.#dropped += 1;
      const { bytes } = oldest;
      this.#bytes -= bytes;
      if (this.#bytes >= this.#maxBytes || this.#bytes + bytes <= this.#maxBytes) continue;
      const { message } = oldest;
      const [, text] = cut(message.text, bytes - (this.#maxBytes - this.#bytes), "up");
      if (text === "") continue;
      const keptBytes = byteLength(text);
      this.#dropped -= 1;
      this.#messages[this.#dropped] = { message: { ...message, text }, bytes: keptBytes };
      this.#bytes += keptBytes;
      break;
    }
    if (this.#dropped * 2 <= this.#messages.length) return;
    this.#messages = this.#messages.slice(this.#dropped);
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
