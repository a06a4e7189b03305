import { StringDecoder } from "node:string_decoder";
import type { OutputPipe } from "../pipes.js";
import { OutputMerge } from "./output-merge.js";
import type { Message } from "./messages.js";

// Output that arrives before its messages is held. Beyond this many bytes, its writer has to wait.
const HELD_LIMIT = 2 ** 20;

type Stream = "stdout" | "stderr";
const STREAMS = ["stdout", "stderr"] as const;

/** Receives a kernel's output. */
export interface OutputTarget {
  readonly text: (stream: Stream, text: string) => void;
  readonly message: (message: Message) => void;
}

/** The two pipes that a kernel writes to, merged with the batches of messages from its channel. */
export class KernelOutput {
  readonly #pipes: Readonly<Record<Stream, OutputPipe>>;
  readonly #decoders = { stdout: new StringDecoder("utf8"), stderr: new StringDecoder("utf8") };
  readonly #merge: OutputMerge<Message> | undefined;
  readonly #target: OutputTarget;
  #isWanted = true;
  #flowing = true;

  /** @param marker - what the kernel writes to both pipes before each batch; `undefined` if it writes none */
  constructor(
    stdout: OutputPipe,
    stderr: OutputPipe,
    { marker, target }: { marker: Buffer | undefined; target: OutputTarget },
  ) {
    this.#pipes = { stdout, stderr };
    this.#target = target;
    const raw = (stream: Stream, bytes: Buffer) => target.text(stream, this.#decoders[stream].write(bytes));
    const merge =
      marker && new OutputMerge<Message>(marker, { raw, message: (each) => target.message(each) });
    this.#merge = merge;
    for (const stream of STREAMS) {
      this.#pipes[stream].listen((chunk) => {
        if (merge === undefined) return raw(stream, chunk);
        merge.pushBytes(stream, chunk);
        this.#reflow();
      });
    }
  }

  /** The files that the kernel's process opens. Call {@link closeWriteEnds} when it has. */
  get writeNames(): Readonly<Record<Stream, string>> {
    return { stdout: this.#pipes.stdout.writeName, stderr: this.#pipes.stderr.writeName };
  }

  closeWriteEnds(): void {
    for (const pipe of Object.values(this.#pipes)) pipe.closeWriteEnd();
  }

  pushBatch(batch: readonly Message[]): void {
    if (this.#merge === undefined) {
      // Without markers, all that is certain is that what was printed before the batch is in the pipes by now.
      this.finish();
      for (const message of batch) this.#target.message(message);
    } else {
      this.#merge.pushBatch(batch);
      this.#reflow();
    }
  }

  setFlowing(isWanted: boolean): void {
    this.#isWanted = isWanted;
    this.#reflow();
  }

  /** Delivers what is in the pipes. What is written later is dropped and reported to `onLate`. */
  finish(onLate?: () => void): void {
    for (const pipe of Object.values(this.#pipes)) pipe.finish(onLate);
    this.#merge?.end();
    this.finishText();
  }

  /** Drops what is in the pipes and what is written later. */
  discard(): void {
    for (const pipe of Object.values(this.#pipes)) {
      pipe.listen(() => undefined);
      pipe.finish();
    }
  }

  /** Delivers incomplete characters as replacement characters. */
  finishText(): void {
    for (const stream of STREAMS) this.#target.text(stream, this.#decoders[stream].end());
  }

  #reflow(): void {
    const flowing = this.#isWanted && (this.#merge?.heldBytes ?? 0) < HELD_LIMIT;
    if (flowing === this.#flowing) return;
    this.#flowing = flowing;
    for (const pipe of Object.values(this.#pipes)) pipe.setFlowing(flowing);
  }
}
