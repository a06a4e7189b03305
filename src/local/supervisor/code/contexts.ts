import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { expandPath, type Configuration } from "../configuration.js";
import type { EventStream } from "../http/event-stream.js";
import { makeDirectories } from "../files/file-info.js";
import type { Kernel, KernelEvent, RunPermissions } from "./kernel.js";
import { KernelPool } from "./kernel-pool.js";
import type { PipePool } from "../pipes.js";
import { STARTERS } from "./starters.js";
import { invalid, runtimeError } from "../http/problems.js";
import { messageOf, problem } from "../../wire/problem.js";

/** How long an interrupted run has to end when its context is deleted. */
const GRACE_MS = 500;
/** The interval between interrupts of a run whose client has disconnected. */
const INTERRUPT_INTERVAL_MS = 500;

/** A context in execd's JSON. */
export interface ContextInfo {
  readonly id: string;
  readonly language: string;
  readonly cwd?: string | undefined;
}

interface Context extends ContextInfo {
  /** `undefined` after the process has ended, until the next run. */
  kernel: Promise<Kernel> | undefined;
  /** The current run. */
  running: Promise<void> | undefined;
  /** Whether an earlier run has shown the language's notice. */
  isNoticed: boolean;
}

/** Returns whether a language runs in a kernel. */
export function isKernelLanguage(language: string): boolean {
  return Object.hasOwn(STARTERS, language);
}

/** The contexts of a sandbox and the kernels behind them. */
export class Contexts {
  readonly #configuration: Configuration;
  readonly #kernels: KernelPool;
  readonly #contexts = new Map<string, Context>();
  readonly #defaults = new Map<string, string>();

  constructor(configuration: Configuration, pipes: PipePool) {
    this.#configuration = configuration;
    this.#kernels = new KernelPool(configuration, pipes);
  }

