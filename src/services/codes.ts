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
import { iterateEvents } from "../execution/event-iterable.js";
import type { Run } from "../execution/run.js";
import type { RunSource } from "../execution/run-stream.js";
import { throwIfAborted } from "../transport/abort.js";
import { defined } from "../transport/request.js";
import { expectRecord, expectRecords, expectText, type ResponseInfo } from "../transport/response.js";
import type { SandboxLink } from "./link.js";
import { startRun, type RunOptions } from "./run-options.js";

/** Creating a context starts a kernel, and kernels register with the server after it is up. In seconds. */
const CREATE_CONTEXT_TIMEOUT_SECONDS = 120;
/** The same wait, when a run is what starts the kernel. In seconds. */
const FIRST_BYTE_TIMEOUT_SECONDS = 120;
/** How long a sandbox behind a proxy may take to say that it is still there. In seconds. */
const PROOF_TIMEOUT_SECONDS = 5;

/** The languages that the code-interpreter image brings, by their names on the wire. */
export const SupportedLanguage = {
  Python: "python",
  JavaScript: "javascript",
  TypeScript: "typescript",
  Go: "go",
  Java: "java",
  Bash: "bash",
} as const;

/** A language's name on the wire: one of {@link SupportedLanguage}, or another that the sandbox's image brings. */
export type SupportedLanguage =
  | (typeof SupportedLanguage)[keyof typeof SupportedLanguage]
  // Keeps the known names in the editor's suggestions.
  | (string & {});

/** Names by which people know these languages. */
const LANGUAGE_ALIASES: Readonly<Record<string, SupportedLanguage>> = {
  js: "javascript",
  node: "javascript",
  ts: "typescript",
  py: "python",
  python3: "python",
  golang: "go",
  sh: "bash",
  shell: "bash",
};

/** A language's state that lasts from run to run: variables, functions, imports. */
export interface CodeContext {
  readonly id: string;
  readonly language: SupportedLanguage;
}

/** Options of {@link Codes.createContext}. */
export interface CreateContextOptions extends CallOptions {
  /** A directory for the context; created if it is not there. Real servers do not make it the kernel's own directory. */
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
   * Runs code and gives a handle at once: a promise of the {@link Execution} that is also an iterable of its events.
   *
   * Runs in one context take turns. That the code fails is data, in `execution.error`.
   *
   * Proof of completion is the clean end of the answer after the server's word that the run is complete. One lie of
   * the network cannot be told from success: a clean cut after a completion that came before the output.
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
    const kind = () => kindOf(options.context?.language ?? options.language);
    return startRun(this.#link, options, kind, () => this.#source(toRequest(code, options), options));
  }

  /**
   * The events of a run in their plain form: sent at the first `next`, read no faster than they are taken, not kept.
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
   * Makes a context: a kernel of its own, with its own variables. It may take up to 120 s while a sandbox starts.
   *
   * @throws {InvalidArgumentException} for a blank language
   * @throws {SandboxTimeoutException} `REQUEST_TIMEOUT`, also where the image does not know the language: real servers
   * then retry for as long as the request stays open
   */
  async createContext(language: SupportedLanguage, options: CreateContextOptions = {}): Promise<CodeContext> {
    assertLanguage(language, "language");
    const { cwd, signal } = checkOptions(options);
    assertOptionalText(cwd, "cwd");
    const { client, json } = this.#execd;
    const call = json({ signal, timeoutSeconds: CREATE_CONTEXT_TIMEOUT_SECONDS });
    const { data } = await client.POST("/code/context", {
      body: defined({ language, cwd }),
      fetch: call.fetch,
    });
    return toContext(expectRecord(data, call), call);
  }

  /** Looks a context up. @throws {SandboxApiException} `CONTEXT_NOT_FOUND`, status 404 */
  async getContext(contextId: string, options: CallOptions = {}): Promise<CodeContext> {
    assertText(contextId, "contextId");
    const { client, json } = this.#execd;
    const call = json(options);
    const { data } = await client.GET("/code/contexts/{context_id}", {
      params: { path: { context_id: contextId } },
      fetch: call.fetch,
    });
    return toContext(expectRecord(data, call), call);
  }

  /** Lists the contexts, default ones among them, in no particular order. @param language only this one's */
  async listContexts(language?: SupportedLanguage, options: CallOptions = {}): Promise<CodeContext[]> {
    if (language !== undefined) assertLanguage(language, "language");
    const { client, json } = this.#execd;
    const call = json(options);
    const { data } = await client.GET("/code/contexts", {
      params: { query: defined({ language }) },
      fetch: call.fetch,
    });
    return expectRecords(data, call).map((context) => toContext(context, call));
  }

