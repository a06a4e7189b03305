import { writeSync } from "node:fs";

const CHANNEL = 3;
const WAIT = new Int32Array(new SharedArrayBuffer(4));

export type Stream = "stdout" | "stderr";
const DESCRIPTORS = { stdout: 1, stderr: 2 } as const;

/** What goes to the supervisor in the order of its making. */
export type Message =
  | {
      readonly type: "result";
      readonly count: number | null;
      readonly data: Readonly<Record<string, unknown>>;
    }
  | ({ readonly type: "error" } & RunError)
  | { readonly type: "done" };

/** How a run failed. */
export interface RunError {
  readonly ename: string;
  readonly evalue: string;
  readonly traceback: readonly string[];
}

/**
 * What this process says. Printed text goes straight to its descriptor, so that none is left behind however the process
 * ends; the marker on both descriptors before each batch of messages keeps the order.
 */
export class Channel {
  #marker: Buffer = Buffer.alloc(0);
  #printedTo: Stream | undefined;

  start(marker: string): void {
    this.#marker = Buffer.from(marker, "hex");
  }

  print(stream: Stream, text: string | Uint8Array): void {
    // An empty batch says that what was printed to the other one came before.
    if (this.#printedTo !== undefined && this.#printedTo !== stream) this.send();
    this.#printedTo = stream;
    writeAll(DESCRIPTORS[stream], typeof text === "string" ? Buffer.from(text) : text);
  }

  send(...messages: readonly Message[]): void {
    this.#printedTo = undefined;
    for (const descriptor of Object.values(DESCRIPTORS)) writeAll(descriptor, this.#marker);
    this.tell(messages);
  }

  /** Sends what has no place in the order of output. */
  tell(message: unknown): void {
    writeAll(CHANNEL, Buffer.from(`${JSON.stringify(message)}\n`));
  }
}

function writeAll(descriptor: number, bytes: Uint8Array): void {
  for (let start = 0; start < bytes.length;) {
    try {
      start += writeSync(descriptor, bytes, start);
    } catch (error) {
      // A child process of Node's may have made the pipe that it shares with us non-blocking.
      if (!(error instanceof Error && "code" in error && error.code === "EAGAIN")) process.abort();
      Atomics.wait(WAIT, 0, 0, 1);
    }
  }
}
