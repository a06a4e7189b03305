import { InvalidArgumentException } from "./errors.js";
import { Sandbox } from "./sandbox.js";
import type { CallOptions } from "./services/arguments.js";
import { Codes } from "./services/codes.js";
import type { Commands } from "./services/commands.js";
import type { Files } from "./services/files.js";
import type { Health } from "./services/health.js";
import type { Metrics } from "./services/metrics.js";
import { throwIfAborted } from "./transport/abort.js";
import { checkOptions } from "./transport/options.js";

/** Options of {@link CodeInterpreter.create}. */
export type CodeInterpreterOptions = CallOptions;

/**
 * Runs code in a sandbox.
 *
 * @example
 * ```ts
 * await using sandbox = await Sandbox.create({ killOnDispose: true });
 * const interpreter = await CodeInterpreter.create(sandbox);
 * const execution = await interpreter.codes.run("print('Hello, World!')");
 * ```
 */
export class CodeInterpreter {
  /** The sandbox in which the code runs. */
  readonly sandbox: Sandbox;
  /** Runs code and keeps its state. */
  readonly codes: Codes;

  private constructor(sandbox: Sandbox, codes: Codes) {
    this.sandbox = sandbox;
    this.codes = codes;
  }

  /**
   * Makes an interpreter on a sandbox; sends nothing. Several may share one sandbox: their runs in one context take turns.
   *
   * @throws {InvalidArgumentException} where `sandbox` is none
   */
  static create(sandbox: Sandbox, options: CodeInterpreterOptions = {}): Promise<CodeInterpreter> {
    return new Promise((resolve) => {
      if (!(sandbox instanceof Sandbox)) {
        throw new InvalidArgumentException("CodeInterpreter.create takes a Sandbox.");
      }
      throwIfAborted(checkOptions(options).signal);
      resolve(new CodeInterpreter(sandbox, new Codes(sandbox.link)));
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

  /** The sandbox's processor and memory. */
  get metrics(): Metrics {
    return this.sandbox.metrics;
  }

  /** Whether the sandbox answers. */
  get health(): Health {
    return this.sandbox.health;
  }

  /** Leaves the sandbox as it is: whoever made it ends it. */
  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}