  /** Ends a context and its state; a run in it is interrupted. @throws {SandboxApiException} status 404 when there is none */
  async deleteContext(contextId: string, options: CallOptions = {}): Promise<void> {
    assertText(contextId, "contextId");
    const { client, json } = this.#execd;
    await client.DELETE("/code/contexts/{context_id}", {
      params: { path: { context_id: contextId } },
      fetch: json(options).fetch,
    });
  }

  /** Ends all contexts of a language, its default one too. None to end is no error. */
  async deleteContexts(language: SupportedLanguage, options: CallOptions = {}): Promise<void> {
    assertLanguage(language, "language");
    const { client, json } = this.#execd;
    await client.DELETE("/code/contexts", { params: { query: { language } }, fetch: json(options).fetch });
  }

  /**
   * Interrupts what runs in a context, by the id that `execution.id` or a context has; its state is kept.
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

  get #execd(): SandboxLink["execd"] {
    return this.#link.execd;
  }

  #source(request: RunCodeRequest, options: CodeStreamOptions): RunSource {
    const { code, context = { language: "python" } } = checkOptions(request, "request");
    assertText(code, "code");
    assertWellFormed(code, "code");
    checkOptions(context, "context");
    // A context id without its language runs in the shell.
    assertLanguage(context.language, context.id === undefined ? "language" : "context.language");
    assertOptionalText(context.id, "context.id");
    const { timeoutSeconds, signal } = checkOptions(options);
    assertSeconds(timeoutSeconds, "timeoutSeconds");
    const { config, runs, execd } = this.#link;
    const { id, language } = context;
    const idle = config.streamIdleTimeoutSeconds;
    return {
      acquire: (queueing) => runs.acquire({ id, language }, queueing),
      open: async (controller) => {
        const call = execd.stream(controller);
        const { response } = await execd.client.POST("/code", {
          body: { code, context: defined({ language, id }) },
          parseAs: "stream",
          fetch: call.fetch,
        });
        return call.receive(response);
      },
      interrupt: (runId, limit) => this.#sendInterrupt(runId, limit),
      ping: async (limit) => {
        const call = execd.json({ signal: limit, retry: false, timeoutSeconds: PROOF_TIMEOUT_SECONDS });
        await execd.client.GET("/ping", { fetch: call.fetch });
      },
      interruptId: id,
      endsAt: "end-of-stream",
      firstByteTimeoutSeconds: idle === null ? null : Math.max(idle, FIRST_BYTE_TIMEOUT_SECONDS),
      idleTimeoutSeconds: idle,
      timeoutSeconds,
      maxFrameBytes: config.maxFrameBytes,
      signal,
      logger: config.logger,
    };
  }

  async #sendInterrupt(id: string, signal: AbortSignal | undefined): Promise<void> {
    const { client, json } = this.#execd;
    await client.DELETE("/code", { params: { query: { id } }, fetch: json({ signal, retry: false }).fetch });
  }
}

/** Refuses a known language under another name, which a server would take for an unknown one. */
function assertLanguage(language: unknown, name: string): void {
  assertText(language, name);
  const known: readonly string[] = Object.values(SupportedLanguage);
  const lower = language.trim().toLowerCase();
  const meant = known.includes(lower)
    ? lower
    : Object.hasOwn(LANGUAGE_ALIASES, lower) && LANGUAGE_ALIASES[lower];
  if (meant === false || meant === undefined || meant === language) return;
  throw new InvalidArgumentException(
    `${name} must be ${shown(meant)} for this language; got ${shown(language)}. Known names: ${known.join(", ")}.`,
  );
}

function toRequest(code: string, options: CodeStreamOptions): RunCodeRequest {
  const { context, language } = options;
  // A context has a language too, and the code would run in that language's default context.
  if ("id" in options) throw new InvalidArgumentException("A context must be passed as { context }.");
  if (context === undefined) return { code, context: { language: language ?? "python" } };
  if (language !== undefined) {
    throw new InvalidArgumentException(
      "context and language exclude each other; a context has its language.",
    );
  }
  assertText(checkOptions(context, "context").id, "context.id");
  return { code, context };
}

// Two names that execd takes for a language run in the shell, line by line as /command does.
function kindOf(language: string | undefined): ExecutionKind {
  return language === "command" || language === "background-command" ? language : "code";
}

function toContext(
  { id, language }: { readonly id?: string | undefined; readonly language: string },
  call: ResponseInfo,
): CodeContext {
  return { id: expectText(id, "id", call), language: expectText(language, "language", call) };
}
