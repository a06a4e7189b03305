import { InvalidArgumentException } from "../errors.js";
import { keepFailure, toNodeStream } from "./platform.js";
import type { RequestBody, StreamedBody } from "./request.js";
import type { IdleTimer } from "./timeout.js";

/** Blobs and strings come as a single chunk, however large; while one is on its way, no progress can be seen. */
const LARGEST_PIECE_BYTES = 64 * 1024;

/** Bytes in any form that can be sent; text goes as UTF-8. A stream and an iterable can be read once. */
export type ByteSource =
  | string
  | ArrayBuffer
  | ArrayBufferView
  | Blob
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array | string>;

/** A part of a {@link SegmentedBody}. */
export interface Segment {
  readonly data: ByteSource;
  /** How many bytes it has, if the data has no size of its own; sending fails for any other number. */
  readonly size?: number | undefined;
  /** For messages. */
  readonly name: string;
}

type SendOptions = Parameters<StreamedBody["send"]>[1];

interface Source {
  readonly name: string;
  readonly size: number | undefined;
  /** The data, if it can be read again; `undefined` for what can be read only once. */
  readonly part: Uint8Array<ArrayBuffer> | Blob | undefined;
  readonly chunks: () => Iterable<unknown> | AsyncIterable<unknown>;
  /** Releases what will not be read to its end. */
  readonly release: () => void;
}

/** A body made of others, sent one after the other. Nothing is read before the network asks for it. */
export class SegmentedBody implements StreamedBody, AsyncIterable<Uint8Array> {
  readonly type: string;
  readonly size: number | undefined;
  readonly isReplayable: boolean;
  readonly #sources: readonly Source[];
  #isReleased = false;
  #failure: { readonly error: unknown } | undefined;

  /** @throws {InvalidArgumentException} for data of another kind, or a stream that has a reader already */
  constructor(segments: readonly Segment[], type: string) {
    this.type = type;
    this.#sources = segments.map(toSource);
    const readOnce = segments.filter((_, index) => this.#sources[index]?.part === undefined);
    if (new Set(readOnce.map(({ data }) => data)).size < readOnce.length) {
      throw new InvalidArgumentException("The same stream was given twice; it can be read once.");
    }
    this.isReplayable = readOnce.length === 0;
    this.size = this.#sources.reduce<number | undefined>(
      (sum, { size }) => (sum === undefined || size === undefined ? undefined : sum + size),
      0,
    );
  }

  /** Returns what a source has thrown, which is the caller's own error and not the network's. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#failure;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array<ArrayBuffer>, undefined> {
    try {
      for (const source of this.#sources) {
        for await (const bytes of read(source)) {
          // The platform may continue to read what it no longer sends, without end if the source has none.
          if (this.#isReleased) return undefined;
          yield bytes;
        }
      }
    } catch (error) {
      this.#failure ??= { error };
      throw error;
    }
    return undefined;
  }

  send(headers: Record<string, string>, { idle, isCustomFetch }: SendOptions): RequestBody {
    headers["content-type"] = this.type;
    // Without a length, chunked encoding is used, which some gateways reject.
    if (this.size !== undefined) headers["content-length"] = String(this.size);
    const stream = this.stream(idle);
    // Every `fetch` for Node takes a stream of Node's; `node-fetch` takes no other.
    return isCustomFetch ? toNodeStream(stream) : stream;
  }

  /** Returns its bytes. They are read as fast as they are consumed. */
  stream(idle?: IdleTimer): ReadableStream<Uint8Array> {
    const iterator = this[Symbol.asyncIterator]();
    let isCancelled = false;
    return new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          // The stream has no buffer, so a pull means that the socket has taken the piece before.
          idle?.stop();
          const { done, value } = await iterator.next();
          // The attempt is over, and the timer is the next one's.
          if (isCancelled) return;
          idle?.start();
          if (done === true) controller.close();
          else controller.enqueue(value);
        },
        cancel() {
          isCancelled = true;
          // Not awaited: it waits for a source that may never produce anything.
          iterator.return(undefined).catch(() => undefined);
        },
      },
      { highWaterMark: 0 },
    );
  }

  /** Returns the whole body, for platforms that cannot send streams. Does not read blobs. */
  async blob(): Promise<Blob> {
    const parts: (Uint8Array<ArrayBuffer> | Blob)[] = [];
    try {
      for (const source of this.#sources) {
        if (source.part !== undefined) parts.push(source.part);
        else for await (const chunk of read(source)) parts.push(chunk);
      }
    } catch (error) {
      this.#failure ??= { error };
      throw error;
    }
    return new Blob(parts, { type: this.type });
  }

  /** Ends the sources that have not been read to their end; idempotent. */
  release(): void {
    this.#isReleased = true;
    for (const source of this.#sources) source.release();
  }
}

