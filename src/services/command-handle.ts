import type { CallOptions } from "../arguments.js";
import type { CommandInput } from "./command-input.js";
import type { CommandLogs, CommandLogsOptions, CommandStatus, FollowLogsOptions } from "./command-logs.js";
import type { SandboxLink } from "./link.js";
import { iterableOf } from "./loops.js";
import type { WaitOptions } from "./wait-for-output.js";

/** Loaded when it is used: most commands run in the foreground. */
const calls = () => import("./command-logs.js");

/**
 * A command that runs in the background, as `commands.start` and `commands.attach` return it.
 *
 * `await using` kills the command. Without it, the command runs on until it ends or the sandbox does.
 *
 * @example
 * ```ts
 * await using server = await sandbox.commands.start(["python3", "-m", "http.server", "8000"]);
 * for await (const text of server.follow()) console.log(text);
 * ```
 */
export class CommandHandle {
  /** The command's id, for {@link Commands.attach} in another process. */
  readonly id: string;
  /** Its standard input, if it was started with `stdin: true` by this handle; otherwise `undefined`. */
  readonly stdin: CommandInput | undefined;
  readonly #link: SandboxLink;
  readonly #interrupt: (options: CallOptions) => Promise<void>;

  /** @internal */
  constructor(
    id: string,
    link: SandboxLink,
    interrupt: (options: CallOptions) => Promise<void>,
    stdin?: CommandInput,
  ) {
    this.id = id;
    this.stdin = stdin;
    this.#link = link;
    this.#interrupt = interrupt;
  }

  /** Returns whether the command is running and how it ended; see {@link Commands.getStatus}. */
  async status(options: CallOptions = {}): Promise<CommandStatus> {
    const status = await (await calls()).getStatus(this.#link, this.id, options);
    if (!status.isRunning) await this.stdin?.release();
    return status;
  }

  /** Returns the command's output so far, starting at a cursor; see {@link Commands.getLogs}. */
  async logs(options: CommandLogsOptions = {}): Promise<CommandLogs> {
    return (await calls()).getLogs(this.#link, this.id, options);
  }

  /** Iterates over the command's output until the command has ended; see {@link Commands.followLogs}. */
  follow(options: FollowLogsOptions = {}): AsyncIterable<string> {
    const [link, id] = [this.#link, this.id];
    return iterableOf(options, async function* (signal) {
      yield* (await calls()).follow(link, id, options, signal);
    });
  }

  /**
   * Waits until the command has ended, without a time limit. Resolves even if the exit code is not 0.
   *
   * @throws what {@link Commands.getStatus} throws
   */
  async wait(options: CallOptions = {}): Promise<CommandStatus> {
    return (await calls()).waitUntilEnded(this, options);
  }

  /**
   * Waits until the command has printed a text, on standard output or standard error. Output from before the call counts,
   * too. The text must be within about 64 KiB of output.
   *
   * @param pattern a text, or a regular expression (`g` and `y` have no effect). Output arrives in pieces: let an expression
   * end with what follows a number or name
   * @returns the match, with the groups of the regular expression
   * @throws {SandboxTimeoutException} `WAIT_TIMEOUT`
   * @throws {SandboxException} `COMMAND_ENDED` if the command ends without printing the text
   *
   * @example
   * ```ts
   * await using server = await sandbox.commands.start("python3 -u -m http.server 0");
   * const [, port] = await server.waitForOutput(/port (\d+) /);
   * ```
   */
  async waitForOutput(pattern: string | RegExp, options: WaitOptions = {}): Promise<RegExpExecArray> {
    const { waitForOutput } = await import("./wait-for-output.js");
    return waitForOutput(this, this.#link.sandboxId, pattern, options);
  }

  /**
   * Sends SIGTERM to the command, and SIGKILL after 3 s. Resolves when the command has ended. Succeeds if it already has.
   *
   * @throws {SandboxApiException} if the server does not know the command
   */
  async kill(options: CallOptions = {}): Promise<void> {
    await (await calls()).killCommand(this, this.#interrupt, options);
  }

  /** Calls {@link kill}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }
}
