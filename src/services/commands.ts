import {
  assertBoolean,
  assertEnvironment,
  assertOptionalText,
  assertSeconds,
  assertText,
  assertUnixId,
  type CallOptions,
  checkOptions,
} from "../arguments.js";
import { InvalidArgumentException, SandboxException } from "../errors.js";
import type { ExecutionEvent } from "../execution/event.js";
import type { ExecutionKind } from "../execution/execution.js";
import { iterateEvents } from "../execution/event-iterable.js";
import type { Turn } from "../execution/run-queue.js";
import type { Run } from "../execution/run.js";
import type { RunSource } from "../execution/run-source.js";
import { keepFailure } from "../transport/platform.js";
import { defined } from "../transport/request.js";
import type { ByteSource } from "../transport/segmented-body.js";
import type { CommandLogs, CommandLogsOptions, CommandStatus, FollowLogsOptions } from "./command-logs.js";
import { CommandHandle } from "./command-handle.js";
import type { CommandInput } from "./command-input.js";
import { assertCommand, isMissingCommand, toShellCommand } from "./command-line.js";
import type { SandboxLink } from "./link.js";
import type { RunInput } from "./run-input.js";
import { startRun, type RunOptions } from "./run-options.js";
import { serverTimeoutMillis } from "./server-timeout.js";
import { CommandSession, type CreateSessionOptions } from "./sessions.js";

/** Loaded when it is used: most commands read nothing. */
const loadInput = () => import("./run-input.js");

// Commands run in parallel and do not wait for a turn.
const NO_TURN: Turn = {
  unsettledUntil: 0,
  joinContext: () => undefined,
  markUnsettled: () => undefined,
  release: () => undefined,
};

/** Options of {@link Commands.runStream}. */
export interface CommandStreamOptions extends CallOptions {
  /** The working directory. It must exist. @default the server's own directory */
  readonly cwd?: string | undefined;
  /** Environment variables, in addition to those of the sandbox. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** The user id to run as. Pass `gid` too: otherwise a user without an account runs with group 0. @default the server's */
  readonly uid?: number | undefined;
  /** The group id to run as. Requires `uid`. */
  readonly gid?: number | undefined;
  /**
   * Starts the command in the background and ends the stream at once.
   * @default false
   */
  readonly background?: boolean | undefined;
  /**
   * The time limit in seconds. In the foreground, the run rejects with `RUN_TIMEOUT`. In the background, the server kills
   * the command. @default no limit
   */
  readonly timeoutSeconds?: number | undefined;
  /**
   * What the command reads from its standard input: text or bytes, at once or in parts. They are sent as the command reads
   * them, to a command in the foreground. Needs what {@link Terminals} need. @default empty
   */
  readonly stdin?: ByteSource | undefined;
}

/** Options of {@link Commands.run}. */
export interface RunCommandOptions extends CommandStreamOptions, RunOptions {}

/** Options of {@link Commands.start}. */
export interface StartCommandOptions extends Omit<CommandStreamOptions, "background" | "stdin"> {
  /** Whether the handle gets a `stdin` to write to. Needs what {@link Terminals} need. @default false */
  readonly stdin?: boolean | undefined;
}

/** Runs shell commands. */
export class Commands {
  readonly #link: SandboxLink;
  /** The ids of the sessions of this object. */
  readonly #sessionIds = new Set<string>();
  /** Set to `false` by the first server that does not support `argv`: those before September 2026 require `command`. */
  #takesArgv = true;

  /** @internal */
  constructor(link: SandboxLink) {
    this.#link = link;
  }

  /**
   * Runs a command with `bash -c` and returns a handle at once: a promise of the {@link Execution} that is also an
   * iterable of its events. Commands run in parallel. A list of arguments runs a program without a shell.
   *
   * Output arrives line by line. The order of lines of stdout relative to those of stderr is lost, and so is whether the
   * last line ended with a newline. A non-zero exit code does not reject: see `execution.exitCode` and `execution.error`.
   *
   * @throws never synchronously; the handle rejects with the same exceptions as that of `codes.run`
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
   * Returns the events of a command as plain data. The request is sent at the first `next`; events are read as they are
   * consumed, and not kept.
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
   * Ends a command by its `execution.id`: sends SIGTERM to its process group, and SIGKILL after 3 s. Resolves when it has
   * ended. Do not pass the id of a session (which is also the id of its runs): the server would delete the session.
   *
   * @throws {SandboxApiException} status 500 if no such command is running
   * @throws {InvalidArgumentException} for the id of a session that was created or used through this sandbox object
   */
  async interrupt(commandId: string, options: CallOptions = {}): Promise<void> {
    assertText(commandId, "commandId");
    if (this.#sessionIds.has(commandId)) {
      throw new InvalidArgumentException(
        "commandId is the id of a session, and an interrupt would delete the session. End the run with its interrupt().",
      );
    }
    const { client, json } = this.#link.execd;
    await client.DELETE("/command", {
      params: { query: { id: commandId } },
      fetch: json({ ...checkOptions(options), retry: false }).fetch,
    });
  }

  /**
   * Returns whether a command is running and how it ended, by its `execution.id`.
   *
   * For an unknown id, the request is repeated for up to a second, since some servers know a background command only some
   * time after its start. Newer servers forget a command 24 hours after its end.
   *
   * @throws {SandboxApiException} status 404 for an unknown id
   */
  getStatus(commandId: string, options: CallOptions = {}): Promise<CommandStatus> {
    return this.#handle(commandId).status(options);
  }