async function* read({ name, size, chunks }: Source): AsyncGenerator<Uint8Array<ArrayBuffer>, undefined> {
  let count = 0;
  const refuse = (what: string) => new InvalidArgumentException(`${name} ${what}.`);
  for await (const chunk of chunks()) {
    const bytes = typeof chunk === "string" ? new TextEncoder().encode(chunk) : viewOf(chunk);
    if (bytes === undefined) throw refuse("yielded a chunk that is neither bytes nor text");
    count += bytes.byteLength;
    if (size !== undefined && count > size) throw refuse(`has more than its declared size of ${size} bytes`);
    for (let start = 0; start < bytes.byteLength; start += LARGEST_PIECE_BYTES) {
      yield bytes.subarray(start, start + LARGEST_PIECE_BYTES);
    }
  }
  if (size !== undefined && count < size)
    throw refuse(`has ${count} bytes, but its declared size is ${size}`);
  return undefined;
}

function toSource({ name, data, size }: Segment): Source {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : viewOf(data);
  const part = bytes ?? (isBlob(data) ? data : undefined);
  if (part !== undefined) {
    const known = "size" in part ? part.size : part.byteLength;
    if (size !== undefined && size !== known) {
      throw new InvalidArgumentException(`${name} has ${known} bytes, but its declared size is ${size}.`);
    }
    const chunks = () => ("stream" in part ? new StreamReader(part.stream()) : [part]);
    return { name, size: known, part, chunks, release: () => undefined };
  }
  if (isStream(data)) {
    if (data.locked) throw new InvalidArgumentException(`${name} is locked to another reader.`);
    const reader = new StreamReader(data);
    return { name, size, part, chunks: () => reader, release: () => reader.cancel() };
  }
  if (isAsyncIterable(data)) {
    keepFailure(data);
    return { name, size, part, chunks: () => data, release: () => destroy(data) };
  }
  throw new InvalidArgumentException(
    `${name} must be text, bytes, a Blob, a stream or an async iterable of bytes.`,
  );
}

// Not the stream's own iterator: some browsers lack it, and `cancel` cannot end its pending read.
class StreamReader implements AsyncIterable<unknown> {
  readonly #stream: ReadableStream<unknown>;
  #reader: ReadableStreamDefaultReader<unknown> | undefined;

  constructor(stream: ReadableStream<unknown>) {
    this.#stream = stream;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<unknown, undefined> {
    const reader = (this.#reader = this.#stream.getReader());
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return undefined;
        yield value;
      }
    } finally {
      this.cancel();
    }
  }

  cancel(): void {
    (this.#reader ?? this.#stream).cancel().catch(() => undefined);
  }
}

// By their shape, not their class: Node, polyfills and test environments bring classes of their own.
function viewOf(value: unknown): Uint8Array<ArrayBuffer> | undefined {
  if (ArrayBuffer.isView(value)) {
    // Memory that is shared with other threads is sent like any other.
    return new Uint8Array(value.buffer as ArrayBuffer, value.byteOffset, value.byteLength);
  }
  return isArrayBuffer(value) ? new Uint8Array(value) : undefined;
}

function isArrayBuffer(value: unknown): value is ArrayBuffer {
  return Object.prototype.toString.call(value) === "[object ArrayBuffer]";
}

function isBlob(value: unknown): value is Blob {
  return has(value, "stream") && has(value, "size");
}

function isStream(value: unknown): value is ReadableStream<unknown> {
  return has(value, "getReader");
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> & {
  readonly destroy?: () => unknown;
} {
  return has(value, Symbol.asyncIterator);
}

function destroy(value: { readonly destroy?: () => unknown }): void {
  // Node's streams have it: they hold a file or a socket, read or not.
  if (typeof value.destroy === "function") value.destroy();
}

function has(value: unknown, key: PropertyKey): boolean {
  return typeof value === "object" && value !== null && key in value;
}
