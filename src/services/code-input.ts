import { shown } from "../arguments.js";
import { InvalidArgumentException, SandboxApiException } from "../errors.js";
import type { ExecutionEvent } from "../execution/event.js";
import type { ExecutionHandlers, InputRequest } from "../execution/handlers.js";
import type { Turn } from "../execution/run-queue.js";
import { isRecord } from "../json.js";
import { followAbort } from "../transport/abort.js";
import type { SandboxLink } from "./link.js";
import type { RunOptions } from "./run-options.js";

type OnInput = (request: InputRequest) => unknown;

/** Sends the user's input to code that asks for it. One object serves one run. */
export class CodeInput {
  readonly #link: SandboxLink;
  readonly #handlers: ExecutionHandlers;
  readonly #onInput: OnInput;
  readonly #failed = new AbortController();
  readonly #ended = new AbortController();
  #stopFollowingSignal: (() => void) | undefined;

  /** Returns `undefined` without a handler. Does not check the options: a run does. */
  static of(link: SandboxLink, options: RunOptions): CodeInput | undefined {
    try {
      const { handlers } = options;
      const onInput: unknown = handlers?.onInput;
      return isOnInput(onInput) ? new CodeInput(link, handlers ?? {}, onInput) : undefined;
    } catch {
      return undefined; // a getter of the caller's threw, and will again
    }
  }

  private constructor(link: SandboxLink, handlers: ExecutionHandlers, onInput: OnInput) {
    this.#link = link;
    this.#handlers = handlers;
    this.#onInput = onInput;
  }

  /** Returns a signal that is aborted with the caller's, and with the error of the handler or of an answer that could not be sent. */
  signalFor(signal: AbortSignal | undefined): AbortSignal {
    this.#stopFollowingSignal = followAbort(signal, (reason) => this.#stop(reason));
    return this.#failed.signal;
  }

  get handlers(): ExecutionHandlers {
    return {
      ...this.#handlers,
      onEvent: (event) => {
        // Not in the union of events: it arrives as an `UnknownEvent`.
        const type: string = event.type;
        // Not awaited: the run may end while somebody thinks about the answer.
        if (type === "input_request") void this.#answer(event);
        if (type === "execution_complete") this.#ended.abort();
        return this.#handlers.onEvent?.(event);
      },
    };
  }

  /** Returns the turn, whose release then also ends what waits for an answer. */
  endingWith(turn: Turn): Turn {
    return {
      ...turn,
      release: () => {
        turn.release();
        this.#stopFollowingSignal?.();
        this.#ended.abort();
      },
    };
  }

  #stop(reason: unknown): void {
    this.#failed.abort(reason);
    this.#ended.abort(reason);
  }

  async #answer(event: ExecutionEvent): Promise<void> {
    const { text = "", input }: Record<string, unknown> = "raw" in event ? event.raw : {};
    if (!isRecord(input)) return;
    const { context_id: contextId, id, is_password: isPassword } = input;
    if (typeof contextId !== "string" || typeof id !== "number" || typeof text !== "string") return;
    const { signal } = this.#ended;
    const { client, json, logger } = this.#link.execd;
    try {
      const answer = await this.#onInput({ prompt: text, isPassword: isPassword === true, signal });
      if (signal.aborted) return;
      await client.POST("/code/input", {
        body: { context_id: contextId, id, ...toWire(answer) },
        fetch: json({ signal }).fetch,
      });
    } catch (error) {
      if (signal.aborted) return;
      // The code was interrupted meanwhile.
      if (error instanceof SandboxApiException && error.statusCode === 404) logger?.debug(error.message);
      else this.#stop(error);
    }
  }
}

function toWire(answer: unknown): { readonly is_end: true } | { readonly text: string } {
  if (answer === undefined) return { is_end: true };
  if (typeof answer === "string") return { text: answer };
  throw new InvalidArgumentException(
    `handlers.onInput must return a string, or undefined to end the input; got ${shown(answer)}.`,
  );
}

function isOnInput(value: unknown): value is OnInput {
  return typeof value === "function";
}