  /**
   * Returns the output of a background command, starting at a cursor. Standard output and standard error are merged.
   *
   * @throws {SandboxApiException} status 400 for an unknown id (after up to a second, as in {@link getStatus}), and for a
   * command that runs in the foreground
   */
  getLogs(commandId: string, options: CommandLogsOptions = {}): Promise<CommandLogs> {
    return this.#handle(commandId).logs(options);
  }

  /**
   * Iterates over the output of a background command until the command has ended. Each loop starts at the cursor; leaving
   * a loop ends the polling. A piece of text can end anywhere except inside a character.
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
    return this.#handle(commandId).follow(options);
  }

  /**
   * Starts a command in the background. Resolves to its handle when the command has been started. With `stdin: true`, you
   * can write to the handle's `stdin`; otherwise the command reads end-of-file. Your program does not exit by itself before
   * you end the input, wait for the command or dispose of the handle.
   *
   * @throws what the handle of {@link run} rejects with
   * @throws {SandboxException} `NOT_SUPPORTED` for `stdin` on a server without terminals, `NO_WEBSOCKET` as for terminals
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
    options: StartCommandOptions & { readonly stdin: true },
  ): Promise<CommandHandle & { readonly stdin: CommandInput }>;
  async start(command: string | readonly string[], options?: StartCommandOptions): Promise<CommandHandle>;
  async start(
    command: string | readonly string[],
    options: StartCommandOptions = {},
  ): Promise<CommandHandle> {
    const { stdin = false, ...rest } = checkOptions(options);
    assertBoolean(stdin, "stdin");
    const inBackground = { ...rest, background: true };
    if (!stdin) return this.#started(await this.run(command, inBackground));
    this.#source(command, inBackground); // refuses invalid options before anything is sent
    const { openInput } = await loadInput();
    const opened = await openInput(this.#link, rest.signal);
    try {
      const source = () => this.#source(command, inBackground, opened.prefix);
      return this.#started(await startRun(this.#link, inBackground, kindOf, source), opened.input);
    } catch (error) {
      void opened.input.release();
      throw error;
    }
  }

  /**
   * Returns the handle of a command that is already running, by its `execution.id` or the id of another handle. Sends no
   * request.
   */
  attach(commandId: string): CommandHandle {
    assertText(commandId, "commandId");
    return this.#handle(commandId);
  }

  /** Creates a session: a shell that keeps exported variables and the working directory between runs. */
  async createSession(options: CreateSessionOptions = {}): Promise<CommandSession> {
    const { createSession } = await import("./session-calls.js");
    return this.attachSession(await createSession(this.#link, options));
  }

  /** Returns an existing session by its id. Sends no request. */
  attachSession(sessionId: string): CommandSession {
    assertText(sessionId, "sessionId");
    return new CommandSession(sessionId, this.#link, this.#sessionIds);
  }

  /** Returns the handle of a command that has been started. A command that could not be started has an id, too. */
  #started({ id }: { readonly id?: string | undefined }, stdin?: CommandInput): CommandHandle {
    if (id !== undefined) return this.#handle(id, stdin);
    throw new SandboxException({
      code: "UNEXPECTED_RESPONSE",
      message: "POST /command: expected an init event with the command's id.",
      sandboxId: this.#link.sandboxId,
    });
  }

  #handle(id: string, stdin?: CommandInput): CommandHandle {
    return new CommandHandle(id, this.#link, (options) => this.interrupt(id, options), stdin);
  }

  /** @param prefix a shell's script that comes before the command */
  #source(command: string | readonly string[], options: CommandStreamOptions, prefix?: string): RunSource {
    assertCommand(command);
    const { cwd, env, uid, gid, background = false, timeoutSeconds, stdin, signal } = checkOptions(options);
    assertOptionalText(cwd, "cwd");
    assertEnvironment(env, "env");
    assertUnixId(uid, "uid");
    assertUnixId(gid, "gid");
    if (gid !== undefined && uid === undefined) throw new InvalidArgumentException("gid requires uid.");
    assertBoolean(background, "background");
    assertSeconds(timeoutSeconds, "timeoutSeconds");
    if (background && stdin !== undefined)
      throw new InvalidArgumentException("stdin is for the foreground; use start(command, { stdin: true }).");
    keepFailure(stdin);
    let input: RunInput | undefined;
    const { execd, config } = this.#link;
    return {
      waitForTurn: async () => {
        if (stdin === undefined) return NO_TURN;
        const { RunInput } = await loadInput();
        input = new RunInput(stdin);
        return { ...NO_TURN, release: () => input?.release() };
      },
      open: async (controller, stop) => {
        const post = async (what: { readonly command: string } | { readonly argv: string[] }) => {
          const call = execd.run(controller);
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
            fetch: call.fetch,
            parseAs: "stream",
          });
          return call.receive(response);
        };
        const script = () => (typeof command === "string" ? command : toShellCommand(command));
        const before = input === undefined ? prefix : await input.open(this.#link, controller.signal, stop);
        if (before !== undefined) return await post({ command: `${before}${script()}` });
        if (typeof command === "string") return await post({ command });
        try {
          if (this.#takesArgv) return await post({ argv: [...command] });
        } catch (error) {
          if (!isMissingCommand(error)) throw error;
          this.#takesArgv = false;
        }
        return await post({ command: script() });
      },
      interrupt: (id, limit) => this.interrupt(id, { signal: limit }),
      endsAt: "terminal-event",
      firstByteTimeoutSeconds: config.streamIdleTimeoutSeconds,
      idleTimeoutSeconds: config.streamIdleTimeoutSeconds,
      // In the background the run is complete when the command has started. Only the server can end the command.
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
