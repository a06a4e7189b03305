import {
  SandboxApiException,
  SandboxConnectionException,
  SandboxException,
  SandboxTimeoutException,
} from "../errors.js";
import type { Logger } from "../logging.js";
import { onAbort, raceAbort, sleep, withLimit } from "../transport/abort.js";
import { EventStreamDecoder, type FrameSink } from "../transport/event-stream.js";
import type { StreamedResponse } from "../transport/streams.js";
import { startTimer } from "../transport/timeout.js";
import { decodeFrame, type ExecutionEvent, type InBandError } from "./event.js";
import { interruptUntilEnded, type Failure } from "./interrupt.js";
import type { Interruptible, RunSlot } from "./run-queue.js";

/** How long a stopped run may take to end before its request is cancelled. In seconds. */
const STOP_LIMIT_SECONDS = 5;
/**
 * How long the rest of a response that does not matter is waited for, in the background: execd keeps a command's open
 * for a second or more. In seconds.
 */
const LEAVE_LIMIT_SECONDS = 0.02;
/** The first wait before a run is sent again to a context that is not free yet; each later one is twice as long. */
const BUSY_WAIT_MILLIS = 50;
const STILL_RUNNING = {
  code: "REQUEST_TIMEOUT",
  message: `The run did not end within ${STOP_LIMIT_SECONDS} s of being interrupted; it continues.`,
};

/** Where the events of one run come from, and how it is stopped. */
export interface RunSource {
  /** Waits until the run may be sent. */
  acquire(signal: AbortSignal): Promise<RunSlot>;
  /** Sends the request; aborting the controller ends it, and an end of the request aborts the controller. */
  open(controller: AbortController): Promise<StreamedResponse>;
  /** Sends one interrupt, without retries; `undefined` where the server ends the run when its request is cancelled. */
  readonly interrupt: ((id: string, signal: AbortSignal) => Promise<void>) | undefined;
  /** What to interrupt before `init` has told the run's id; `undefined` waits for it. */
  readonly interruptId?: string | undefined;
  /**
   * What proves that the run is over. `/code` may send its completion before its output, so only a clean end of the
   * body counts; `/command` sends its terminal event last, and then keeps the response open for a second or more.
   */
  readonly endsAt: "end-of-stream" | "terminal-event";
  /** Checks whether the server still responds, without retries; rejects if it does not. */
  readonly ping?: ((signal: AbortSignal) => Promise<void>) | undefined;
  /** How long the first byte of the response may take, in seconds; `null` disables. */
  readonly firstByteTimeoutSeconds: number | null;
  /** How long the stream may be silent after that, in seconds; execd pings every 3 s. `null` disables. */
  readonly idleTimeoutSeconds: number | null;
  /** The run's deadline, in seconds from sending; `undefined` = none. */
  readonly timeoutSeconds?: number | undefined;
  /** The most bytes that one event may have. @default the decoder's */
  readonly maxFrameBytes?: number | undefined;
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
 * One run's response, read batch by batch, and everything that can end it.
 *
 * Reading is by pull: nothing is read from the wire while nobody waits for events, and the timer for silence runs only
 * while somebody does. Once it is stopped, the caller has its error at once, and the rest happens here: reading the
 * response to its end, undelivered, and interrupting the run on the server until it ends.
 */
export class RunStream implements Interruptible {
  readonly #source: RunSource;
  /** Ends the waiting for a turn, and then the request. */
  readonly #request = new AbortController();
  readonly #unlink: (() => void) | undefined;
  readonly #sink: FrameSink = {
    frame: (value) => {
      this.#takeFrame(value);
    },
    output: (type, text, timestamp) => {
      if (!this.#closedToFrames) this.#takeEvent({ type, text, timestamp });
    },
    malformed: (reason) => {
      this.#takeMalformed(reason);
    },
  };
  // Lists rather than promises, which few runs need.
  readonly #initWaiters: ((id: string) => void)[] = [];
  readonly #endWaiters: (() => void)[] = [];
  readonly #interrupting = new Set<Promise<unknown>>();

