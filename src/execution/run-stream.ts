import {
  SandboxApiException,
  SandboxConnectionException,
  SandboxException,
  SandboxTimeoutException,
} from "../errors.js";
import type { Logger } from "../logging.js";
import { onAbort, raceAbort } from "../transport/abort.js";
import { EventStreamDecoder } from "../transport/event-stream.js";
import { requestIdOfBody } from "../transport/response.js";
import { leaveStream } from "../transport/stream-body.js";
import { startTimer } from "../transport/timeout.js";
import { decodeFrame, type ExecutionEvent, type InBandError } from "./event.js";
import { Deferred, interruptUntilEnded, type Failure } from "./interrupt.js";
import type { RunSlot } from "./run-queue.js";

/** How long a stopped run may take to end before its request is cancelled. In seconds. */
const STOP_LIMIT_SECONDS = 5;
/**
 * How long the rest of an answer that does not matter is waited for, in the background: execd keeps a command's open
 * for a second or more. In seconds.
 */
const LEAVE_LIMIT_SECONDS = 0.02;
const STILL_RUNNING = {
  code: "REQUEST_TIMEOUT",
  message: `The run did not end within ${STOP_LIMIT_SECONDS} s of being interrupted; it goes on.`,
};

/** Where the events of one run come from, and how it is stopped. */
export interface RunSource {
  /** Waits until the run may be sent. */
  acquire(signal: AbortSignal): Promise<RunSlot>;
  /** Sends the request; the answer's body is left as a stream. */
  open(signal: AbortSignal): Promise<ReadableStream<Uint8Array>>;
  /** Sends one interrupt, without retries; `undefined` where the server ends the run when its request is cancelled. */
  readonly interrupt: ((id: string, signal: AbortSignal) => Promise<void>) | undefined;
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
  /** Ends the waiting for a turn, and then the request. */
  readonly #request = new AbortController();
  readonly #decoder: EventStreamDecoder;
  readonly #unlink: () => void;
  readonly #initialized = new Deferred<string>();
  readonly #ended = new Deferred<void>();
  readonly #interrupting = new Set<Promise<Failure | undefined>>();

  #slot: RunSlot | undefined;
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #requestId: string | undefined;
  #pulling: Promise<void> | undefined;
  #batch: ExecutionEvent[] = [];
  #sent = false;
  /** The answer is read to its end, or will not be read further. */
  #isOver = false;
  /** Aborts then; made where it is asked for, as few runs are interrupted and each signal costs. */
  #responseEnd: AbortController | undefined;
  #receivedBytes = false;
  /** The server has said that the run is complete, or that it failed. */
  #terminal = false;
  /** No further frame counts. */
  #closedToFrames = false;
  /** The caller's end: first in order, before events that are not delivered yet. */
  #stopped: Stop | undefined;
  /** The stream's own failure: comes after the events before it. */
  #failed: Failure | undefined;
  #wake: (() => void) | undefined;
  #cancelRest = (): void => undefined;
  #stopSilenceTimer = (): void => undefined;
  #stopDeadlineTimer = (): void => undefined;

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

  /** The server's name for the request, once its answer has begun. */
  get requestId(): string | undefined {
    return this.#requestId;
  }

  /** Whether the request has left the queue. */
  get sent(): boolean {
    return this.#sent;
  }

  /** Whether the server can be told to end the run while its answer is read on. */
  get canBeInterrupted(): boolean {
    return this.#source.interrupt !== undefined;
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
      if (this.#failed !== undefined || this.#hasEnded()) {
        // Not before: an abort counts for as long as there are events to deliver.
        this.#unlink();
        if (this.#failed !== undefined) throw this.#failed.error;
        return undefined;
      }
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
    this.#unlink();
    this.#wake?.();
    this.#giveUp();
  }

  /** Waits for a handler; a stop ends the waiting, and the handler's failure stops the run. Never rejects. */
  async untilSettledOrStopped(work: Promise<unknown>): Promise<void> {
    await new Promise<unknown>((resolve) => {
      this.#wake = () => {
        resolve(undefined);
      };
      work.then(resolve, (error: unknown) => {
        this.stop(error, { isForeign: true });
        resolve(undefined);
      });
    });
    this.#wake = undefined;
  }

