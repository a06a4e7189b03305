import { isRecord } from "../json.js";
import { SandboxException } from "../errors.js";
import { startTimer, type IdleTimer } from "./timeout.js";

/** What {@link ResponseBody} reads from: a web stream's reader, or an adapter with the same methods. */
interface ChunkReader {
  read(): Promise<{ readonly done: boolean; readonly value?: unknown }>;
  cancel(): Promise<unknown>;
}

const END = { done: true, value: undefined } as const;

/** What a {@link ResponseBody} belongs to. */
export interface BodyOwner {
  /** Ends the reading, with its own reason. */
  readonly signal: AbortSignal;
  /** Returns the error for a body that broke. */
  brokenBody(cause: unknown): unknown;
  /** Called once, when the body has ended: by itself, or because its reader cancelled it. */
  bodyEnded(isCancelled: boolean): void;
}

/** A response whose body is read as it arrives. */
export interface StreamedResponse {
  readonly body: ResponseBody;
  readonly headers: Headers;
  /** The server's name for the request, if it sent one. */
  readonly requestId: string | undefined;
  /** Whether there may be a proxy, which ends a response in order although the server behind it is gone. */
  readonly isProxied: boolean;
}

/** The body of a response, read chunk by chunk and only as fast as it is asked for. */
export class ResponseBody {
  readonly #reader: ChunkReader;
  readonly #owner: BodyOwner;
  readonly #idle: IdleTimer | undefined;
  // A custom `fetch` may not honour the signal; cancelling ends a pending read in any case.
  readonly #cancelReader = (): void => {
    // It may have failed already: either way there is nothing left to do.
    this.#reader.cancel().catch(() => undefined);
  };
  #isEnded = false;

  /** @param idle runs while a chunk is awaited */
  constructor(body: unknown, owner: BodyOwner, idle?: IdleTimer) {
    this.#reader = readerOf(body);
    this.#owner = owner;
    this.#idle = idle;
    owner.signal.addEventListener("abort", this.#cancelReader, { once: true });
  }

  /**
   * Gets the next chunk, `undefined` at the end.
   *
   * @throws the signal's reason, or the owner's error for a broken body
   */
  async read(): Promise<Uint8Array | undefined> {
    const { signal } = this.#owner;
    try {
      signal.throwIfAborted();
      this.#idle?.start();
      const { done, value } = this.#isEnded ? END : await this.#reader.read();
      this.#idle?.stop();
      signal.throwIfAborted();
      if (done) {
        this.#end();
        return undefined;
      }
      if (ArrayBuffer.isView(value)) return value as Uint8Array;
      const message = "the response body yielded a chunk that is not binary";
      throw new SandboxException({ code: "UNEXPECTED_RESPONSE", message });
    } catch (error) {
      this.#end();
      if (signal.aborted) throw signal.reason;
      this.#cancelReader();
      throw this.#owner.brokenBody(error);
    }
  }

  /** Closes the response, whatever is left of it; idempotent. */
  cancel(): void {
    this.#end(true);
    this.#cancelReader();
  }

  /**
   * Reads the rest of the body in the background and drops it, so that its connection is reused. Cancels the body if it
   * takes longer.
   *
   * @returns a function that cancels it at once
   */
  drain(seconds: number): () => void {
    const cancel = (): void => {
      stopTimer();
      this.cancel();
    };
    const stopTimer = startTimer(seconds, cancel);
    const readOn = async (): Promise<void> => {
      while ((await this.read()) !== undefined);
    };
    readOn().then(stopTimer, stopTimer);
    return cancel;
  }

  /** Reads the rest of the body and returns it in one piece. */
  async readAll(): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    for (let chunk = await this.read(); chunk !== undefined; chunk = await this.read()) chunks.push(chunk);
    return concatBytes(chunks);
  }

  #end(isCancelled = false): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#idle?.dispose();
    this.#owner.signal.removeEventListener("abort", this.#cancelReader);
    this.#owner.bodyEnded(isCancelled);
  }
}

/** Returns whether a value can be read as a body: a web stream that has no reader yet, or an async iterable such as a Node stream. */
export function isReadableBody(body: unknown): boolean {
  if (body === null || body === undefined) return body === null;
  if (!isRecord(body)) return false;
  return "getReader" in body ? body["locked"] === false : Symbol.asyncIterator in body;
}

/** Closes a response that is not read, to free its connection. */
export function discardBody({ body }: { readonly body: unknown }): void {
  if (isReadableBody(body))
    readerOf(body)
      .cancel()
      .catch(() => undefined);
}

function readerOf(body: unknown): ChunkReader {
  // A custom `fetch` may return a response without a body.
  if (typeof body !== "object" || body === null) {
    return { read: () => Promise.resolve(END), cancel: () => Promise.resolve() };
  }
  if ("getReader" in body) return (body as ReadableStream<unknown>).getReader();
  // `node-fetch` has Node's streams for bodies.
  const chunks = body as AsyncIterable<unknown> & { readonly destroy?: () => void };
  const iterator: AsyncIterator<unknown, unknown> = chunks[Symbol.asyncIterator]();
  return {
    read: async () => {
      const next = await iterator.next();
      return next.done === true ? END : { done: false, value: next.value };
    },
    // Not `return()`, which waits for a pending read.
    cancel: () => {
      chunks.destroy?.();
      return Promise.resolve();
    },
  };
}

/** Joins chunks. */
export function concatBytes(chunks: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(chunks.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return whole;
}