  #decoder: EventStreamDecoder;
  #slot: RunSlot | undefined;
  #response: StreamedResponse | undefined;
  #id: string | undefined;
  #pulling: Promise<void> | undefined;
  #batch: ExecutionEvent[] = [];
  #sent = false;
  #isReleased = false;
  /** The response is read to its end, or will not be read further. */
  #isOver = false;
  /** Aborts then; made where it is asked for, as few runs are interrupted and each signal costs. */
  #responseEnd: AbortController | undefined;
  #receivedBytes = false;
  /** Whether the server has sent that the run is complete or has failed, and whether that was its last event. */
  #terminal: "none" | "last" | "before-others" = "none";
  /** No further frame counts. */
  #closedToFrames = false;
  /** The response was lost while the run may continue on the server. */
  #isLost = false;
  #busyWaitMillis = BUSY_WAIT_MILLIS;
  #isBusy = false;
  /** The caller's end: first in order, before events that are not delivered yet. */
  #stopped: Stop | undefined;
  /** The stream's own failure: comes after the events before it. */
  #failed: Failure | undefined;
  #wake: (() => void) | undefined;
  #cancelRest: (() => void) | undefined;
  #stopSilenceTimer: (() => void) | undefined;
  #stopDeadlineTimer: (() => void) | undefined;

  constructor(source: RunSource) {
    this.#source = source;
    this.#decoder = new EventStreamDecoder(this.#sink, source);
    const { signal } = source;
    this.#unlink = signal && onAbort(signal, (reason) => this.stop(reason, { isForeign: true }));
    if (signal?.aborted) this.stop(signal.reason, { isForeign: true });
    else void this.#pull();
  }

  /** Settles when nothing of the run is left: the response has ended and no interrupt is on its way. Never rejects. */
  get ended(): Promise<void> {
    return this.#isReleased ? Promise.resolve() : new Promise((resolve) => this.#endWaiters.push(resolve));
  }

  /** The server's name for the request, known once its response has begun. */
  get requestId(): string | undefined {
    return this.#response?.requestId;
  }

  /** Whether the request has left the queue. */
  get sent(): boolean {
    return this.#sent;
  }

  /** Whether the server can be told to end the run while its response is read on. */
  get canBeInterrupted(): boolean {
    return this.#source.interrupt !== undefined;
  }

  /** What stopped the run before its end, if something did. */
  get stopped(): Stop | undefined {
    return this.#stopped;
  }

  /** Returns the next events, or `undefined` after the proven end of the run; throws what ended it otherwise. */
  async read(): Promise<ExecutionEvent[] | undefined> {
    for (;;) {
      if (this.#stopped !== undefined) throw this.#stopped.error;
      if (this.#batch.length > 0 && !this.#isProvisional()) {
        const batch = this.#batch;
        this.#batch = [];
        return batch;
      }
      if (this.#failed !== undefined || this.#isOver) {
        // Not before: an abort counts for as long as there are events to deliver.
        this.#unlink?.();
        if (this.#failed !== undefined) throw this.#failed.error;
        return undefined;
      }
      await this.#nextChange();
    }
  }

  /** Ends the run for the caller, who gets `error` at once. On the server it is interrupted in the background. */
  stop(error: unknown, { isForeign = false } = {}): void {
    if (this.#stopped !== undefined) return;
    this.#stopped = { error, isForeign };
    this.#batch = [];
    this.#unlink?.();
    this.#wake?.();
    this.#abandon();
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
   * Interrupts the run and waits for its end. The response is read on meanwhile, also while nobody takes its events: a
   * handler may be what waits here.
   *
   * @throws what the last interrupt failed with, or a timeout, if the run has not ended after 5 s; it then continues
   */
  async interrupt(signal?: AbortSignal): Promise<void> {
    const id = this.#source.interruptId ?? this.#id;
    if (this.#isLost && id !== undefined) {
      await this.#interruptLost(id, signal);
      return;
    }
    // A stopped run is being interrupted already.
    if (this.#isOver || this.#stopped !== undefined) {
      await (signal === undefined ? this.ended : raceAbort(signal, this.ended));
      return;
    }
    await withLimit({ seconds: STOP_LIMIT_SECONDS, signal }, async (limit) => {
      void this.#drain(limit);
      const failure = await this.#interruptUntilEnded(limit);
      if (this.#hasEnded()) {
        await this.ended;
        return;
      }
      signal?.throwIfAborted();
      throw failure === undefined ? new SandboxTimeoutException(STILL_RUNNING) : failure.error;
    });
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
    this.#stopSilenceTimer?.();
  }

  #pull(): Promise<void> {
    this.#pulling ??= this.#pullOnce();
    return this.#pulling;
  }

  /** Gets one piece of the response, sending the request before the first. Never rejects. */
  async #pullOnce(): Promise<void> {
    try {
      this.#slot ??= await this.#takeTurn();
      this.#response ??= await this.#source.open(this.#request);
      const chunk = await this.#response.body.read();
      if (chunk === undefined) {
        await this.#takeEnd();
      } else {
        this.#receivedBytes = true;
        this.#decoder.push(chunk);
        if (this.#isBusy) await this.#waitWhileBusy();
      }
    } catch (error) {
      this.#failed ??= { error };
      this.#endResponse({
        isLost: this.#response !== undefined && error instanceof SandboxConnectionException,
      });
    } finally {
      this.#pulling = undefined;
    }
  }

  async #takeTurn(): Promise<RunSlot> {
    const { signal } = this.#request;
    const { interruptId, timeoutSeconds } = this.#source;
    const slot = await this.#source.acquire(signal);
    if (signal.aborted) slot.release();
    signal.throwIfAborted();
    if (interruptId !== undefined) slot.joinContext(interruptId, this);
    this.#sent = true;
    if (timeoutSeconds !== undefined) {
      const message = `The run did not end within its timeoutSeconds of ${timeoutSeconds} s.`;
      this.#stopDeadlineTimer = startTimer(timeoutSeconds, () => {
        this.stop(new SandboxTimeoutException({ code: "RUN_TIMEOUT", message }));
      });
    }
    if (this.#wake !== undefined) this.#armSilence();
    return slot;
  }

