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
import type { RunSource } from "../execution/run-stream.js";
import { defined } from "../transport/request.js";
import { expectRecord, expectText } from "../transport/response.js";
import type { SandboxLink } from "./link.js";
import { startRun, type RunOptions } from "./run-options.js";
import { serverTimeoutMillis } from "./server-timeout.js";

/** Options of `createSession`. */
export interface CreateSessionOptions extends CallOptions {
  /** Where the first run begins; created if it is not there. @default the server's own directory */
  readonly cwd?: string | undefined;
}

/** Options of {@link CommandSession.run}. */
export interface RunInSessionOptions extends RunOptions {
  /** Where it runs, and later runs of the session too; must exist. @default where the last run ended */
  readonly cwd?: string | undefined;
  /** Ends the command, and the run then rejects with `RUN_TIMEOUT`; in seconds from sending, without the wait for its turn. @default none */
  readonly timeoutSeconds?: number | undefined;
}

/**
 * A shell session: exported variables and the working directory last from run to run.
 *
 * Each run is a shell of its own, so that functions, aliases, options, jobs and variables that are not exported do not
 * last; nor does what a run that ends by `exit` has changed. `await using` deletes the session.
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
   * Runs a command in the session and returns a handle at once, as {@link Commands.run} does. Runs in one session take
   * turns.
   *
   * Standard error arrives as standard output, and the server leaves out blank lines. A run is stopped by ending its
   * request, which kills its shell on the server: after `interrupt()` the handle rejects with `RUN_CANCELLED`.
   *
   * @throws never synchronously; the handle rejects as that of {@link Commands.run}, and with status 500 if the session
   * is gone
   */
  run(command: string, options: RunInSessionOptions = {}): Run {
    return this.#sessions.run(this.id, command, options);
  }

  /** Deletes the session and kills what runs in it. @throws {SandboxApiException} status 404 if it is gone already */
  delete(options: CallOptions = {}): Promise<void> {
    return this.#sessions.delete(this.id, options);
  }

  /** As {@link delete}, but succeeds if the session is gone already. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.delete();
    } catch (error) {
      if (!(error instanceof SandboxApiException) || error.statusCode !== 404) throw error;
    }
  }
}

/** The sessions of a sandbox; users reach them through `commands`. */
export class Sessions {
  readonly #link: SandboxLink;
  readonly #ids = new Set<string>();

  constructor(link: SandboxLink) {
    this.#link = link;
  }

  /** Tells whether an id is known to be that of a session. */
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
      // The server does not lock a session: of two runs at a time, the one that ends last decides what is remembered.
      acquire: (queueing) => runs.acquire({ id: sessionId, language: "session" }, queueing),
      open: async (controller) => {
        const call = execd.stream(controller);
        const { response } = await execd.client.POST("/session/{sessionId}/run", {
          params: { path: { sessionId } },
          body: defined({ command, cwd, timeout: serverTimeoutMillis(timeoutSeconds) }),
          parseAs: "stream",
          fetch: call.fetch,
        });
        return call.receive(response);
      },
      // An interrupt deletes a session. Ending the request kills the command.
      interrupt: undefined,
      // By then the server has taken in what the next run is to find.
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
