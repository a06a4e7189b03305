import {
  SandboxApiException,
  SandboxConnectionException,
  SandboxException,
  SandboxTimeoutException,
} from "../errors.js";
import { onAbort, raceAbort, sleep, withLimit } from "../transport/abort.js";
import type { StreamedResponse } from "../transport/response-body.js";
import { EventStreamDecoder, type FrameSink } from "../transport/event-stream.js";
import { startTimer } from "../transport/timeout.js";
import { decodeFrame, type ExecutionEvent, type InBandError } from "./event.js";
import {
  interruptUntilEnded,
  stillRunning,
  STOP_LIMIT_SECONDS,
  type Failure,
  type Stop,
} from "./interrupt.js";
import type { Interruptible, Turn } from "./run-queue.js";
import type { RunSource } from "./run-source.js";

/** The first wait before a run is sent again to a context that is not free yet; each later one is twice as long. */
const BUSY_WAIT_MILLIS = 50;
/** How long the rest of a response is read after the last event. execd keeps a command's open for a second or more. In seconds. */
const LEAVE_LIMIT_SECONDS = 0.02;

/**
 * Reads the response of a run batch by batch, and handles everything that can end the run.
 *
 * The response is read only while a caller waits for events, and the idle timer runs only during that time. When the run
 * is stopped, the caller receives the error at once. This class then interrupts the run on the server until it ends, and
 * reads the rest of the response without delivering it.
 */
export class RunStream implements Interruptible, FrameSink {
  /** The reason why the run was stopped before its end, if it was. It takes precedence over events not delivered yet. */
  stopped: Stop | undefined;
  /** Whether the request has left the queue. */
  sent = false;
  readonly #source: RunSource;
  /** Ends the wait for a turn, and later the request. */
  readonly #request = new AbortController();
  readonly #stopFollowingSignal: (() => void) | undefined;
  readonly #interrupting = new Set<Promise<unknown>>();

  #decoder: EventStreamDecoder;
  #turn: Turn | undefined;
  #response: StreamedResponse | undefined;
  /** The id to interrupt. Unknown until the `init` event if the source has none. */
  #id: string | undefined;
  #pulling: Promise<void> | undefined;
  #batch: ExecutionEvent[] = [];
  /** Whether the response has been read to its end, or will not be read further. */
  #isOver = false;
  /** Whether the response is over and no interrupt is pending. */
  #isReleased = false;
  #receivedBytes = false;
  /** Whether the server has sent that the run is complete or has failed, and whether that was its last event. */
  #terminal: "none" | "last" | "before-others" = "none";
  /** Whether further frames are ignored. */
  #closedToFrames = false;
  /** Whether the response was lost while the run may continue on the server. */
  #isLost = false;
  #busyWaitMillis = BUSY_WAIT_MILLIS;
  #isBusy = false;
  /** The error of the stream. It is delivered after the events before it. */
  #failed: Failure | undefined;
  #wake: ((value?: unknown) => void) | undefined;
  /** Those who wait for the id, the end of the response or the release. */
  #waiters: (() => void)[] = [];
  #cancelRest: (() => void) | undefined;
  #stopIdleTimer: (() => void) | undefined;
  #stopDeadlineTimer: (() => void) | undefined;

  constructor(source: RunSource) {
    this.#source = source;
    this.#id = source.interruptId;
    this.#decoder = new EventStreamDecoder(this, source);
    const { signal } = source;
    this.#stopFollowingSignal = signal && onAbort(signal, (reason) => this.stop(reason, true));
    if (signal?.aborted) this.stop(signal.reason, true);
    else void this.#pull();
  }

  /** The server's name for the request, known once its response has begun. */
  get requestId(): string | undefined {
    return this.#response?.requestId;
  }

  /** Whether the run can be interrupted while its response is still read. */
  get canBeInterrupted(): boolean {
    return this.#source.interrupt !== undefined;
  }

