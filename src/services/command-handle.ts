import { type CallOptions, checkOptions } from "../arguments.js";
import { SandboxApiException } from "../errors.js";
import { sleep } from "../transport/abort.js";
import type {
  CommandLogReader,
  CommandLogs,
  CommandLogsOptions,
  CommandStatus,
  FollowLogsOptions,
} from "./command-logs.js";

/** The first pause of {@link CommandHandle.wait}; each one is half as long again as the one before. In milliseconds. */
const FIRST_PAUSE_MILLIS = 50;
const LONGEST_PAUSE_MILLIS = 1_000;

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
  readonly #reader: CommandLogReader;
  readonly #interrupt: (options: CallOptions) => Promise<void>;

  /** @internal */
  constructor(id: string, reader: CommandLogReader, interrupt: (options: CallOptions) => Promise<void>) {
    this.id = id;
    this.#reader = reader;
    this.#interrupt = interrupt;
  }

  /** Tells whether the command runs and how it ended; see {@link Commands.getStatus}. */
  status(options: CallOptions = {}): Promise<CommandStatus> {
    return this.#reader.getStatus(this.id, options);
  }

  /** Returns what the command has printed, from a cursor on; see {@link Commands.getLogs}. */
  logs(options: CommandLogsOptions = {}): Promise<CommandLogs> {
    return this.#reader.getLogs(this.id, options);
  }

  /** Iterates over what the command prints until it has ended; see {@link Commands.followLogs}. */
  follow(options: FollowLogsOptions = {}): AsyncIterable<string> {
    return this.#reader.followLogs(this.id, options);
  }

  /**
   * Waits for the command to end, without a time limit of its own; an exit code other than 0 is data.
   *
   * @throws what {@link Commands.getStatus} throws
   */
  async wait(options: CallOptions = {}): Promise<CommandStatus> {
    const { signal } = checkOptions(options);
    for (
      let pauseMillis = FIRST_PAUSE_MILLIS;
      ;
      pauseMillis = Math.min(pauseMillis * 1.5, LONGEST_PAUSE_MILLIS)
    ) {
      const status = await this.status({ signal });
      if (!status.isRunning) return status;
      await sleep(pauseMillis, signal ?? new AbortController().signal);
    }
  }

  /**
   * Ends the command with SIGTERM, and with SIGKILL 3 s later; resolves when it has ended. Succeeds if it ended before.
   *
   * @throws {SandboxApiException} if the server does not know the command
   */
  async kill(options: CallOptions = {}): Promise<void> {
    for (let isRepeated = false; ; isRepeated = true) {
      try {
        await this.#interrupt(options);
        return;
      } catch (error) {
        // Also what servers send for a command that has ended, and for one that has just started and that they do not
        // know yet; once they report its status, they do.
        if (!(error instanceof SandboxApiException) || error.statusCode !== 500) throw error;
        const { isRunning } = await this.status(options);
        if (!isRunning) return;
        if (isRepeated) throw error;
      }
    }
  }

  /** The same as {@link kill}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }
}
