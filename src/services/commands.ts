import {
  assertBoolean,
  assertEnvironment,
  assertInteger,
  assertOptionalText,
  assertSeconds,
  assertText,
  type CallOptions,
  checkOptions,
} from "../arguments.js";
import { InvalidArgumentException, SandboxApiException, SandboxException } from "../errors.js";
import type { ExecutionEvent } from "../execution/event.js";
import type { ExecutionKind } from "../execution/execution.js";
import { iterateEvents } from "../execution/event-iterable.js";
import type { RunSlot } from "../execution/run-queue.js";
import type { Run } from "../execution/run.js";
import type { RunSource } from "../execution/run-stream.js";
import { defined } from "../transport/request.js";
import {
  CommandLogReader,
  type CommandLogs,
  type CommandLogsOptions,
  type CommandStatus,
  type FollowLogsOptions,
} from "./command-logs.js";
import { CommandHandle } from "./command-handle.js";
import { assertCommand, toShellCommand } from "./command-line.js";
import type { SandboxLink } from "./link.js";
import { startRun, type RunOptions } from "./run-options.js";
import { serverTimeoutMillis } from "./server-timeout.js";
import { Sessions, type CommandSession, type CreateSessionOptions } from "./sessions.js";

/** What a user or group id can be. */
const LARGEST_ID = 2 ** 32 - 1;
// Commands run side by side; there is no turn to wait for.
const NO_TURN: RunSlot = {
  unsettledUntil: 0,
  joinContext: () => undefined,
  markUnsettled: () => undefined,
  release: () => undefined,
};

/** Options of {@link Commands.runStream}. */
export interface CommandStreamOptions extends CallOptions {
  /** Where it runs; must exist. @default the server's own directory */
  readonly cwd?: string | undefined;
  /** Variables added to the sandbox's environment. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** The user id to run as. Give `gid` too: an id without an account otherwise runs with group 0. @default the server's */
  readonly uid?: number | undefined;
  /** The group id to run as; needs `uid`. */
  readonly gid?: number | undefined;
  /**
   * Leaves the command running and ends the stream at once.
   * @default false
   */
  readonly background?: boolean | undefined;
  /**
   * Ends the command: in the foreground the run then rejects with `RUN_TIMEOUT`; in the background the server kills it.
   * In seconds. @default none
   */
  readonly timeoutSeconds?: number | undefined;
}

/** Options of {@link Commands.run}. */
export interface RunCommandOptions extends CommandStreamOptions, RunOptions {}

/** Options of {@link Commands.start}. */
export type StartCommandOptions = Omit<CommandStreamOptions, "background">;

/** Runs shell commands. */
export class Commands {
  readonly #link: SandboxLink;
  readonly #logs: CommandLogReader;
  readonly #sessions: Sessions;
  /** Servers of before September 2026 know no `argv`, and miss the `command`. */
  #takesArgv = true;

  /** @internal */
  constructor(link: SandboxLink) {
    this.#link = link;
    this.#logs = new CommandLogReader(link);
    this.#sessions = new Sessions(link);
  }