  /** Returns the next events, or `undefined` after the run is known to be complete. Throws the error that ended the run. */
  async read(): Promise<ExecutionEvent[] | undefined> {
    for (;;) {
      if (this.stopped !== undefined) throw this.stopped.error;
      if (this.#batch.length > 0 && !this.#isProvisional()) {
        const batch = this.#batch;
        this.#batch = [];
        return batch;
      }
      if (this.#failed !== undefined || this.#isOver) {
        // Not before: an abort counts for as long as there are events to deliver.
        this.#stopFollowingSignal?.();
        if (this.#failed !== undefined) throw this.#failed.error;
        return undefined;
      }
      this.#startIdleTimer();
      await this.#settledOrWoken(this.#pull());
      this.#stopIdleTimer?.();
    }
  }

  /** Ends the run for the caller with an error at once. On the server, it is interrupted in the background. */
  stop(error: unknown, isFromCaller = false): void {
    if (this.stopped !== undefined) return;
    this.stopped = { error, isFromCaller };
    this.#batch = [];
    this.#stopFollowingSignal?.();
    this.#wake?.();
    this.#abandon();
  }

  /** Waits for a handler until the run is stopped. A failing handler stops the run. Never rejects. */
  async untilSettledOrStopped(work: Promise<unknown>): Promise<void> {
    await this.#settledOrWoken(
      work.catch((error: unknown) => {
        this.stop(error, true);
      }),
    );
  }

