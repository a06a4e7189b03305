import type { ExecutionEvent } from "../../src/execution/event.js";
import type { RunSource } from "../../src/execution/run-source.js";
import { Run, type RunConfig } from "../../src/execution/run.js";
import { raceAbort } from "../../src/transport/abort.js";
import { ResponseBody, type StreamedResponse } from "../../src/transport/response-body.js";
import { collect } from "./promises.js";
import { bareFrame, toWire } from "./wire.js";

/** Events as the server sends them, at time 0. */
export const init = (id = "context-1"): ExecutionEvent => ({ type: "init", id, timestamp: 0 });
export const stdout = (text: string): ExecutionEvent => ({ type: "stdout", text, timestamp: 0 });
export const ping: ExecutionEvent = { type: "ping", timestamp: 0 };
export const complete: ExecutionEvent = { type: "execution_complete", executionTimeMs: 7, timestamp: 0 };
export const failed = (name: string, value = ""): ExecutionEvent => ({
  type: "error",
  error: { name, value, traceback: [], timestamp: 0 },
  timestamp: 0,
});
/** The error of an interrupted kernel. */
export const interrupted = failed("KeyboardInterrupt");

/** A source of a run's events that a test controls. Records every call. */
export class ScriptedSource implements RunSource {
  readonly endsAt: RunSource["endsAt"];
  readonly interruptId: string | undefined;
  readonly firstByteTimeoutSeconds: number | null;
  readonly idleTimeoutSeconds: number | null;
  readonly timeoutSeconds: number | undefined;
  readonly signal: AbortSignal | undefined;
  readonly logger: RunSource["logger"];
  readonly interrupt: RunSource["interrupt"];
  /** The ids that were interrupted, in order. */
  readonly interrupts: string[] = [];
  /** The contexts that the run has joined. */
  readonly joined: string[] = [];
  /** Called for each interrupt with its number. */
  onInterrupt: (count: number) => void | Promise<void> = () => undefined;
  /** The number of requests sent. */
  sent = 0;
  /** The number of reads of the body. */
  reads = 0;
  /** How the request ended early: by cancelling its body, or by aborting it. */
  ending: "cancelled" | "aborted" | undefined;
  /** Whether the next run may start. */
  isReleased = false;
  /** Whether the run reported that it may still be going on in the sandbox. */
  isUnsettled = false;
  /** Whether there is a proxy in between. */
  isProxied = false;
  /** Called to check that execd is alive. */
  ping: () => Promise<void> = () => Promise.reject(new Error("Unexpected ping."));
  readonly unsettledUntil: number;
  readonly #turn: Promise<void>;
  readonly #queue: (Uint8Array | "end" | { readonly error: unknown })[] = [];
  #wake: (() => void) | undefined;

  constructor(
    options: Partial<Omit<RunSource, "interrupt" | "ping">> & {
      turn?: Promise<void>;
      isSession?: boolean;
      unsettledUntil?: number;
    } = {},
  ) {
    this.endsAt = options.endsAt ?? "end-of-stream";
    this.interruptId = options.interruptId;
    this.firstByteTimeoutSeconds = options.firstByteTimeoutSeconds ?? null;
    this.idleTimeoutSeconds = options.idleTimeoutSeconds ?? null;
    this.timeoutSeconds = options.timeoutSeconds;
    this.signal = options.signal;
    this.logger = options.logger;
    this.unsettledUntil = options.unsettledUntil ?? 0;
    this.#turn = options.turn ?? Promise.resolve();
    this.interrupt =
      options.isSession === true
        ? undefined
        : async (id, signal) => {
            this.interrupts.push(id);
            await raceAbort(signal, Promise.resolve(this.onInterrupt(this.interrupts.length)));
          };
  }

  async waitForTurn(signal: AbortSignal): ReturnType<RunSource["waitForTurn"]> {
    await raceAbort(signal, this.#turn);
    return {
      unsettledUntil: this.unsettledUntil,
      joinContext: (id) => this.joined.push(id),
      markUnsettled: () => (this.isUnsettled = true),
      release: () => (this.isReleased = true),
    };
  }

  async open(controller: AbortController): Promise<StreamedResponse> {
    this.sent += 1;
    const { signal } = controller;
    signal.throwIfAborted();
    return Promise.resolve(
      responseOf(
        new ReadableStream<Uint8Array>(
          {
            start: (controller) => {
              signal.addEventListener("abort", () => {
                this.ending = "aborted";
                controller.error(signal.reason);
              });
            },
            pull: async (controller) => {
              this.reads += 1;
              while (this.#queue.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve));
              const next = this.#queue.shift();
              if (this.ending !== undefined || next === undefined) return;
              if (next === "end") controller.close();
              else if (next instanceof Uint8Array) controller.enqueue(next);
              else controller.error(next.error);
            },
            cancel: () => {
              this.ending = "cancelled";
            },
          },
          { highWaterMark: 0 },
        ),
        controller,
        this.isProxied,
      ),
    );
  }

  /** Sends events in one chunk. */
  send(...events: readonly ExecutionEvent[]): this {
    return this.sendText(events.map((event) => bareFrame(toWire(event))).join(""));
  }

  sendText(text: string): this {
    return this.#put(new TextEncoder().encode(text));
  }

  /** Ends the response cleanly. */
  end(): this {
    return this.#put("end");
  }

  /** Breaks the response. */
  break(error: unknown): this {
    return this.#put({ error });
  }

  #put(item: Uint8Array | "end" | { readonly error: unknown }): this {
    this.#queue.push(item);
    this.#wake?.();
    return this;
  }
}

/** Returns a response with this body. Its errors are passed on unchanged. */
export function responseOf(
  body: ReadableStream<Uint8Array>,
  controller: AbortController,
  isProxied = false,
): StreamedResponse {
  const owner = {
    signal: controller.signal,
    brokenBody: (cause: unknown) => cause,
    bodyEnded: () => undefined,
  };
  return { body: new ResponseBody(body, owner), headers: new Headers(), requestId: undefined, isProxied };
}

/** Creates a code run from a scripted source. */
export function runOf(source: ScriptedSource, config: Partial<Omit<RunConfig, "source">> = {}): Run {
  return new Run({ kind: "code", sandboxId: "sandbox-1", ...config, source: () => source });
}

/** Collects the types of all events of an iterable. */
export async function typesOf(events: AsyncIterable<ExecutionEvent>): Promise<string[]> {
  return (await collect(events)).map(({ type }) => type);
}
