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

  start(marker: string): void {
    this.#marker = Buffer.from(marker, "hex");
  }

  print(stream: Stream, text: string | Uint8Array): void {
    // An empty batch marks that what was printed to the other stream came before.
    if (this.#printedTo !== undefined && this.#printedTo !== stream) this.send();
    this.#printedTo = stream;
    writeAll(DESCRIPTORS[stream], typeof text === "string" ? Buffer.from(text) : text);
  }

  send(...messages: readonly Message[]): void {
    this.#printedTo = undefined;
    for (const descriptor of Object.values(DESCRIPTORS)) writeAll(descriptor, this.#marker);
    this.tell(messages);
  }

  /** Sends a message that has no place in the order of output. */
  tell(message: unknown): void {
    writeAll(CHANNEL, Buffer.from(`${JSON.stringify(message)}\n`));
  }
}

function writeAll(descriptor: number, bytes: Uint8Array): void {
  for (let start = 0; start < bytes.length;) {
    try {
      start += writeSync(descriptor, bytes, start);
    } catch (error) {
      // A child process that runs Node may have made the shared pipe non-blocking.
      if (!(error instanceof Error && "code" in error && error.code === "EAGAIN")) process.abort();
      Atomics.wait(WAIT, 0, 0, 1);
    }
  }
}