  /**
   * Interrupts the run and waits for its end. The response is still read, even if no caller consumes its events: a handler
   * may be waiting here.
   *
   * @throws the error of the last interrupt, or a timeout, if the run has not ended after 5 s
   */
  async interrupt(signal?: AbortSignal): Promise<void> {
    if (this.#isLost && this.#id !== undefined) {
      await this.#interruptLost(this.#id, signal);
    } else if (this.#isOver || this.stopped !== undefined) {
      // A stopped run is being interrupted already.
      await raceAbort(signal, this.#untilReleased());
    } else {
      await withLimit({ seconds: STOP_LIMIT_SECONDS, signal }, async (limit) => {
        void this.#drain(limit);
        const failure = await this.#interruptUntilEnded(limit);
        if (this.#hasEnded()) {
          await this.#untilReleased();
          return;
        }
        signal?.throwIfAborted();
        throw failure === undefined ? stillRunning() : failure.error;
      });
    }
  }

  /** Handles a frame of the response. */
  frame(value: unknown): void {
    if (this.#closedToFrames) return;
    const decoded = decodeFrame(value);
    if ("inBandError" in decoded) this.#takeInBandError(decoded.inBandError);
    else if ("malformed" in decoded) this.malformed(decoded.malformed);
    else this.#takeEvent(decoded.event);
  }

  /** Handles a frame of the response that is plain output. */
  output(type: "stdout" | "stderr", text: string, timestamp: number): void {
    if (!this.#closedToFrames) this.#takeEvent({ type, text, timestamp });
  }

  /** Handles a malformed frame. */
  malformed(reason: string): void {
    if (this.stopped !== undefined || this.#failed !== undefined) return;
    const message = `The event stream is malformed: ${reason}.`;
    this.#failed = { error: new SandboxException({ code: "STREAM_MALFORMED", message }) };
    this.#abandon();
  }

  // A method, since the compiler takes a property for unchanged across a wait.
  #hasEnded(): boolean {
    return this.#isOver;
  }

  /** Waits for work that never rejects, or for a stop. */
  async #settledOrWoken(work: Promise<unknown>): Promise<void> {
    await new Promise<unknown>((resolve) => {
      this.#wake = resolve;
      void work.then(resolve);
    });
    this.#wake = undefined;
  }

  #pull(): Promise<void> {
    return (this.#pulling ??= this.#pullOnce());
  }

  /** Reads one chunk of the response. Sends the request before the first one. Never rejects. */
  async #pullOnce(): Promise<void> {
    try {
      this.#turn ??= await this.#takeTurn();
      this.#response ??= await this.#source.open(this.#request, (error) => this.stop(error, true));
      const chunk = await this.#response.body.read();
      if (chunk !== undefined) {
        this.#receivedBytes = true;
        const loading = this.#decoder.push(chunk);
        if (loading !== undefined) await loading;
        if (this.#isBusy) await this.#waitWhileBusy();
      } else {
        const isWhole = this.#decoder.end();
        if (this.#isBusy) await this.#waitWhileBusy();
        else if (this.stopped === undefined && this.#failed === undefined) await this.#takeEnd(isWhole);
        else this.#endResponse();
      }
    } catch (error) {
      this.#failed ??= { error };
      this.#endResponse(this.#response !== undefined && error instanceof SandboxConnectionException);
    } finally {
      this.#pulling = undefined;
    }
  }

  async #takeTurn(): Promise<Turn> {
    const { signal } = this.#request;
    const { interruptId, timeoutSeconds } = this.#source;
    const turn = await this.#source.waitForTurn(signal);
    if (signal.aborted) turn.release();
    signal.throwIfAborted();
    if (interruptId !== undefined) turn.joinContext(interruptId, this);
    this.sent = true;
    if (timeoutSeconds !== undefined) {
      const message = `The run did not end within its timeoutSeconds of ${timeoutSeconds} s.`;
      this.#stopDeadlineTimer = startTimer(timeoutSeconds, () => {
        this.stop(new SandboxTimeoutException({ code: "RUN_TIMEOUT", message }));
      });
    }
    if (this.#wake !== undefined) this.#startIdleTimer();
    return turn;
  }

  #takeEvent(event: ExecutionEvent): void {
    if (event.type === "execution_complete" || event.type === "error") {
      this.#terminal = "last";
    } else {
      if (this.#terminal === "last") this.#terminal = "before-others";
      if (event.type === "init" && event.id !== "") {
        this.#id = this.#source.interruptId ?? event.id;
        this.#turn?.joinContext(event.id, this);
        this.#tellWaiters();
      }
    }
    if (this.stopped === undefined && this.#failed === undefined) this.#batch.push(event);
    if (this.#terminal === "last" && this.#source.endsAt === "terminal-event") this.#leaveResponse();
  }

  #takeInBandError({ code, message }: InBandError): void {
    // A busy context rejects the run at once without running anything, so it is safe to try again.
    const isBusy = message.endsWith("session is busy");
    if (isBusy && this.stopped === undefined && this.#isProvisional()) {
      this.#isBusy = true;
      return;
    }
    const error = new SandboxApiException({ code, message, statusCode: 200, isRetryable: isBusy });
    this.#failed ??= { error };
    this.#closedToFrames = true;
    this.#response?.body.cancel();
    this.#endResponse();
  }

  /**
   * Handles the end of the response. A proxy ends the response of a dead sandbox in order: if the completion was not the
   * last event, the run is complete only if the server still responds.
   */
  async #takeEnd(isWhole: boolean): Promise<void> {
    if (!isWhole) this.#failed = cut("inside a frame");
    else if (this.#terminal === "none") this.#failed = cut("before the run was complete");
    else if (this.#terminal === "before-others" && this.#response?.isProxied === true) {
      await this.#source.ping?.(this.#request.signal).catch((cause: unknown) => {
        this.#failed = cut("in order behind a proxy, but the sandbox no longer responds", cause);
      });
    }
    this.#endResponse(this.#failed !== undefined);
  }

  /** Returns whether the events so far can be discarded: a busy context reports that after its first events. */
  #isProvisional(): boolean {
    if (this.#turn === undefined || this.#turn.unsettledUntil <= performance.now()) return false;
    return !this.#isOver && this.#batch.every(({ type }) => type === "init" || type === "ping");
  }

  /** Interrupts a lost run in the context, waits and sends the run again. */
  async #waitWhileBusy(): Promise<void> {
    const { signal } = this.#request;
    this.#isBusy = false;
    this.#batch = [];
    this.#receivedBytes = false;
    if (this.#id !== undefined) await this.#source.interrupt?.(this.#id, signal).catch(() => undefined);
    await sleep(this.#busyWaitMillis, signal);
    this.#busyWaitMillis *= 2;
    // Read to the end instead of cancelling: that would abort `#request`, which the next attempt uses.
    while ((await this.#response?.body.read()) !== undefined);
    this.#decoder = new EventStreamDecoder(this, this.#source);
    this.#response = undefined;
  }

  /** Ends the run before its response. If the response ends soon, its connection is reused. */
  #leaveResponse(): void {
    this.#closedToFrames = true;
    this.#cancelRest = this.#response?.body.drain(LEAVE_LIMIT_SECONDS);
    this.#endResponse();
  }

  /** @param isLost whether the run may continue on the server */
  #endResponse(isLost = false): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stopTimers();
    if (isLost) this.#loseRun();
    this.#tellWaiters();
    const release = (): void => {
      this.#turn?.release();
      this.#isReleased = true;
      this.#tellWaiters();
    };
    if (this.#interrupting.size === 0) release();
    // A pending interrupt would hit the context's next run.
    else void Promise.all(this.#interrupting).then(release);
  }

  /** Interrupts the code of a run whose response was lost, and tells the context's next run that it may be busy. */
  #loseRun(): void {
    this.#isLost = true;
    if (this.#source.endsAt === "terminal-event") return;
    this.#turn?.markUnsettled();
    // A stopped run is being interrupted already.
    if (this.#id === undefined || this.stopped !== undefined) return;
    this.#interrupting.add(this.#interruptLost(this.#id).catch(() => undefined));
  }

  /** Sends one interrupt to a run whose response was lost, so that its end cannot be seen. */
  async #interruptLost(id: string, signal?: AbortSignal): Promise<void> {
    await withLimit({ seconds: STOP_LIMIT_SECONDS, reason: stillRunning, signal }, async (limit) => {
      await this.#source.interrupt?.(id, limit);
    });
  }

  #startIdleTimer(): void {
    this.#stopIdleTimer?.();
    if (!this.sent) return;
    const { firstByteTimeoutSeconds, idleTimeoutSeconds, logger } = this.#source;
    const seconds = this.#receivedBytes ? idleTimeoutSeconds : firstByteTimeoutSeconds;
    this.#stopIdleTimer = startTimer(seconds, () => {
      const message = `The event stream sent no data for ${String(seconds)} s.`;
      logger?.warn(message);
      this.stop(new SandboxTimeoutException({ code: "STREAM_STALLED", message }));
    });
  }

  #stopTimers(): void {
    this.#stopIdleTimer?.();
    this.#stopDeadlineTimer?.();
  }

