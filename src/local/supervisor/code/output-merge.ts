type Stream = "stdout" | "stderr";
const STREAMS = ["stdout", "stderr"] as const;
const MARK = Symbol("marker");

/** Receives the merged output. */
export interface MergeTarget<Message> {
  raw(stream: Stream, bytes: Buffer): void;
  message(message: Message): void;
}

/**
 * Merges what a kernel writes to its two descriptors with the messages from its channel.
 *
 * Before each batch of messages the kernel writes a marker to both descriptors. A batch is delivered once both markers
 * have arrived, and bytes after a marker wait for its batch. So everything is delivered in the order in which it was
 * written, whichever of the three is read first.
 */
export class OutputMerge<Message> {
  readonly #marker: Buffer;
  readonly #target: MergeTarget<Message>;
  readonly #queues: Record<Stream, (Buffer | typeof MARK)[]> = { stdout: [], stderr: [] };
  readonly #tails: Record<Stream, Buffer> = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };
  readonly #batches: (readonly Message[])[] = [];
  #ended = false;

  constructor(marker: Buffer, target: MergeTarget<Message>) {
    this.#marker = marker;
    this.#target = target;
  }

  pushBytes(stream: Stream, chunk: Buffer): void {
    const bytes = this.#tails[stream].length === 0 ? chunk : Buffer.concat([this.#tails[stream], chunk]);
    const queue = this.#queues[stream];
    let start = 0;
    for (let found; (found = bytes.indexOf(this.#marker, start)) !== -1;) {
      if (found > start) queue.push(bytes.subarray(start, found));
      queue.push(MARK);
      start = found + this.#marker.length;
    }
    const cut = bytes.length - this.#beginningOfMarker(bytes, start);
    if (cut > start) queue.push(bytes.subarray(start, cut));
    this.#tails[stream] = bytes.subarray(cut);
    this.#advance();
  }

  pushBatch(batch: readonly Message[]): void {
    this.#batches.push(batch);
    this.#advance();
  }

  /** Delivers everything that is held, since no marker will follow: the process has ended and its output is complete. */
  end(): void {
    this.#ended = true;
    for (const stream of STREAMS) {
      const tail = this.#tails[stream];
      if (tail.length > 0) this.#queues[stream].push(tail);
      this.#tails[stream] = Buffer.alloc(0);
    }
    this.#advance();
  }

  /** The number of bytes that wait for a batch. */
  get heldBytes(): number {
    let total = 0;
    for (const stream of STREAMS) {
      for (const item of this.#queues[stream]) if (item !== MARK) total += item.length;
    }
    return total;
  }

  #advance(): void {
    for (;;) {
      for (const stream of STREAMS) this.#deliverUpToMark(stream);
      const batch = this.#batches[0];
      const complete = STREAMS.every((stream) => this.#queues[stream].length > 0 || this.#ended);
      if (!complete) return;
      if (batch === undefined && !this.#ended) return;
      if (batch === undefined && STREAMS.every((stream) => this.#queues[stream].length === 0)) return;
      this.#batches.shift();
      for (const stream of STREAMS) this.#queues[stream].shift();
      for (const message of batch ?? []) this.#target.message(message);
    }
  }

  #deliverUpToMark(stream: Stream): void {
    const queue = this.#queues[stream];
    for (let item; (item = queue[0]) !== undefined && item !== MARK;) {
      queue.shift();
      this.#target.raw(stream, item);
    }
  }

  /** How many bytes at the end may be the beginning of a marker whose rest has not come yet. */
  #beginningOfMarker(bytes: Buffer, start: number): number {
    const longest = Math.min(this.#marker.length - 1, bytes.length - start);
    for (let length = longest; length > 0; length--) {
      if (bytes.subarray(bytes.length - length).equals(this.#marker.subarray(0, length))) return length;
    }
    return 0;
  }
}
