import type { Http2Stream } from "node:http2";
import { Duplex } from "node:stream";
import { reset } from "./relay.js";

/**
 * The bytes of an HTTP/2 stream, as what reads and writes any socket expects them: a reset is an error. It takes text in
 * every encoding. Node.js 20 sends memory that was never written in place of text in Latin-1, such as HTTP/1 headers.
 */
export class ByteStream extends Duplex {
  readonly #inner: Http2Stream;

  constructor(inner: Http2Stream) {
    super({ allowHalfOpen: true });
    this.#inner = inner;
    inner.on("error", (error) => this.destroy(error));
    inner.on("data", (chunk: Buffer) => {
      if (!this.push(chunk)) inner.pause();
    });
    inner.once("end", () => this.push(null));
    inner.once("close", () => {
      if (!inner.readableEnded || !inner.writableFinished)
        this.destroy(new Error("the connection was reset"));
    });
    inner.pause();
  }

  override _read(): void {
    this.#inner.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#inner.write(chunk, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#inner.end(() => done());
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (error !== null || !this.readableEnded || !this.writableFinished) reset(this.#inner);
    done(error);
  }
}