  /** Ends a run whose caller has received the error: removes it from the queue, or interrupts it until it ends. */
  #abandon(): void {
    this.#stopTimers();
    this.#cancelRest?.();
    if (this.#isOver) return;
    const cancel = (): void => {
      this.#request.abort();
      this.#endResponse();
    };
    if (!this.sent || !this.canBeInterrupted) return cancel();
    const stopTimer = startTimer(STOP_LIMIT_SECONDS, () => {
      this.#turn?.markUnsettled();
      cancel();
    });
    // Also what an interrupt may take that is on its way when the response ends.
    void this.#untilReleased().then(stopTimer);
    void this.#interruptUntilEnded(this.#request.signal);
    void this.#drain();
  }

  async #drain(limit?: AbortSignal): Promise<void> {
    while (!this.#hasEnded() && limit?.aborted !== true) await this.#pull();
  }

  #interruptUntilEnded(limit: AbortSignal): Promise<Failure | undefined> {
    const interrupting = interruptUntilEnded({
      id: this.#until(() => this.#id !== undefined).then(() => this.#id ?? ""),
      send: (id) => this.#source.interrupt?.(id, limit) ?? Promise.resolve(),
      ended: this.#until(() => this.#isOver),
      limit,
    });
    this.#interrupting.add(interrupting);
    return interrupting;
  }

  #untilReleased(): Promise<void> {
    return this.#until(() => this.#isReleased);
  }

  /** Waits for a state of which {@link #tellWaiters} tells. */
  async #until(isReached: () => boolean): Promise<void> {
    while (!isReached()) await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }

  #tellWaiters(): void {
    const waiters = this.#waiters;
    if (waiters.length === 0) return;
    this.#waiters = [];
    for (const tell of waiters) tell();
  }
}

function cut(where: string, cause?: unknown): Failure {
  const message = `The event stream ended ${where}.`;
  return { error: new SandboxConnectionException({ code: "STREAM_CUT", message, cause }) };
}
