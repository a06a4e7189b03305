import {
  assertOptionalText,
  assertSeconds,
  assertText,
  assertWellFormed,
  type CallOptions,
  checkOptions,
  shown,
} from "../arguments.js";
import { InvalidArgumentException } from "../errors.js";
import type { ExecutionEvent } from "../execution/event.js";
import type { ExecutionKind } from "../execution/execution.js";
import type { ExecutionHandlers } from "../execution/handlers.js";
import { iterateEvents } from "../execution/event-iterable.js";
import type { Run } from "../execution/run.js";
import type { RunSource } from "../execution/run-source.js";
import { throwIfAborted } from "../transport/abort.js";
import { defined } from "../transport/request.js";
import { expectRecord, expectRecords, expectText, type ResponseInfo } from "../transport/response.js";
import type { SandboxLink } from "./link.js";
import { startRun, type RunOptions } from "./run-options.js";

/** Creating a context starts a kernel, which can take a while in a new sandbox. In seconds. */
const CREATE_CONTEXT_TIMEOUT_SECONDS = 120;
/** The same wait, if a run starts the kernel. In seconds. */
const FIRST_BYTE_TIMEOUT_SECONDS = 120;
/** How long a sandbox behind a proxy may take to respond to the check that it still runs. In seconds. */
const PING_TIMEOUT_SECONDS = 5;

/** The languages of the code-interpreter image, by their names on the wire. */
export const SupportedLanguage = {
  Python: "python",
  JavaScript: "javascript",
  TypeScript: "typescript",
  Go: "go",
  Java: "java",
  Bash: "bash",
} as const;

/** A language's name on the wire: one of {@link SupportedLanguage}, or another one of the sandbox's image. */
export type SupportedLanguage =
  | (typeof SupportedLanguage)[keyof typeof SupportedLanguage]
  // Keeps the known names in the editor's suggestions.
  | (string & {});

/** Other common names of these languages. */
const LANGUAGE_ALIASES: ReadonlyMap<string, SupportedLanguage> = new Map([
  ["js", "javascript"],
  ["node", "javascript"],
  ["ts", "typescript"],
  ["py", "python"],
  ["python3", "python"],
  ["golang", "go"],
  ["sh", "bash"],
  ["shell", "bash"],
]);

/** A language's state that lasts from run to run: variables, functions, imports. */
export interface CodeContext {
  readonly id: string;
  readonly language: SupportedLanguage;
}

/** Options of {@link Codes.createContext}. */
export interface CreateContextOptions extends CallOptions {
  /** A directory for the context; created if it does not exist. Real servers do not change the kernel's working directory to it. */
  readonly cwd?: string | undefined;
}

/** Options of {@link Codes.runStream}: `context` or `language`, not both. */
export interface CodeStreamOptions extends CallOptions {
  /** Where to run; see {@link Codes.createContext}. */
  readonly context?: CodeContext | undefined;
  /** Runs in the language's default context, which the server creates at its first use. @default "python" */
  readonly language?: SupportedLanguage | undefined;
  /** Interrupts the run, which then rejects with `RUN_TIMEOUT`; in seconds from sending, without the wait for its turn. @default no limit */
  readonly timeoutSeconds?: number | undefined;
}

/** Options of {@link Codes.run}: `context` or `language`, not both. */
export interface RunCodeOptions extends CodeStreamOptions, RunOptions {}

/** The form in which the C# SDK passes code to {@link Codes.runStream}. */
export interface RunCodeRequest {
  /** The source text. */
  readonly code: string;
  /** Where to run it; without `id` in the language's default context. @default Python's default context */
  readonly context?: { readonly id?: string | undefined; readonly language: SupportedLanguage } | undefined;
}

/** Runs code and keeps its state. */
export class Codes {
  readonly #link: SandboxLink;

  /** @internal */
  constructor(link: SandboxLink) {
    this.#link = link;
  }