  /**
   * Creates a context. Its process starts in the background.
   *
   * As in execd, `cwd` is created and returned, but code still starts in the workspace.
   * @throws {Problem} if the language is unknown (to which the real execd never responds) or cannot run here
   */
  create(language: string, cwd?: string): ContextInfo {
    if (language === "") throw invalid("language is required");
    if (!isKernelLanguage(language)) throw invalid(unknownLanguage(language));
    this.#assertAvailable(language, "error creating code context");
    if (cwd !== undefined) {
      const directory = expandPath(cwd, this.#configuration);
      try {
        makeDirectories(directory);
      } catch (error) {
        const message = `error creating code context ${directory}: ${messageOf(error)}`;
        throw runtimeError(message);
      }
    }
    const context = this.#add(language);
    return { id: context.id, language, cwd };
  }

  list(language?: string): ContextInfo[] {
    return [...this.#contexts.values()]
      .filter((context) => language === undefined || context.language === language)
      .map(({ id, language: of }) => ({ id, language: of }));
  }

  has(id: string): boolean {
    return this.#contexts.has(id);
  }

  /** @throws {Problem} 404 */
  get(id: string): ContextInfo {
    const { language } = this.#find(id);
    return { id, language };
  }

  /** Deletes a context. A run in it is interrupted first, so that its client receives the error. */
  async delete(id: string): Promise<void> {
    const context = this.#find(id);
    this.#contexts.delete(id);
    if (this.#defaults.get(context.language) === id) this.#defaults.delete(context.language);
    const kernel = await context.kernel?.catch(() => undefined);
    if (kernel === undefined) return;
    if (context.running !== undefined) {
      kernel.interrupt();
      await Promise.race([context.running, delay(GRACE_MS, undefined, { ref: false })]);
    }
    await kernel.kill();
  }

  async deleteAll(language: string): Promise<void> {
    await Promise.all(this.list(language).map(({ id }) => this.delete(id)));
  }

  async interrupt(id: string): Promise<void> {
    const context = this.#find(id);
    if (context.running !== undefined) (await context.kernel)?.interrupt();
  }

  /**
   * Runs code in a context, or in the language's default context, and sends its events.
   *
   * @throws {Problem} before anything is sent
   */
  async run(
    code: string,
    target: { id: string; language: string } & RunPermissions,
    events: EventStream,
  ): Promise<void> {
    const context = this.#resolve(target);
    if (context.running !== undefined) {
      events.fail("RUNTIME_ERROR", "error running codes session is busy", context.id);
      return;
    }
    const running = this.#execute(context, { code, ...target }, events).finally(
      () => (context.running = undefined),
    );
    context.running = running;
    await running;
  }

  /**
   * Answers a request for input; without text, input has ended.
   *
   * @throws {Problem} 404 if the code does not wait for it any more
   */
  async answer(id: string, request: number, text: string | undefined): Promise<void> {
    const kernel = await this.#find(id).kernel;
    if (kernel?.answer?.(request, text) === true) return;
    throw problem(404, "INPUT_NOT_REQUESTED", `context ${id} does not wait for input ${request}`);
  }

  async #execute(
    context: Context,
    { code, allowsInput }: { readonly code: string } & RunPermissions,
    events: EventStream,
  ): Promise<void> {
    events.start(context.id);
    let kernel: Kernel;
    try {
      context.kernel ??= this.#kernels.take(context.language);
      kernel = await context.kernel;
      if (!kernel.alive) {
        // The process ended while it was idle.
        context.kernel = this.#kernels.take(context.language);
        kernel = await context.kernel;
      }
    } catch (error) {
      context.kernel = undefined;
      events.fail("RUNTIME_ERROR", `error running codes ${messageOf(error)}`);
      return;
    }
    events.onFlow = (flowing) => kernel.setFlowing(flowing);
    if (!context.isNoticed) {
      context.isNoticed = true;
      const notice = this.#kernels.noticeOf(context.language);
      if (notice !== undefined) events.send({ type: "stderr", text: `${notice}\n` });
    }
    let interrupting: NodeJS.Timeout | undefined;
    // The real server lets such a run continue and the context stay busy, although its output can reach no one.
    events.onGone = () => {
      kernel.interrupt();
      // Code can catch an interrupt, but repeated interrupts of one run end it by force.
      interrupting ??= setInterval(() => kernel.interrupt(), INTERRUPT_INTERVAL_MS);
    };
    await kernel.run(code, (event) => sendKernelEvent(event, context.id, events), { allowsInput });
    clearInterval(interrupting);
    events.onGone = () => undefined;
    events.onFlow = () => undefined;
    kernel.setFlowing(true);
    if (!kernel.alive) context.kernel = undefined;
    events.send({ type: "execution_complete", execution_time: events.elapsedMs });
    events.end();
  }

  #resolve({ id, language }: { id: string; language: string }): Context {
    if (id !== "") {
      const context = this.#contexts.get(id);
      if (context === undefined) throw runtimeError("error running codes context not found");
      return context;
    }
    if (!isKernelLanguage(language)) throw runtimeError(`error running codes ${unknownLanguage(language)}`);
    this.#assertAvailable(language, "error running codes");
    const existing = this.#contexts.get(this.#defaults.get(language) ?? "");
    if (existing !== undefined) return existing;
    const context = this.#add(language);
    this.#defaults.set(language, context.id);
    return context;
  }

  #add(language: string): Context {
    const kernel = this.#kernels.take(language);
    kernel.catch(() => undefined); // The first run reports the error.
    const context: Context = { id: randomUUID(), language, kernel, running: undefined, isNoticed: false };
    this.#contexts.set(context.id, context);
    return context;
  }

  #find(id: string): Context {
    const context = this.#contexts.get(id);
    if (context === undefined) throw problem(404, "CONTEXT_NOT_FOUND", `context ${id} not found`);
    return context;
  }

  #assertAvailable(language: string, doing: string): void {
    const reason = this.#kernels.whyUnavailable(language);
    if (reason !== undefined) throw runtimeError(`${doing} ${language}: it is not available: ${reason}`);
  }
}

function unknownLanguage(language: string): string {
  return `unknown language ${JSON.stringify(language)}: expected one of ${Object.keys(STARTERS).join(", ")}`;
}

function sendKernelEvent(event: KernelEvent, contextId: string, events: EventStream): void {
  switch (event.type) {
    case "input": {
      const input = { context_id: contextId, id: event.id, is_password: event.isPassword };
      events.send({ type: "input_request", text: event.prompt, input });
      break;
    }
    case "stdout":
    case "stderr":
      events.send(event);
      break;
    case "result": {
      if (event.count !== null) events.send({ type: "execution_count", execution_count: event.count });
      const { "text/plain": text, ...others } = event.data;
      events.send({ type: "result", results: text === undefined ? others : { text, ...others } });
      break;
    }
    case "error": {
      const { ename, evalue, traceback } = event;
      events.send({ type: "status", text: "error" });
      events.send({ type: "error", error: { ename, evalue, traceback } });
    }
  }
}
