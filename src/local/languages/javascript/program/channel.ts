import { writeSync } from "node:fs";

const CHANNEL = 3;
const WAIT = new Int32Array(new SharedArrayBuffer(4));

export type Stream = "stdout" | "stderr";
const DESCRIPTORS = { stdout: 1, stderr: 2 } as const;

/** A message to the supervisor that keeps its place in the order of output. */
export type Message =
  | {
      readonly type: "result";
      readonly count: number | null;
      readonly data: Readonly<Record<string, unknown>>;
    }
  | ({ readonly type: "error" } & RunError)
  | { readonly type: "done" };

/** The error of a run. */
export interface RunError {
  readonly ename: string;
  readonly evalue: string;
  readonly traceback: readonly string[];
}

/**
 * Sends output and messages to the supervisor. Printed text is written to its descriptor at once, so that none is lost
 * however the process ends; a marker on both descriptors before each batch of messages keeps the order.
 */
export class Channel {
  #marker: Buffer = Buffer.alloc(0);
  #printedTo: Stream | undefined;
  /**
   * What is still to be written, in order. An interrupt can terminate this thread anywhere, also here; the next call then
   * continues where it stopped. Otherwise a marker without its batch would hold up all later output.
   */
  readonly #queue: Write[] = [];
  /** The latest run whose end was sent. */
  #ended = 0;

  start(marker: string): void {
    this.#marker = Buffer.from(marker, "hex");
  }

  print(stream: Stream, text: string | Uint8Array): void {
    // An empty batch marks that what was printed to the other stream came before.
    if (this.#printedTo !== undefined && this.#printedTo !== stream) this.send();
    this.#printedTo = stream;
    this.#write(toWrite(DESCRIPTORS[stream], typeof text === "string" ? Buffer.from(text) : text));
  }

  send(...messages: readonly Message[]): void {
    this.#printedTo = undefined;
    this.#write(...this.#batch(messages));
  }

  /** Sends the last messages of a run, unless that was done already. */
  end(run: number, ...messages: readonly Message[]): void {
    const writes = this.#batch(messages);
    this.#printedTo = undefined;
    // Nothing can come between these two: code is terminated only where a function begins or a loop repeats.
    if (run > this.#ended) {
      this.#ended = run;
      this.#queue.push(...writes);
    }
    this.flush();
  }

  /** Sends a message that has no place in the order of output. */
  tell(message: unknown): void {
    this.#write(toWrite(CHANNEL, encode(message)));
  }

  /** Writes what a terminated call left. */
  flush(): void {
    for (let next; (next = this.#queue[0]) !== undefined;) {
      if (next.start === next.bytes.length) this.#queue.shift();
      else writeSome(next);
    }
  }

  #batch(messages: readonly Message[]): Write[] {
    const markers = Object.values(DESCRIPTORS).map((descriptor) => toWrite(descriptor, this.#marker));
    return [...markers, toWrite(CHANNEL, encode(messages))];
  }

  #write(...writes: readonly Write[]): void {
    this.#queue.push(...writes);
    this.flush();
  }
}

/** Bytes for a descriptor, of which those before `start` are written. */
interface Write {
  readonly descriptor: number;
  readonly bytes: Uint8Array;
  start: number;
}

function toWrite(descriptor: number, bytes: Uint8Array): Write {
  return { descriptor, bytes, start: 0 };
}

function encode(message: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(message)}\n`);
}

function writeSome(write: Write): void {
  try {
    write.start += writeSync(write.descriptor, write.bytes, write.start);
  } catch (error) {
    // A child process that runs Node may have made the shared pipe non-blocking.
    if (!(error instanceof Error && "code" in error && error.code === "EAGAIN")) process.abort();
    Atomics.wait(WAIT, 0, 0, 1);
  }
}
