import { assertOptionalText, assertSeconds, assertText, type CallOptions } from "../arguments.js";
import { SandboxApiException } from "../errors.js";
import type { ExecutionKind } from "../execution/execution.js";
import type { Run } from "../execution/run.js";
import type { RunSource } from "../execution/run-source.js";
import type { SandboxLink } from "./link.js";
import { startRun, type RunOptions } from "./run-options.js";

/** Loaded when it is used: most programs have no sessions. */
const calls = () => import("./session-calls.js");

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
  readonly #link: SandboxLink;
  readonly #ids: Set<string>;

  /**
   * @param ids the ids of the sandbox object's sessions, among which this one's is until it is deleted
   * @internal
   */
  constructor(id: string, link: SandboxLink, ids: Set<string>) {
    this.id = id;
    this.#link = link;
    this.#ids = ids;
    ids.add(id);
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
    return startRun(this.#link, options, kindOf, () => this.#source(command, options));
  }

  /** Deletes the session and kills its run. @throws {SandboxApiException} status 404 if it does not exist */
  async delete(options: CallOptions = {}): Promise<void> {
    await (await calls()).deleteSession(this.#link, this.id, options);
    this.#ids.delete(this.id);
  }

  /** Like {@link delete}, but succeeds if the session does not exist. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.delete();
    } catch (error) {
      if (!(error instanceof SandboxApiException) || error.statusCode !== 404) throw error;
    }
  }

  #source(command: string, options: RunInSessionOptions): RunSource {
    assertText(command, "command");
    const { cwd, timeoutSeconds, signal } = options;
    assertOptionalText(cwd, "cwd");
    assertSeconds(timeoutSeconds, "timeoutSeconds");
    const { id } = this;
    const { config, execd, runs } = this.#link;
    return {
      // The server does not lock a session: of two simultaneous runs, the later one to end would overwrite the state.
      waitForTurn: (queueing) => runs.waitForTurn({ id, language: "session" }, queueing),
      open: async (controller) => {
        const { runInSession } = await calls();
        return await runInSession(this.#link, id, { command, cwd, timeoutSeconds }, controller);
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
