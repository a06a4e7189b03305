import type { OutputMessage } from "./execution.js";

/** Which part of too much output is kept. */
export type KeepOutput = "head" | "tail" | "both";

/** How much output an execution keeps. */
export interface OutputBound {
  /** In bytes of UTF-8, for each of the two streams. */
  readonly maxBytes: number;
  readonly keep: KeepOutput;
}

/** The messages of one output stream, all of them or as many as a bound allows. */
export class OutputLog {
  readonly #kept: OutputMessage[] = [];
  readonly #head: BoundedEnd | undefined;
  readonly #tail: BoundedEnd | undefined;
  readonly #marksGap: boolean;
  #totalBytes = 0;

  constructor(bound?: OutputBound) {
    this.#marksGap = bound?.keep === "both";
    if (bound === undefined) return;
    const { maxBytes, keep } = bound;
    const headBytes = keep === "head" ? maxBytes : keep === "tail" ? 0 : Math.ceil(maxBytes / 2);
    this.#head = new BoundedEnd(headBytes, "head");
    this.#tail = new BoundedEnd(maxBytes - headBytes, "tail");
  }

  push(message: OutputMessage): void {
    if (this.#head === undefined || this.#tail === undefined) {
      this.#kept.push(message);
      return;
    }
    const bytes = byteLength(message.text);
    this.#totalBytes += bytes;
    const rest = this.#head.push(message, bytes);
    if (rest !== undefined) this.#tail.push(rest, rest === message ? bytes : byteLength(rest.text));
  }

  /** What is kept, in order; where the middle is left out, a message in its place says so. */
  get messages(): readonly OutputMessage[] {
    if (this.#head === undefined || this.#tail === undefined) return this.#kept;
    const [head, tail] = [this.#head.messages, this.#tail.messages];
    if (!this.#marksGap || !this.isTruncated) return [...head, ...tail];
    const { timestamp } = tail[0] ?? head.at(-1) ?? { timestamp: 0 };
    return [...head, { text: `\n[${this.omittedBytes} bytes left out]\n`, timestamp }, ...tail];
  }

  get isTruncated(): boolean {
    return this.omittedBytes > 0;
  }

  /** How much is left out. */
  get omittedBytes(): number {
    return this.#totalBytes - (this.#head?.bytes ?? 0) - (this.#tail?.bytes ?? 0);
  }
}

/** The first or the last messages of a stream, up to a number of bytes. */
class BoundedEnd {
  readonly #maxBytes: number;
  readonly #end: "head" | "tail";
  #messages: { readonly message: OutputMessage; readonly bytes: number }[] = [];
  /** How many of the messages are dropped already: taking each out of the list at once would be quadratic. */
  #dropped = 0;
  #bytes = 0;
  #isFull = false;

  constructor(maxBytes: number, end: "head" | "tail") {
    this.#maxBytes = maxBytes;
    this.#end = end;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get messages(): OutputMessage[] {
    return this.#messages.slice(this.#dropped).map(({ message }) => message);
  }

  /** Takes a message; gives what has no room in a head. */
  push(message: OutputMessage, bytes: number): OutputMessage | undefined {
    if (this.#end === "head") return this.#pushToHead(message, bytes);
    this.#add(message, bytes);
    this.#dropOldest();
    return undefined;
  }

  #pushToHead(message: OutputMessage, bytes: number): OutputMessage | undefined {
    if (this.#isFull) return message;
    const room = this.#maxBytes - this.#bytes;
    if (bytes <= room) {
      this.#add(message, bytes);
      return undefined;
    }
    this.#isFull = true;
    const [text, rest] = cut(message.text, room);
    if (text !== "") this.#add({ ...message, text }, byteLength(text));
    return { ...message, text: rest };
  }

  #add(message: OutputMessage, bytes: number): void {
    this.#messages.push({ message, bytes });
    this.#bytes += bytes;
  }

  #dropOldest(): void {
    while (this.#bytes > this.#maxBytes) {
      const oldest = this.#messages[this.#dropped];
      if (oldest === undefined) return;
      this.#dropped += 1;
      this.#bytes -= oldest.bytes;
      if (this.#bytes >= this.#maxBytes) continue;
      const { message, bytes } = oldest;
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

function byteLength(text: string): number {
  return new TextEncoder().encode(text).byteLength;
}

/** Cuts a text at a number of bytes, and never inside a character: before the one there, or (`up`) behind it. */
function cut(text: string, bytes: number, direction: "down" | "up" = "down"): [string, string] {
  const encoded = new TextEncoder().encode(text);
  const isInside = (at: number): boolean => ((encoded[at] ?? 0) & 0xc0) === 0x80;
  let at = bytes;
  while (at > 0 && at < encoded.length && isInside(at)) at += direction === "up" ? 1 : -1;
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  return [decoder.decode(encoded.subarray(0, at)), decoder.decode(encoded.subarray(at))];
}
