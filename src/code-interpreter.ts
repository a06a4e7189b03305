import { type CallOptions, checkOptions } from "./arguments.js";
import { InvalidArgumentException } from "./errors.js";
import { Sandbox, type SandboxCreateOptions } from "./sandbox.js";
import { Codes } from "./services/codes.js";
import type { Commands } from "./services/commands.js";
import type { Files } from "./services/files.js";
import type { Health } from "./services/health.js";
import type { Metrics } from "./services/metrics.js";
import { throwIfAborted } from "./transport/abort.js";

/**
 * Runs code in a sandbox.
 *
 * @example
 * ```ts
 * await using interpreter = await CodeInterpreter.launch();
 * const { stdout } = await interpreter.codes.run("print('Hello, World!')");
 * ```
 */
export class CodeInterpreter {
  /** The sandbox that the code runs in. */
  readonly sandbox: Sandbox;
  /** Runs code and keeps its state. */
  readonly codes: Codes;

  readonly #ownsSandbox: boolean;

  private constructor(sandbox: Sandbox, ownsSandbox: boolean) {
    this.sandbox = sandbox;
    this.codes = new Codes(sandbox.link);
    this.#ownsSandbox = ownsSandbox;
  }

  /**
   * Creates a sandbox and an interpreter for it. The interpreter owns the sandbox: `await using` kills the sandbox.
   *
   * @param options the options of {@link Sandbox.create}; `killOnDispose` is always `true`
   * @throws what {@link Sandbox.create} throws
   */
  static async launch(options: SandboxCreateOptions = {}): Promise<CodeInterpreter> {
    const sandbox = await Sandbox.create({ ...checkOptions(options), killOnDispose: true });
    return new CodeInterpreter(sandbox, true);
  }

  /**
   * Creates an interpreter for an existing sandbox, without owning it. Sends no request. If several interpreters share one
   * `Sandbox`, their runs in one context take turns.
   *
   * @throws {InvalidArgumentException} if `sandbox` is not a {@link Sandbox}
   */
  static create(sandbox: Sandbox, options: CallOptions = {}): Promise<CodeInterpreter> {
    return new Promise((resolve) => {
      if (!(sandbox instanceof Sandbox)) {
        throw new InvalidArgumentException("sandbox must be a Sandbox.");
      }
      throwIfAborted(checkOptions(options).signal);
      resolve(new CodeInterpreter(sandbox, false));
    });
  }

  /** The sandbox's id. */
  get id(): string {
    return this.sandbox.id;
  }

  /** The sandbox's commands. */
  get commands(): Commands {
    return this.sandbox.commands;
  }

  /** The sandbox's files. */
  get files(): Files {
    return this.sandbox.files;
  }

  /** The sandbox's processor and memory use. */
  get metrics(): Metrics {
    return this.sandbox.metrics;
  }

  /** Checks whether the sandbox responds. */
  get health(): Health {
    return this.sandbox.health;
  }

  /** Kills the sandbox if {@link launch} created it. Leaves a sandbox that was passed to {@link create} running. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ownsSandbox) await this.sandbox[Symbol.asyncDispose]();
  }
}
