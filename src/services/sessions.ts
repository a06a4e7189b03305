import {
  assertOptionalText,
  assertSeconds,
  assertText,
  type CallOptions,
  checkOptions,
} from "../arguments.js";
import { SandboxApiException } from "../errors.js";
import type { ExecutionKind } from "../execution/execution.js";
import type { Run } from "../execution/run.js";
import type { RunSource } from "../execution/run-source.js";
import { defined } from "../transport/request.js";
import { expectRecord, expectText } from "../transport/response.js";
import type { SandboxLink } from "./link.js";
import { startRun, type RunOptions } from "./run-options.js";
import { serverTimeoutMillis } from "./server-timeout.js";

/** Options of `createSession`. */
export interface CreateSessionOptions extends CallOptions {
  /** The working directory of the first run. Created if it does not exist. @default the server's own directory */
  readonly cwd?: string | undefined;
}

/** Options of {@link CommandSession.run}. */
export interface RunInSessionOptions extends RunOptions {
  /** The working directory, also for later runs of the session. It must exist. @default where the previous run ended */
  readonly cwd?: string | undefined;
  /** The time limit in seconds, without the wait for its turn; the run then rejects with `RUN_TIMEOUT`. @default no limit */
  readonly timeoutSeconds?: number | undefined;
}

/**
 * A shell session. It keeps exported variables and the working directory between runs.
 *
 * Each run is a new shell: functions, aliases, options, jobs and variables that are not exported are lost, and so are all
 * changes of a run that ends with `exit`. `await using` deletes the session.
 *
 * @example
 * ```ts
 * await using session = await sandbox.commands.createSession({ cwd: "/workspace" });
 * await session.run("cd src && export MODE=test");
 * const { stdout } = await session.run('echo "$PWD $MODE"'); // "/workspace/src test\n"
 * ```
 */
export class CommandSession {
  /** The session's id. Do not pass it to `commands.interrupt`: the server would delete the session. */
  readonly id: string;
  readonly #sessions: Sessions;

  /** @internal */
  constructor(id: string, sessions: Sessions) {
    this.id = id;
    this.#sessions = sessions;
  }

  /**
   * Runs a command in the session and returns a handle at once, like {@link Commands.run}. Runs in one session take turns.
   *
   * Standard error arrives as standard output, and the server omits blank lines. `interrupt()` ends the request. The
   * server then kills the shell, and the handle rejects with `RUN_CANCELLED`.
   *
   * @throws never synchronously; the handle rejects like that of {@link Commands.run}, and with status 500 if the session
   * does not exist
   */
  run(command: string, options: RunInSessionOptions = {}): Run {
    return this.#sessions.run(this.id, command, options);
  }

  /** Deletes the session and kills its run. @throws {SandboxApiException} status 404 if it does not exist */
  delete(options: CallOptions = {}): Promise<void> {
    return this.#sessions.delete(this.id, options);
  }

  /** Like {@link delete}, but succeeds if the session does not exist. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.delete();
    } catch (error) {
      if (!(error instanceof SandboxApiException) || error.statusCode !== 404) throw error;
    }
  }
}

/** Creates the sessions of a sandbox for {@link Commands}. */
export class Sessions {
  readonly #link: SandboxLink;
  readonly #ids = new Set<string>();

  constructor(link: SandboxLink) {
    this.#link = link;
  }

  /** Returns whether an id belongs to a session of this object. */
  has(id: string): boolean {
    return this.#ids.has(id);
  }

  async create(options: CreateSessionOptions): Promise<CommandSession> {
    const { cwd, signal } = checkOptions(options);
    assertOptionalText(cwd, "cwd");
    const { client, json } = this.#link.execd;
    const call = json({ signal });
    const { data } = await client.POST("/session", {
      body: defined({ cwd }),
      fetch: call.fetch,
    });
    const id = expectText(expectRecord(data, call).session_id, "session_id", call);
    return this.attach(id);
  }

  attach(id: string): CommandSession {
    this.#ids.add(id);
    return new CommandSession(id, this);
  }

  run(sessionId: string, command: string, options: RunInSessionOptions): Run {
    return startRun(this.#link, options, kindOf, () => this.#source(sessionId, command, options));
  }

  async delete(sessionId: string, options: CallOptions): Promise<void> {
    const { client, json } = this.#link.execd;
    await client.DELETE("/session/{sessionId}", {
      params: { path: { sessionId } },
      fetch: json(options).fetch,
    });
    this.#ids.delete(sessionId);
  }

  #source(sessionId: string, command: string, options: RunInSessionOptions): RunSource {
    assertText(command, "command");
    const { cwd, timeoutSeconds, signal } = options;
    assertOptionalText(cwd, "cwd");
    assertSeconds(timeoutSeconds, "timeoutSeconds");
    const { config, runs, execd } = this.#link;
    return {
      // The server does not lock a session: of two simultaneous runs, the later one to end would overwrite the state.
      waitForTurn: (queueing) => runs.waitForTurn({ id: sessionId, language: "session" }, queueing),
      open: async (controller) => {
        const call = execd.run(controller);
        const { response } = await execd.client.POST("/session/{sessionId}/run", {
          params: { path: { sessionId } },
          body: defined({ command, cwd, timeout: serverTimeoutMillis(timeoutSeconds) }),
          fetch: call.fetch,
          parseAs: "stream",
        });
        return call.receive(response);
      },
      // An interrupt deletes a session. Ending the request kills the command.
      interrupt: undefined,
      // The server saves the session's state before it ends the stream.
      endsAt: "end-of-stream",
      firstByteTimeoutSeconds: config.streamIdleTimeoutSeconds,
      idleTimeoutSeconds: config.streamIdleTimeoutSeconds,
      timeoutSeconds,
      maxFrameBytes: config.maxFrameBytes,
      signal,
      logger: execd.logger,
    };
  }
}

function kindOf(): ExecutionKind {
  return "command";
}
