import type { ExecutionEvent } from "../execution/event.js";
import type { ExecutionHandlers, InputRequest } from "../execution/handlers.js";
import type { Turn } from "../execution/run-queue.js";
import { followAbort } from "../transport/abort.js";
import type { SandboxLink } from "./link.js";
import type { RunOptions } from "./run-options.js";

/** The handler `onInput`, which may return anything. */
export type OnInput = (request: InputRequest) => unknown;

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
    try {
      const { answerInput } = await import("./input-answers.js");
      await answerInput(this.#link, event, this.#onInput, this.#ended.signal);
    } catch (error) {
      if (!this.#ended.signal.aborted) this.#stop(error);
    }
  }
}

function isOnInput(value: unknown): value is OnInput {
  return typeof value === "function";
}