  #takeFrame(value: unknown): void {
    if (this.#closedToFrames) return;
    const decoded = decodeFrame(value);
    if ("inBandError" in decoded) {
      this.#takeInBandError(decoded.inBandError);
      return;
    }
    if ("malformed" in decoded) {
      this.#takeMalformed(decoded.malformed);
      return;
    }
    this.#takeEvent(decoded.event);
  }

  #takeEvent(event: ExecutionEvent): void {
    if (event.type === "execution_complete" || event.type === "error") {
      this.#terminal = "last";
    } else {
      if (this.#terminal === "last") this.#terminal = "before-others";
      if (event.type === "init" && event.id !== "") {
        this.#id = event.id;
        this.#slot?.joinContext(event.id, this);
        for (const resolve of this.#initWaiters.splice(0)) resolve(event.id);
      }
    }
    if (this.#stopped === undefined && this.#failed === undefined) this.#batch.push(event);
    if (this.#terminal === "last" && this.#source.endsAt === "terminal-event") this.#leaveResponse();
  }

  #takeInBandError({ code, message }: InBandError): void {
    // A context that runs something else refuses at once, and nothing was run: trying again does no harm.
    const isBusy = message.endsWith("session is busy");
    if (isBusy && this.#stopped === undefined && this.#isProvisional()) {
      this.#isBusy = true;
      return;
    }
    this.#failed ??= {
      error: new SandboxApiException({ code, message, statusCode: 200, isRetryable: isBusy }),
    };
    this.#cancelResponse();
  }

  #takeMalformed(reason: string): void {
    if (this.#stopped !== undefined || this.#failed !== undefined) return;
    const message = `The event stream is malformed: ${reason}.`;
    this.#failed = { error: new SandboxException({ code: "STREAM_MALFORMED", message }) };
    this.#abandon();
  }

  async #takeEnd(): Promise<void> {
    const isWhole = this.#decoder.end();
    if (this.#isBusy) {
      await this.#waitWhileBusy();
      return;
    }
    if (this.#stopped !== undefined || this.#failed !== undefined) {
      this.#endResponse();
      return;
    }
    if (!isWhole) {
      this.#takeCut("ended inside a frame");
      return;
    }
    if (this.#terminal === "none") {
      this.#takeCut("ended before the run was complete");
      return;
    }
    // A proxy ends the response of a dead sandbox in order. If the completion came last, nothing can be missing; otherwise
    // the run is over only if the server is still there.
    if (this.#terminal === "before-others" && this.#response?.isProxied === true) {
      try {
        await this.#source.ping?.(this.#request.signal);
      } catch (cause) {
        this.#takeCut("ended in order behind a proxy, but the sandbox no longer responds", cause);
        return;
      }
    }
    this.#endResponse();
  }

