import {
  isSandboxException,
  SandboxApiException,
  type CodeContext,
  type CodeInterpreter,
  type Run,
} from "../index.js";
import { ChangedFiles } from "./changed-files.js";

/** A sandbox with its contexts and with the notices that the model has not received yet. */
export class Workspace {
  readonly interpreter: CodeInterpreter;
  readonly changedFiles: ChangedFiles;
  readonly #contexts = new Map<string, Promise<CodeContext>>();
  /** The runs that were stopped and may still be ending, by context. */
  readonly #stopping = new Map<string, Promise<boolean>>();
  #notices: string[] = [];

  constructor(interpreter: CodeInterpreter, notices: readonly string[] = []) {
    this.interpreter = interpreter;
    this.changedFiles = new ChangedFiles(interpreter.commands);
    this.#notices = [...notices];
  }

  notify(notice: string): void {
    this.#notices.push(notice);
  }

  /** Returns the notices for the model and clears them. */
  takeNotices(): string[] {
    const notices = this.#notices;
    this.#notices = [];
    return notices;
  }

  /** Returns the context of a name; creates it at its first use, once. */
  async context(language: string, name: string): Promise<CodeContext> {
    const key = keyOf(language, name);
    await this.#stopping.get(key);
    let context = this.#contexts.get(key);
    if (context === undefined) {
      context = this.interpreter.codes.createContext(language);
      this.#contexts.set(key, context);
      context.catch(() => this.#contexts.delete(key));
    }
    return await context;
  }

  /** Forgets a context that no longer exists on the server. */
  forget(language: string, name: string): void {
    this.#contexts.delete(keyOf(language, name));
  }

  /**
   * Interrupts a run and waits until it has ended; the context's next run waits for that too. A kernel that does not
   * react is killed, and the context is created anew at its next use.
   *
   * @param abandon closes the request of a run that does not end
   * @returns whether the state was kept
   */
  stop(run: Run, abandon: () => void, language: string, name: string): Promise<boolean> {
    const key = keyOf(language, name);
    const stopped = this.#stop(run, abandon, key).finally(() => {
      if (this.#stopping.get(key) === stopped) this.#stopping.delete(key);
    });
    this.#stopping.set(key, stopped);
    return stopped;
  }

  async #stop(run: Run, abandon: () => void, key: string): Promise<boolean> {
    try {
      await run.interrupt();
      // Servers kill a kernel that does not react to the interrupt.
      return (await run).error?.name !== "KernelDied";
    } catch (error) {
      if (!isSandboxException(error) || error.code !== "REQUEST_TIMEOUT") return true;
      const context = this.#contexts.get(key);
      this.#contexts.delete(key);
      if (context !== undefined) await this.#delete(await context);
      abandon();
      return false;
    }
  }

  /** Ends the contexts of a language, or all; returns how many there were. */
  async reset(language?: string): Promise<number> {
    const ended = [...this.#contexts].filter(
      ([key]) => language === undefined || key.startsWith(keyOf(language, "")),
    );
    for (const [key] of ended) this.#contexts.delete(key);
    await Promise.all(ended.map(async ([, context]) => this.#delete(await context)));
    return ended.length;
  }

  async #delete({ id }: CodeContext): Promise<void> {
    try {
      await this.interpreter.codes.deleteContext(id);
    } catch (error) {
      if (!(error instanceof SandboxApiException) || error.statusCode !== 404) throw error;
    }
  }
}

function keyOf(language: string, name: string): string {
  return `${language}\n${name}`;
}
