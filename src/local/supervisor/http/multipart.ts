import type { Readable } from "node:stream";

const CRLF = Buffer.from("\r\n");
const BLANK_LINE = Buffer.from("\r\n\r\n");
const LONGEST_HEADER = 16 * 1024;

/** One part of a form. */
export interface Part {
  readonly name: string;
  /** `undefined` for a field that is not a file. */
  readonly filename: string | undefined;
  /** Must be read to its end before the next part. */
  readonly content: AsyncIterable<Buffer>;
}

/** A form that is incomplete or invalid. */
export class MalformedForm extends Error {}

/** Returns the boundary in a content type. @throws {MalformedForm} in the words of Go's parser */
export function boundaryOf(contentType: string | undefined): string {
  if (!/^multipart\/form-data\s*(;|$)/i.test(contentType ?? "")) {
    throw new MalformedForm("request Content-Type isn't multipart/form-data");
  }
  const boundary = parameters(contentType ?? "").get("boundary") ?? "";
  if (boundary === "") throw new MalformedForm("no multipart boundary param in Content-Type");
  return boundary;
}

/** Reads a form part by part, holding at most one chunk in memory. @throws {MalformedForm} */
export async function* readMultipart(source: Readable, boundary: string): AsyncGenerator<Part, void> {
  const reader = new Reader(source);
  const delimiter = Buffer.from(`\r\n--${boundary}`);
  // Text before the first delimiter is ignored.
  await drain(reader.until(delimiter));
  for (;;) {
    if (await reader.startsWith("--")) return;
    const disposition = await reader.readDisposition();
    const content = reader.until(delimiter);
    yield { name: disposition.get("name") ?? "", filename: disposition.get("filename"), content };
    // Skip the part of the content that was not read.
    await drain(content);
  }
}

async function drain(pieces: AsyncIterable<Buffer>): Promise<void> {
  const iterator = pieces[Symbol.asyncIterator]();
  while ((await iterator.next()).done !== true);
}

class Reader {
  readonly #source: AsyncIterator<Buffer, undefined>;
  // The first delimiter may be on the first line, without a line break before it.
  #held: Buffer = CRLF;

  constructor(source: Readable) {
    // No encoding is set, so it yields bytes.
    this.#source = source[Symbol.asyncIterator]() as AsyncIterator<Buffer, undefined>;
  }

  /** Yields the bytes up to a delimiter, and consumes it. */
  async *until(delimiter: Buffer): AsyncGenerator<Buffer, void> {
    for (;;) {
      const index = this.#held.indexOf(delimiter);
      if (index !== -1) {
        const before = this.#held.subarray(0, index);
        this.#held = this.#held.subarray(index + delimiter.length);
        if (before.length > 0) yield before;
        return;
      }
      // The end of the held bytes may be the start of the delimiter.
      const certain = this.#held.length - delimiter.length + 1;
      if (certain > 0) {
        const piece = this.#held.subarray(0, certain);
        this.#held = this.#held.subarray(certain);
        yield piece;
      }
      await this.#more();
    }
  }

  async startsWith(text: string): Promise<boolean> {
    while (this.#held.length < text.length) await this.#more();
    return this.#held.toString("latin1", 0, text.length) === text;
  }

  /** Reads the headers of a part and returns the parameters of its `Content-Disposition`. */
  async readDisposition(): Promise<Map<string, string>> {
    let end = this.#held.indexOf(BLANK_LINE);
    while (end === -1) {
      if (this.#held.length > LONGEST_HEADER) throw new MalformedForm("multipart: message too large");
      await this.#more();
      end = this.#held.indexOf(BLANK_LINE);
    }
    const header = this.#held.toString("utf8", 0, end);
    this.#held = this.#held.subarray(end + BLANK_LINE.length);
    const [, value = ""] = /(?:^|\r\n)content-disposition:([^\r\n]*)/i.exec(header) ?? [];
    return parameters(value);
  }

  async #more(): Promise<void> {
    const { done, value } = await this.#source.next();
    if (done === true) throw new MalformedForm("unexpected EOF");
    this.#held = this.#held.length === 0 ? value : Buffer.concat([this.#held, value]);
  }
}

/** Parses the parameters of a header. For `filename*` only its presence matters. An empty name is ignored. */
function parameters(value: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const [, name = "", quoted, bare = ""] of value.matchAll(
    /;\s*([^=\s;]+)\s*=\s*(?:"((?:\\.|[^"\\])*)"|([^;]*))/g,
  )) {
    const text = quoted === undefined ? bare.trim() : quoted.replace(/\\(.)/g, "$1");
    if (text !== "") found.set(name.toLowerCase().replace(/\*$/, ""), text);
  }
  return found;
}