  #takeCut(how: string, cause?: unknown): void {
    const message = `The event stream ${how}.`;
    this.#failed = { error: new SandboxConnectionException({ code: "STREAM_CUT", message, cause }) };
    this.#endResponse({ isLost: true });
  }

  /** Tells whether the events so far may be discarded: a context that is busy reports it after its first events. */
  #isProvisional(): boolean {
    if (this.#slot === undefined || this.#slot.unsettledUntil <= performance.now()) return false;
    return !this.#isOver && this.#batch.every(({ type }) => type === "init" || type === "ping");
  }

  /** Interrupts what a lost run has left in the context, waits a moment and sends the run again. */
  async #waitWhileBusy(): Promise<void> {
    const { signal } = this.#request;
    const id = this.#source.interruptId ?? this.#id;
    this.#isBusy = false;
    this.#batch = [];
    this.#receivedBytes = false;
    const { body } = this.#response ?? {};
    if (id !== undefined) await this.#source.interrupt?.(id, signal).catch(() => undefined);
    await sleep(this.#busyWaitMillis, signal);
    this.#busyWaitMillis *= 2;
    // It ends by itself: cancelling it would abort the controller, which is the next request's too.
    while (body !== undefined && (await body.read()) !== undefined);
    this.#decoder = new EventStreamDecoder(this.#sink, this.#source);
    this.#response = undefined;
  }

  /** Leaves the rest of the response. It is read on for a moment: if it ends by then, its connection is reused. */
  #leaveResponse(): void {
    this.#closedToFrames = true;
    const body = this.#response?.body;
    const cancel = (): void => {
      stopTimer();
      body?.cancel();
    };
    const stopTimer = startTimer(LEAVE_LIMIT_SECONDS, cancel);
    const readOn = async (): Promise<void> => {
      while ((await body?.read()) !== undefined);
    };
    readOn().then(stopTimer, stopTimer);
    this.#cancelRest = cancel;
    this.#endResponse();
  }

  /** Cancels the rest of the response. */
  #cancelResponse(): void {
    this.#closedToFrames = true;
    this.#response?.body.cancel();
    this.#endResponse();
  }

  #endResponse({ isLost = false } = {}): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#responseEnd?.abort();
    this.#stopSilenceTimer?.();
    this.#stopDeadlineTimer?.();
    if (isLost) this.#loseRun();
    if (this.#interrupting.size === 0) this.#release();
    // An interrupt that is still on its way would hit the context's next run.
    else
      void Promise.all(this.#interrupting).then(() => {
        this.#release();
      });
  }

  #release(): void {
    this.#isReleased = true;
    this.#slot?.release();
    for (const resolve of this.#endWaiters) resolve();
  }

  /** Marks that the run may continue on the server: interrupts code, and tells the context's next run that it may be busy. */
  #loseRun(): void {
    this.#isLost = true;
    if (this.#source.endsAt === "terminal-event") return;
    this.#slot?.markUnsettled();
    const id = this.#source.interruptId ?? this.#id;
    // A stopped run is being interrupted already.
    if (id === undefined || this.#source.interrupt === undefined || this.#stopped !== undefined) return;
    this.#interrupting.add(this.#interruptLost(id).catch(() => undefined));
  }

  /** Sends one interrupt to a run whose response was lost, so that its end cannot be seen. */
  async #interruptLost(id: string, signal?: AbortSignal): Promise<void> {
    const reason = () => new SandboxTimeoutException(STILL_RUNNING);
    await withLimit({ seconds: STOP_LIMIT_SECONDS, reason, signal }, async (limit) => {
      await this.#source.interrupt?.(id, limit);
    });
  }

  #armSilence(): void {
    this.#stopSilenceTimer?.();
    if (!this.#sent) return;
    const { firstByteTimeoutSeconds, idleTimeoutSeconds, logger } = this.#source;
    const seconds = this.#receivedBytes ? idleTimeoutSeconds : firstByteTimeoutSeconds;
    if (seconds === null) return;
    this.#stopSilenceTimer = startTimer(seconds, () => {
      const message = `No byte of the event stream came for ${seconds} s.`;
      logger?.warn(message);
      this.stop(new SandboxTimeoutException({ code: "STREAM_STALLED", message }));
    });
  }

  /** Ends a run whose caller has its error: takes it out of the queue, or interrupts it until it ends. */
  #abandon(): void {
    this.#stopSilenceTimer?.();
    this.#stopDeadlineTimer?.();
    this.#cancelRest?.();
    if (this.#isOver) return;
    if (!this.#sent || this.#source.interrupt === undefined) {
      this.#cancelRequest();
      return;
    }
    const stopTimer = startTimer(STOP_LIMIT_SECONDS, () => {
      this.#slot?.markUnsettled();
      this.#cancelRequest();
    });
    // Also what an interrupt may take that is on its way when the response ends.
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
      id: interruptId ?? this.#id ?? new Promise((resolve) => this.#initWaiters.push(resolve)),
      send: (id) => interrupt?.(id, limit) ?? Promise.resolve(),
      ended: this.#responseEnd.signal,
      limit,
    });
    this.#interrupting.add(interrupting);
    return interrupting;
  }
}