  /**
   * Interrupts the run and waits for its end. The answer is read on meanwhile, also while nobody takes its events: a
   * handler may be what waits here.
   *
   * @throws what the last interrupt failed with, or a timeout, if the run has not ended after 5 s; it then goes on
   */
  async interrupt(signal?: AbortSignal): Promise<void> {
    // A stopped run is being interrupted already.
    if (this.#hasEnded() || this.#stopped !== undefined) {
      await (signal === undefined ? this.ended : raceAbort(signal, this.ended));
      return;
    }
    const limit = new AbortController();
    const end = (): void => {
      limit.abort();
    };
    const stopTimer = startTimer(STOP_LIMIT_SECONDS, end);
    const unlink = onAbort(signal, end);
    try {
      void this.#drain(limit.signal);
      const failure = await this.#interruptUntilEnded(limit.signal);
      if (this.#hasEnded()) {
        await this.ended;
        return;
      }
      signal?.throwIfAborted();
      throw failure === undefined ? new SandboxTimeoutException(STILL_RUNNING) : failure.error;
    } finally {
      stopTimer();
      unlink();
    }
  }

  // A method, since the compiler takes a property for unchanged across a wait.
  #hasEnded(): boolean {
    return this.#isOver;
  }

  /** Waits for the next bytes, or for a stop. */
  async #nextChange(): Promise<void> {
    this.#armSilence();
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      void this.#pull().then(resolve);
    });
    this.#wake = undefined;
    this.#stopSilenceTimer();
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
        this.#requestId = requestIdOfBody(body);
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
    const { signal } = this.#request;
    const slot = await this.#source.acquire(signal);
    if (signal.aborted) slot.release();
    signal.throwIfAborted();
    this.#slot = slot;
    this.#sent = true;
    const { timeoutSeconds } = this.#source;
    if (timeoutSeconds !== undefined) {
      this.#stopDeadlineTimer = startTimer(timeoutSeconds, () => {
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
    if (this.#terminal && this.#source.endsAt === "terminal-event") this.#leaveResponse();
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

  /** The rest of the answer does not matter; but where it ends soon, its connection serves the next request. */
  #leaveResponse(): void {
    this.#closedToFrames = true;
    if (this.#reader !== undefined) this.#cancelRest = leaveStream(this.#reader, LEAVE_LIMIT_SECONDS);
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
    if (this.#hasEnded()) return;
    this.#isOver = true;
    this.#responseEnd?.abort();
    this.#disarm();
    // An interrupt that is still on its way would hit the context's next run.
    void Promise.all(this.#interrupting).then(() => {
      this.#slot?.release();
      this.#ended.resolve();
    });
  }

  #disarm(): void {
    this.#stopSilenceTimer();
    this.#stopDeadlineTimer();
  }

  #armSilence(): void {
    this.#stopSilenceTimer();
    const { firstByteTimeoutSeconds, idleTimeoutSeconds } = this.#source;
    const seconds = this.#receivedBytes ? idleTimeoutSeconds : firstByteTimeoutSeconds;
    if (!this.#sent) return;
    this.#stopSilenceTimer = startTimer(seconds, () => {
      const message = `No byte of the event stream came for ${seconds ?? 0} s.`;
      this.#source.logger?.warn(message);
      this.stop(new SandboxTimeoutException({ code: "STREAM_STALLED", message }));
    });
  }

  /** Lets go of a run whose caller has its error: out of the queue, or interrupted until it ends. */
  #giveUp(): void {
    this.#disarm();
    this.#cancelRest();
    if (this.#hasEnded()) return;
    if (!this.#sent) return this.#cancelRequest();
    if (this.#source.interrupt === undefined) return this.#cancelRequest();
    const stopTimer = startTimer(STOP_LIMIT_SECONDS, () => {
      this.#cancelRequest();
    });
    // Also what an interrupt may take that is on its way when the answer ends.
    void this.ended.then(stopTimer);
    void this.#interruptUntilEnded(this.#request.signal);
    void this.#drain();
  }

  #cancelRequest(): void {
    this.#request.abort();
    this.#endResponse();
  }

  async #drain(limit?: AbortSignal): Promise<void> {
    while (!this.#hasEnded() && limit?.aborted !== true) await this.#pull();
  }

  #interruptUntilEnded(limit: AbortSignal): Promise<Failure | undefined> {
    const { interrupt, interruptId } = this.#source;
    this.#responseEnd ??= new AbortController();
    if (this.#isOver) this.#responseEnd.abort();
    const interrupting = interruptUntilEnded({
      id: interruptId ?? this.#initialized.promise,
      send: (id) => interrupt?.(id, limit) ?? Promise.resolve(),
      ended: this.#responseEnd.signal,
      limit,
    });
    this.#interrupting.add(interrupting);
    return interrupting;
  }
}
