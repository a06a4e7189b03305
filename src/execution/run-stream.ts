import {
  SandboxApiException,
  SandboxConnectionException,
  SandboxException,
  SandboxTimeoutException,
} from "../errors.js";
import type { Logger } from "../logging.js";
import { onAbort } from "../transport/abort.js";
import { EventStreamDecoder } from "../transport/event-stream.js";
import { decodeFrame, type ExecutionEvent, type InBandError } from "./event.js";
import { Deferred, interruptUntilEnded, type Failure } from "./interrupt.js";
import type { RunSlot } from "./run-queue.js";

/** How long a stopped run may take to end before its request is cancelled. */
const STOP_LIMIT_MILLIS = 5_000;
/** What a timer can hold; a longer one would fire at once. */
const LONGEST_TIMER_MILLIS = 2 ** 31 - 1;
const STILL_RUNNING = {
  code: "REQUEST_TIMEOUT",
  message: `The run did not end within ${STOP_LIMIT_MILLIS / 1_000} s of being interrupted; it goes on.`,
};

/** Where the events of one run come from, and how it is stopped. */
export interface RunSource {
  /** Waits until the run may be sent. */
  acquire(signal: AbortSignal): Promise<RunSlot>;
  /** Sends the request; the answer's body is left as a stream. */
  open(signal: AbortSignal): Promise<ReadableStream<Uint8Array>>;
  /** Sends one interrupt, without retries. */
  interrupt(id: string, signal: AbortSignal): Promise<void>;
  /** What to interrupt before `init` has told the run's id; `undefined` waits for it. */
  readonly interruptId?: string | undefined;
  /**
   * What proves that the run is over. `/code` may send its completion before its output, so only a clean end of the
   * body counts; `/command` sends its terminal event last, and then keeps the response open for a second or more.
   */
  readonly endsAt: "end-of-stream" | "terminal-event";
  /** How long the first byte of the answer may take, in seconds; `null` = for ever. */
  readonly firstByteTimeoutSeconds: number | null;
  /** How long the stream may be silent after that, in seconds; execd pings every 3 s. `null` = for ever. */
  readonly idleTimeoutSeconds: number | null;
  /** The run's deadline, in seconds from sending; `undefined` = none. */
  readonly timeoutSeconds?: number | undefined;
  /** Ends the run when it fires. */
  readonly signal?: AbortSignal | undefined;
  readonly logger?: Logger | undefined;
}

/** Why a run was stopped before its end. */
export interface Stop extends Failure {
  /** The error is the caller's own: an abort reason, or what a handler threw. */
  readonly isForeign: boolean;
}

/**
 * One run's answer, read batch by batch, and everything that can end it.
 *
 * Reading is by pull: nothing is read from the wire while nobody waits for events, and the clock for silence runs only
 * while somebody does. Once it is stopped, the caller has its error at once, and what is left goes on here: reading
 * the answer to its end, undelivered, and interrupting the run on the server until it ends.
 */
export class RunStream {
  readonly #source: RunSource;
  readonly #request = new AbortController();
  readonly #queueing = new AbortController();
  readonly #decoder: EventStreamDecoder;
  readonly #unlink: () => void;
  readonly #initialized = new Deferred<string>();
  readonly #responseEnd = new Deferred<void>();
  readonly #ended = new Deferred<void>();
  readonly #interrupting = new Set<Promise<Failure | undefined>>();