  /**
   * Runs a command with `bash -c` and returns a handle at once: a promise of the {@link Execution} that is also an
   * iterable of its events. Commands run side by side.
   *
   * Output comes line by line; the order across stdout and stderr is not kept, nor whether the last line had a newline.
   * An exit code other than 0 is data: `execution.exitCode` and `execution.error`.
   *
   * @throws never synchronously; the handle rejects as that of `codes.run`
   *
   * @example
   * ```ts
   * const { exitCode, stdout } = await sandbox.commands.run("ls -l", { cwd: "/tmp" });
   * ```
   */
  run(command: string | readonly string[], options: RunCommandOptions = {}): Run {
    return startRun(this.#link, options, kindOf, () => this.#source(command, options));
  }

  /**
   * The events of a command in their plain form: sent at the first `next`, read no faster than they are taken, not kept.
   *
   * @throws what {@link run} rejects with, but without a partial execution
   */
  runStream(
    command: string | readonly string[],
    options: CommandStreamOptions = {},
  ): AsyncIterable<ExecutionEvent> {
    return iterateEvents(() => this.#source(command, options), this.#link.sandboxId);
  }

  /**
   * Ends a command, by the id that `execution.id` has: SIGTERM to its process group, and SIGKILL after 3 s; resolves
   * when it is gone. Never give it the id of a session, which the id of a run in a session is: the server would delete
   * the session.
   *
   * @throws {SandboxApiException} status 500 where no such command runs (any more)
   * @throws {InvalidArgumentException} for the id of a session that was made or used through this sandbox object
   */
  async interrupt(commandId: string, options: CallOptions = {}): Promise<void> {
    assertText(commandId, "commandId");
    if (this.#sessions.has(commandId)) {
      throw new InvalidArgumentException(
        "commandId is a session's; interrupting it would delete the session.",
      );
    }
    const { client, json } = this.#link.execd;
    await client.DELETE("/command", {
      params: { query: { id: commandId } },
      fetch: json({ ...checkOptions(options), retry: false }).fetch,
    });
  }

  /**
   * Says whether a command runs and how it ended, by the id that `execution.id` has; in the foreground or background.
   *
   * An unknown id is asked for again for up to a second, as some servers know a background command a moment late.
   * Newer servers forget a command a day after its end.
   *
   * @throws {SandboxApiException} status 404 for an unknown id
   */
  getStatus(commandId: string, options: CallOptions = {}): Promise<CommandStatus> {
    return this.#logs.getStatus(commandId, options);
  }

  /**
   * What a background command has printed, standard output and standard error together, from a cursor on.
   *
   * @throws {SandboxApiException} status 400 for an unknown id (after a second, as {@link getStatus}), and for a command
   * in the foreground
   */
  getLogs(commandId: string, options: CommandLogsOptions = {}): Promise<CommandLogs> {
    return this.#logs.getLogs(commandId, options);
  }

  /**
   * Follows what a background command prints, until it has ended and all of it is read. Each loop begins anew; leaving
   * it ends the polling. Pieces of text end anywhere but inside a character.
   *
   * @throws what {@link getStatus} and {@link getLogs} throw
   *
   * @example
   * ```ts
   * const { id } = await sandbox.commands.run("npm run build", { background: true });
   * for await (const text of sandbox.commands.followLogs(id!)) process.stdout.write(text);
   * const { exitCode } = await sandbox.commands.getStatus(id!);
   * ```
   */
  followLogs(commandId: string, options: FollowLogsOptions = {}): AsyncIterable<string> {
    return this.#logs.followLogs(commandId, options);
  }

  /**
   * Starts a command in the background and resolves to its handle once it runs.
   *
   * @throws as {@link run}
   *
   * @example
   * ```ts
   * const build = await sandbox.commands.start("npm run build", { cwd: "/workspace" });
   * for await (const text of build.follow()) process.stdout.write(text);
   * const { exitCode } = await build.wait();
   * ```
   */
  async start(
    command: string | readonly string[],
    options: StartCommandOptions = {},
  ): Promise<CommandHandle> {
    const { id } = await this.run(command, { ...checkOptions(options), background: true });
    // A command that could not be started has an id too; its status contains the reason.
    if (id !== undefined) return this.attach(id);
    throw new SandboxException({
      code: "UNEXPECTED_RESPONSE",
      message: "POST /command: expected an init event with the command's id.",
      sandboxId: this.#link.sandboxId,
    });
  }

  /**
   * Returns the handle of a command that runs already, by the id that `execution.id` or another handle has. Sends
   * nothing.
   */
  attach(commandId: string): CommandHandle {
    assertText(commandId, "commandId");
    return new CommandHandle(commandId, this.#logs, (options) => this.interrupt(commandId, options));
  }

  /** Creates a session, in which exported variables and the working directory last from run to run. */
  createSession(options: CreateSessionOptions = {}): Promise<CommandSession> {
    return this.#sessions.create(options);
  }

  /** Returns a session that exists already, by its id. Sends nothing. */
  attachSession(sessionId: string): CommandSession {
    assertText(sessionId, "sessionId");
    return this.#sessions.attach(sessionId);
  }

  #source(command: string | readonly string[], options: CommandStreamOptions): RunSource {
    assertCommand(command);
    const { cwd, env, uid, gid, background = false, timeoutSeconds, signal } = checkOptions(options);
    assertOptionalText(cwd, "cwd");
    assertEnvironment(env, "env");
    assertInteger(uid, "uid", 0, LARGEST_ID);
    assertInteger(gid, "gid", 0, LARGEST_ID);
    if (gid !== undefined && uid === undefined) throw new InvalidArgumentException("gid needs uid.");
    assertBoolean(background, "background");
    assertSeconds(timeoutSeconds, "timeoutSeconds");
    const { execd, config } = this.#link;
    return {
      acquire: () => Promise.resolve(NO_TURN),
      open: async (controller) => {
        const post = async (what: { readonly command: string } | { readonly argv: string[] }) => {
          const call = execd.stream(controller);
          const { response } = await execd.client.POST("/command", {
            body: defined({
              ...what,
              cwd,
              envs: env,
              uid,
              gid,
              background: background || undefined,
              // In the background there is no deadline of the client's to leave room for.
              timeout: serverTimeoutMillis(timeoutSeconds, background ? 0 : undefined),
            }),
            parseAs: "stream",
            fetch: call.fetch,
          });
          return call.receive(response);
        };
        if (typeof command === "string") return await post({ command });
        try {
          if (this.#takesArgv) return await post({ argv: [...command] });
        } catch (error) {
          if (!isMissingCommand(error)) throw error;
          this.#takesArgv = false;
        }
        return await post({ command: toShellCommand(command) });
      },
      interrupt: (id, limit) => this.interrupt(id, { signal: limit }),
      endsAt: "terminal-event",
      firstByteTimeoutSeconds: config.streamIdleTimeoutSeconds,
      idleTimeoutSeconds: config.streamIdleTimeoutSeconds,
      // In the background the run is over once the command has started: only the server can end it.
      timeoutSeconds: background ? undefined : timeoutSeconds,
      maxFrameBytes: config.maxFrameBytes,
      signal,
      logger: execd.logger,
    };
  }
}

function kindOf(options: RunCommandOptions): ExecutionKind {
  return options.background === true ? "background-command" : "command";
}

function isMissingCommand(error: unknown): boolean {
  return (
    error instanceof SandboxApiException &&
    error.statusCode === 400 &&
    error.message.includes("RunCommandRequest.Command")
  );
}