  /**
   * Runs code and returns a handle at once: a promise of the {@link Execution} that is also an iterable of its events.
   *
   * Runs in one context take turns. An error in the code is returned as data in `execution.error`.
   *
   * A run is complete when the response ends cleanly after the server's completion event. Known limit: a response that
   * is cut cleanly, after a completion event that came before the output, looks like success.
   *
   * @throws never synchronously; the handle rejects with
   * {@link InvalidArgumentException} (blank code, context and language, …), {@link SandboxApiException},
   * {@link SandboxConnectionException} (`CONNECTION`, `STREAM_CUT`, `STREAM_BROKEN`),
   * {@link SandboxTimeoutException} (`RUN_TIMEOUT`, `STREAM_STALLED`), each with the partial `execution`
   *
   * @example
   * ```ts
   * const execution = await interpreter.codes.run("print('hi'); 1 + 1");
   * execution.stdout; // "hi\n"
   * execution.text; // "2"
   * ```
   */
  run(code: string, options: RunCodeOptions = {}): Run {
    return startRun(this.#link, options, kindOf, () =>
      this.#source(toRequest(code, options), options, options.handlers?.onInput),
    );
  }

  /**
   * Returns the events of a run as plain data. The request is sent at the first `next`; events are read as they are
   * consumed, and not kept.
   *
   * @throws what {@link run} rejects with, but without a partial execution
   */
  runStream(code: string | RunCodeRequest, options: CodeStreamOptions = {}): AsyncIterable<ExecutionEvent> {
    return iterateEvents(() => {
      for (const name of ["handlers", "maxOutputBytes", "keepOutput"]) {
        if (!(name in checkOptions(options))) continue;
        throw new InvalidArgumentException(`runStream does not take ${name}; use codes.run with it.`);
      }
      if (typeof code === "string") return this.#source(toRequest(code, options), options);
      if (options.context !== undefined || options.language !== undefined) {
        throw new InvalidArgumentException("context and language must be in the request if the code is.");
      }
      return this.#source(code, options);
    }, this.#link.sandboxId);
  }

  /**
   * Creates a context: a kernel of its own, with its own variables. It may take up to 120 s while a sandbox starts.
   *
   * @throws {InvalidArgumentException} for a blank language
   * @throws {SandboxTimeoutException} `REQUEST_TIMEOUT`, also if the image does not have the language: real servers
   * then retry for as long as the request stays open
   */
  async createContext(language: SupportedLanguage, options: CreateContextOptions = {}): Promise<CodeContext> {
    assertLanguage(language, "language");
    const { cwd, signal } = checkOptions(options);
    assertOptionalText(cwd, "cwd");
    const { client, json } = this.#link.execd;
    const call = json({ signal, timeoutSeconds: CREATE_CONTEXT_TIMEOUT_SECONDS });
    const { data } = await client.POST("/code/context", {
      body: defined({ language, cwd }),
      fetch: call.fetch,
    });
    return toContext(expectRecord(data, call), call);
  }

  /** Returns a context. @throws {SandboxApiException} `CONTEXT_NOT_FOUND`, status 404 */
  async getContext(contextId: string, options: CallOptions = {}): Promise<CodeContext> {
    assertText(contextId, "contextId");
    const { client, json } = this.#link.execd;
    const call = json(options);
    const { data } = await client.GET("/code/contexts/{context_id}", {
      params: { path: { context_id: contextId } },
      fetch: call.fetch,
    });
    return toContext(expectRecord(data, call), call);
  }

  /** Lists the contexts, default ones among them, in no particular order. @param language lists only the contexts of this language */
  async listContexts(language?: SupportedLanguage, options: CallOptions = {}): Promise<CodeContext[]> {
    if (language !== undefined) assertLanguage(language, "language");
    const { client, json } = this.#link.execd;
    const call = json(options);
    const { data } = await client.GET("/code/contexts", {
      params: { query: defined({ language }) },
      fetch: call.fetch,
    });
    return expectRecords(data, call).map((context) => toContext(context, call));
  }

  /** Deletes a context and its state, and interrupts its run. @throws {SandboxApiException} status 404 if there is none */
  async deleteContext(contextId: string, options: CallOptions = {}): Promise<void> {
    assertText(contextId, "contextId");
    const { client, json } = this.#link.execd;
    await client.DELETE("/code/contexts/{context_id}", {
      params: { path: { context_id: contextId } },
      fetch: json(options).fetch,
    });
  }

  /** Deletes all contexts of a language, including its default one. Succeeds if there is none. */
  async deleteContexts(language: SupportedLanguage, options: CallOptions = {}): Promise<void> {
    assertLanguage(language, "language");
    const { client, json } = this.#link.execd;
    await client.DELETE("/code/contexts", { params: { query: { language } }, fetch: json(options).fetch });
  }

  /**
   * Interrupts the run in a context, by `execution.id` or the context's id; its state is kept.
   *
   * One interrupt is sent. It may come too early (right after `init` the kernel may still be idle):
   * {@link Run.interrupt} repeats it until the run has ended.
   */
  async interrupt(executionId: string, options: CallOptions = {}): Promise<void> {
    assertText(executionId, "executionId");
    const { signal } = checkOptions(options);
    throwIfAborted(signal);
    const run = this.#link.runs.running(executionId);
    await (run === undefined ? this.#sendInterrupt(executionId, signal) : run.interrupt(signal));
  }

  #source(
    request: RunCodeRequest,
    options: CodeStreamOptions,
    onInput?: ExecutionHandlers["onInput"],
  ): RunSource {
    const { code, context = { language: "python" } } = checkOptions(request, "request");
    assertText(code, "code");
    assertWellFormed(code, "code");
    checkOptions(context, "context");
    // execd runs a request that has no language in the shell, even with a context id.
    assertLanguage(context.language, context.id === undefined ? "language" : "context.language");
    if (context.id !== undefined) assertText(context.id, "context.id");
    const { timeoutSeconds, signal } = checkOptions(options);
    assertSeconds(timeoutSeconds, "timeoutSeconds");
    const { runs, execd, config } = this.#link;
    const { id, language } = context;
    const idle = config.streamIdleTimeoutSeconds;
    return {
      waitForTurn: (queueing) => runs.waitForTurn({ id, language }, queueing),
      open: async (controller) => {
        const call = execd.run(controller);
        const { response } = await execd.client.POST("/code", {
          body: defined({
            code,
            context: defined({ language, id }),
            allow_input: onInput === undefined ? undefined : true,
          }),
          fetch: call.fetch,
          parseAs: "stream",
        });
        return call.receive(response);
      },
      answer:
        onInput &&
        (async (event, needed) => {
          const { answerInput } = await import("./input-answers.js");
          await answerInput(this.#link, event, onInput, needed);
        }),
      interrupt: (runId, limit) => this.#sendInterrupt(runId, limit),
      ping: async (limit) => {
        const call = execd.json({ signal: limit, retry: false, timeoutSeconds: PING_TIMEOUT_SECONDS });
        await execd.client.GET("/ping", { fetch: call.fetch });
      },
      interruptId: id,
      endsAt: "end-of-stream",
      firstByteTimeoutSeconds: idle === null ? null : Math.max(idle, FIRST_BYTE_TIMEOUT_SECONDS),
      idleTimeoutSeconds: idle,
      maxFrameBytes: config.maxFrameBytes,
      logger: execd.logger,
      timeoutSeconds,
      signal,
    };
  }

  async #sendInterrupt(id: string, signal: AbortSignal | undefined): Promise<void> {
    const { client, json } = this.#link.execd;
    await client.DELETE("/code", { params: { query: { id } }, fetch: json({ signal, retry: false }).fetch });
  }
}

/** Refuses another name of a known language: a server would not recognize it. */
function assertLanguage(language: unknown, name: string): void {
  assertText(language, name);
  const known: readonly string[] = Object.values(SupportedLanguage);
  const lower = language.trim().toLowerCase();
  const meant = known.includes(lower) ? lower : LANGUAGE_ALIASES.get(lower);
  if (meant === undefined || meant === language) return;
  throw new InvalidArgumentException(
    `${name} must be ${shown(meant)} for this language; got ${shown(language)}. Known names: ${known.join(", ")}.`,
  );
}

function toRequest(code: string, options: CodeStreamOptions): RunCodeRequest {
  const { context, language } = options;
  // A context passed as the options would be accepted, since it has a language; the code would run in the default context.
  if ("id" in options) throw new InvalidArgumentException("A context must be passed as { context }.");
  if (context === undefined) return { code, context: { language: language ?? "python" } };
  if (language !== undefined) {
    throw new InvalidArgumentException("context and language exclude each other.");
  }
  assertText(checkOptions(context, "context").id, "context.id");
  return { code, context };
}

function kindOf(options: RunCodeOptions): ExecutionKind {
  const language: string | undefined = options.context?.language ?? options.language;
  // execd runs these two "languages" in the shell, with output line by line as for /command.
  return language === "command" || language === "background-command" ? language : "code";
}

function toContext(
  { id, language }: { readonly id?: string | undefined; readonly language: string },
  call: ResponseInfo,
): CodeContext {
  return { id: expectText(id, "id", call), language: expectText(language, "language", call) };
}