  #slot: RunSlot | undefined;
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #pulling: Promise<void> | undefined;
  #batch: ExecutionEvent[] = [];
  #sent = false;
  #receivedBytes = false;
  /** The server has said that the run is complete, or that it failed. */
  #terminal = false;
  /** No further frame counts. */
  #closedToFrames = false;
  /** The answer is read to its end, or will not be read further. */
  #responseEnded = false;
  /** The caller's end: first in order, before events that are not delivered yet. */
  #stopped: Stop | undefined;
  /** The stream's own failure: comes after the events before it. */
  #failed: Failure | undefined;
  #wake: (() => void) | undefined;
  #silenceTimer: ReturnType<typeof setTimeout> | undefined;
  #deadlineTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(source: RunSource) {
    this.#source = source;
    this.#decoder = new EventStreamDecoder({
      frame: (value) => {
        this.#takeFrame(value);
      },
      malformed: (reason) => {
        this.#takeMalformed(reason);
      },
    });
    this.#unlink = onAbort(source.signal, (reason) => {
      this.stop(reason, { isForeign: true });
    });
    if (source.signal?.aborted) this.stop(source.signal.reason, { isForeign: true });
    else void this.#pull();
  }

  /** Settles when nothing of the run is left: the answer has ended and no interrupt is on its way. Never rejects. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Whether the request has left the queue. */
  get sent(): boolean {
    return this.#sent;
  }

  /** Gives the next events, `undefined` after the proven end of the run; throws what ended it otherwise. */
  async read(): Promise<ExecutionEvent[] | undefined> {
    for (;;) {
      if (this.#stopped !== undefined) throw this.#stopped.error;
      if (this.#batch.length > 0) {
        const batch = this.#batch;
        this.#batch = [];
        return batch;
      }
      if (this.#failed !== undefined) throw this.#failed.error;
      if (this.#responseEnded) return undefined;
      await this.#nextChange();
    }
  }

  /** What stopped the run before its end, if something did. */
  get stopped(): Stop | undefined {
    return this.#stopped;
  }

  /** Ends the run for the caller, who gets `error` at once; on the server it is interrupted in the background. */
  stop(error: unknown, { isForeign = false } = {}): void {
    if (this.#stopped !== undefined) return;
    this.#stopped = { error, isForeign };
    this.#batch = [];
    this.#wake?.();
    this.#giveUp();
  }

  /** Waits for a handler; a stop ends the waiting, and the handler's failure stops the run. */
  async unlessStopped(work: PromiseLike<void>): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      work.then(resolve, (error: unknown) => {
        this.stop(error, { isForeign: true });
        resolve();
      });
    });
    this.#wake = undefined;
    if (this.#stopped !== undefined) throw this.#stopped.error;
  }

  /**
   * Interrupts the run and waits for its end; events are delivered meanwhile.
   *
   * @throws what the last interrupt failed with, or a timeout, if the run has not ended after 5 s; it then goes on
   */
  async interrupt(signal?: AbortSignal): Promise<void> {
    if (this.#responseEnded) return this.ended;
    const limit = new AbortController();
    const timer = setTimeout(() => {
      limit.abort();
    }, STOP_LIMIT_MILLIS);
    const unlink = onAbort(signal, () => {
      limit.abort();
    });
    try {
      const failure = await this.#interruptUntilEnded(limit.signal);
      if (this.#responseEnded) return await this.ended;
      signal?.throwIfAborted();
      throw failure === undefined ? new SandboxTimeoutException(STILL_RUNNING) : failure.error;
    } finally {
      clearTimeout(timer);
      unlink();
    }
  }

  /** Waits for the next bytes, or for a stop. */
  async #nextChange(): Promise<void> {
    this.#armSilence();
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      void this.#pull().then(resolve);
    });
    this.#wake = undefined;
    this.#disarmSilence();
  }

  #pull(): Promise<void> {
    this.#pulling ??= this.#pullOnce().finally(() => (this.#pulling = undefined));
    return this.#pulling;
  }

  /** Gets one piece of the answer, sending the request before the first. Never rejects. */
  async #pullOnce(): Promise<void> {
    try {
      if (this.#reader === undefined) {
        await this.#send();
        const body = await this.#source.open(this.#request.signal);
        this.#reader = body.getReader();
      }
      const { done, value } = await this.#reader.read();
      if (done) {
        this.#takeEnd();
      } else {
        this.#receivedBytes = true;
        this.#decoder.push(value);
      }
    } catch (error) {
      this.#failed ??= { error };
      this.#endResponse();
    }
  }

  async #send(): Promise<void> {
    const slot = await this.#source.acquire(this.#queueing.signal);
    if (this.#queueing.signal.aborted) slot.release();
    this.#queueing.signal.throwIfAborted();
    this.#slot = slot;
    this.#sent = true;
    const { timeoutSeconds } = this.#source;
    if (timeoutSeconds !== undefined) {
      this.#deadlineTimer = startTimer(timeoutSeconds, () => {
        this.stop(
          new SandboxTimeoutException({
            code: "RUN_TIMEOUT",
            message: `The run did not end within its timeoutSeconds of ${timeoutSeconds} s.`,
          }),
        );
      });
    }
    if (this.#wake !== undefined) this.#armSilence();
  }

  #takeFrame(value: unknown): void {
    if (this.#closedToFrames) return;
    const decoded = decodeFrame(value);
    if ("event" in decoded) this.#takeEvent(decoded.event);
    else if ("inBandError" in decoded) this.#takeInBandError(decoded.inBandError);
    else this.#takeMalformed(decoded.malformed);
  }

  #takeEvent(event: ExecutionEvent): void {
    if (event.type === "init" && event.id !== "") {
      this.#slot?.joinContext(event.id);
      this.#initialized.resolve(event.id);
    } else if (event.type === "execution_complete" || event.type === "error") {
      this.#terminal = true;
    }
    if (this.#stopped === undefined && this.#failed === undefined) this.#batch.push(event);
    if (this.#terminal && this.#source.endsAt === "terminal-event") this.#cancelResponse();
  }

  #takeInBandError({ code, message }: InBandError): void {
    // A context that runs something else refuses at once, and nothing was run: trying again does no harm.
    const isRetryable = message.endsWith("session is busy");
    this.#failed ??= { error: new SandboxApiException({ code, message, statusCode: 200, isRetryable }) };
    this.#cancelResponse();
  }

  #takeMalformed(reason: string): void {
    if (this.#stopped !== undefined || this.#failed !== undefined) return;
    this.#failed = {
      error: new SandboxException({
        code: "STREAM_MALFORMED",
        message: `The event stream is malformed: ${reason}.`,
      }),
    };
    this.#giveUp();
  }

  #takeEnd(): void {
    const whole = this.#decoder.end();
    if (!whole || !this.#terminal) {
      this.#failed ??= {
        error: new SandboxConnectionException({
          code: "STREAM_CUT",
          message: whole
            ? "The event stream ended before the run was complete."
            : "The event stream ended inside a frame.",
        }),
      };
    }
    this.#endResponse();
  }

  /** The rest of the answer does not matter. */
  #cancelResponse(): void {
    this.#closedToFrames = true;
    // Its failure would say nothing: the response is given up either way.
    this.#reader?.cancel().catch(() => undefined);
    this.#endResponse();
  }

  #endResponse(): void {
    if (this.#responseEnded) return;
    this.#responseEnded = true;
    this.#responseEnd.resolve();
    this.#disarm();
    // An interrupt that is still on its way would hit the context's next run.
    void Promise.all(this.#interrupting).then(() => {
      this.#slot?.release();
      this.#ended.resolve();
    });
  }

  #disarm(): void {
    this.#unlink();
    this.#disarmSilence();
    clearTimeout(this.#deadlineTimer);
  }

  #armSilence(): void {
    this.#disarmSilence();
    const { firstByteTimeoutSeconds, idleTimeoutSeconds } = this.#source;
    const seconds = this.#receivedBytes ? idleTimeoutSeconds : firstByteTimeoutSeconds;
    if (seconds === null || !this.#sent) return;
    this.#silenceTimer = startTimer(seconds, () => {
      const message = `No byte of the event stream came for ${seconds} s.`;
      this.#source.logger?.warn(message);
      this.stop(new SandboxTimeoutException({ code: "STREAM_STALLED", message }));
    });
  }

  #disarmSilence(): void {
    clearTimeout(this.#silenceTimer);
  }

  /** Lets go of a run whose caller has its error: out of the queue, or interrupted until it ends. */
  #giveUp(): void {
    this.#disarm();
    this.#queueing.abort();
    if (this.#responseEnded) return;
    if (!this.#sent) return this.#endResponse();
    const limit = setTimeout(() => {
      this.#request.abort();
      this.#endResponse();
    }, STOP_LIMIT_MILLIS);
    void this.ended.then(() => {
      clearTimeout(limit);
    });
    void this.#interruptUntilEnded(this.#request.signal);
    void this.#drain();
  }

  async #drain(): Promise<void> {
    while (!this.#responseEnded) await this.#pull();
  }

  #interruptUntilEnded(limit: AbortSignal): Promise<Failure | undefined> {
    const interrupting = interruptUntilEnded({
      id: this.#source.interruptId ?? this.#initialized.promise,
      send: (id) => this.#source.interrupt(id, limit),
      ended: this.#responseEnd.promise,
      limit,
    });
    this.#interrupting.add(interrupting);
    return interrupting;
  }
}

function startTimer(seconds: number, onTime: () => void): ReturnType<typeof setTimeout> {
  return setTimeout(onTime, Math.min(seconds * 1_000, LONGEST_TIMER_MILLIS));
}
