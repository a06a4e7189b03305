import {
  assertEnvironment,
  assertInteger,
  assertSeconds,
  assertText,
  type CallOptions,
  checkOptions,
} from "../../arguments.js";
import { createExecdClient } from "../../../generated/execd.js";
import { SandboxApiException } from "../../errors.js";
import type { Run } from "../../execution/run.js";
import type { RunSource } from "../../execution/run-source.js";
import { defined } from "../../transport/request.js";
import { expectDate, expectRecord, expectText, optionalDate } from "../../transport/response.js";
import { decoder, unfinishedLength, type CommandLogs, type CommandLogsOptions } from "../command-logs.js";
import { Files } from "../files.js";
import type { SandboxLink } from "../link.js";
import { startRun, type RunOptions } from "../run-options.js";
import { SERVER_TIMEOUT_MARGIN_SECONDS } from "../server-timeout.js";
import { explainNoBackground, explainUnavailable } from "./availability.js";
import { toSessionInfo, type CreateIsolatedSessionOptions, type IsolatedSessionInfo } from "./requests.js";

const CURSOR_HEADER = "EXECD-ISOLATED-TAIL-CURSOR";

/** Options of {@link IsolatedSession.run}. */
export interface RunIsolatedOptions extends RunOptions {
  /** Environment variables of this run. With any, the run keeps no state. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** The time limit in seconds, without the wait for its turn; the run then rejects with `RUN_TIMEOUT`. @default no limit */
  readonly timeoutSeconds?: number | undefined;
}

/** Options of `isolated.runOnce`: those of the session and those of the run. */
export interface RunOnceOptions extends CreateIsolatedSessionOptions, RunIsolatedOptions {}

/** Options of {@link IsolatedSession.start}. */
export interface StartIsolatedOptions extends CallOptions {
  /** Environment variables of this run. */
  readonly env?: Readonly<Record<string, string>> | undefined;
}

/** A background run of an isolated session. */
export interface IsolatedRunStatus {
  readonly id: string;
  readonly isRunning: boolean;
  /** `null` while it runs, and if it did not end by itself. */
  readonly exitCode: number | null;
  /** Why there is no exit code. */
  readonly error: string | undefined;
  readonly startedAt: Date;
  readonly finishedAt: Date | undefined;
}

/**
 * A shell in a box of its own. Variables, functions and the working directory last from run to run. `await using` deletes
 * the session.
 */
export class IsolatedSession {
  /** The session's id. */
  readonly id: string;
  /**
   * The files of the workspace; paths are absolute, or relative to it. Servers know neither owners nor the time of creation
   * there, and refuse to delete a file that is missing (status 500). In an `overlay`, the session's shell does not see what
   * is written here.
   */
  readonly files: Files;
  readonly #link: SandboxLink;

  /** @internal */
  constructor(link: SandboxLink, id: string) {
    this.id = id;
    this.#link = link;
    const { execd } = link;
    // The routes are those of the sandbox's files, below the session's.
    const client = createExecdClient({
      ...execd.clientOptions,
      baseUrl: execd.clientOptions.pathSerializer("/v1/isolated/session/{id}", { id }),
    });
    this.files = new Files({
      config: link.config,
      execd: {
        client,
        json: execd.json,
        download: (options) => execd.download(options),
        upload: (options) => execd.upload(options),
      },
    });
  }

  /**
   * Runs shell code and returns a handle at once, like {@link Commands.run}. Runs in one session take turns.
   *
   * Standard error arrives as standard output, and the server omits blank lines. A silent run is not checked for life.
   * `interrupt()` ends the request. The server then interrupts the code, and the handle rejects with `RUN_CANCELLED`. `exit`
   * ends the session.
   *
   * @throws never synchronously; the handle rejects with status 404 if the session does not exist
   */
  run(code: string, options: RunIsolatedOptions = {}): Run {
    return startRun(
      this.#link,
      options,
      () => "command",
      () => this.#source(code, options),
    );
  }

  /**
   * Starts code as a process of its own, which goes on when the request has ended, and returns its status. It neither sees
   * nor changes the variables of the shell. Nothing ends it but the end of the session.
   *
   * @throws {SandboxApiException} status 400 if the session is dead, or cannot write to its workspace; `UNEXPECTED_RESPONSE`
   * from servers before September 2026, which run the code in the foreground
   */
  async start(code: string, options: StartIsolatedOptions = {}): Promise<IsolatedRunStatus> {
    assertText(code, "code");
    const { env, signal } = checkOptions(options);
    assertEnvironment(env, "env");
    const { client, json } = this.#link.execd;
    const call = json({ signal });
    const { data } = await client
      .POST("/v1/isolated/session/{sessionId}/run", {
        params: this.#params,
        body: defined({ code, envs: env, background: true }),
        fetch: call.fetch,
      })
      .catch(explainUnavailable);
    return toRunStatus({ running: true, ...expectRecord(data as object | undefined, call) }, call);
  }

  /** Returns whether a background run goes on, and how it ended. @throws {SandboxApiException} status 404 if there is none */
  async getRun(runId: string, options: CallOptions = {}): Promise<IsolatedRunStatus> {
    assertText(runId, "runId");
    const { client, json } = this.#link.execd;
    const call = json(options);
    const { data } = await client
      .GET("/v1/isolated/session/{sessionId}/runs/{runId}", {
        params: { path: { ...this.#params.path, runId } },
        fetch: call.fetch,
      })
      .catch(explainNoBackground);
    return toRunStatus(expectRecord(data, call), call);
  }

  /**
   * Reads the output of a background run, standard error with it, from a cursor on: at most 16 MiB at a time. An incomplete
   * character at its end is left for the next call.
   *
   * @throws {SandboxApiException} status 404 if there is none
   */
  async getRunLogs(runId: string, options: CommandLogsOptions = {}): Promise<CommandLogs> {
    assertText(runId, "runId");
    const { cursor = 0, signal } = checkOptions(options);
    assertInteger(cursor, "cursor");
    const { execd } = this.#link;
    const call = execd.download({ signal });
    const { response } = await execd.client
      .GET("/v1/isolated/session/{sessionId}/runs/{runId}/logs", {
        params: { path: { ...this.#params.path, runId }, query: { cursor } },
        fetch: call.fetch,
        parseAs: "stream",
      })
      .catch(explainNoBackground);
    const { body, headers } = call.receive(response);
    const all = await body.readAll();
    const rest = unfinishedLength(all);
    const bytes = rest === 0 ? all : all.subarray(0, -rest);
    const next = Number(headers.get(CURSOR_HEADER) ?? NaN);
    return {
      text: decoder().decode(bytes),
      bytes,
      cursor: (Number.isSafeInteger(next) ? next : cursor + all.length) - rest,
    };
  }

  /** Returns the session's state. @throws {SandboxApiException} status 404, `SESSION_NOT_FOUND` */
  async getInfo(options: CallOptions = {}): Promise<IsolatedSessionInfo> {
    const { client, json } = this.#link.execd;
    const call = json(options);
    const { data } = await client
      .GET("/v1/isolated/session/{sessionId}", { params: this.#params, fetch: call.fetch })
      .catch(explainUnavailable);
    return toSessionInfo(this.id, expectRecord(data, call), call);
  }

  /**
   * Ends the session, with what runs in it and what an overlay holds.
   *
   * @throws {SandboxApiException} status 404 if it does not exist; 500 if that takes too long, which you can repeat
   */
  async delete(options: CallOptions = {}): Promise<void> {
    const { client, json } = this.#link.execd;
    await client
      .DELETE("/v1/isolated/session/{sessionId}", { params: this.#params, fetch: json(options).fetch })
      .catch(explainUnavailable);
  }

  /** Like {@link delete}, but succeeds if the session does not exist. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.delete();
    } catch (error) {
      if (!(error instanceof SandboxApiException) || error.statusCode !== 404) throw error;
    }
  }

  get #params() {
    return { path: { sessionId: this.id } };
  }

  #source(code: string, options: RunIsolatedOptions): RunSource {
    assertText(code, "code");
    const { env, timeoutSeconds, signal } = options;
    assertEnvironment(env, "env");
    assertSeconds(timeoutSeconds, "timeoutSeconds");
    const { config, runs, execd } = this.#link;
    return {
      // The server queues too, but the time limit begins with the run.
      waitForTurn: (queueing) => runs.waitForTurn({ id: this.id, language: "session" }, queueing),
      open: async (controller) => {
        const call = execd.run(controller);
        const { response } = await execd.client
          .POST("/v1/isolated/session/{sessionId}/run", {
            params: this.#params,
            body: defined({
              code,
              envs: env,
              timeout_seconds: timeoutSeconds && Math.ceil(timeoutSeconds + SERVER_TIMEOUT_MARGIN_SECONDS),
            }),
            fetch: call.fetch,
            parseAs: "stream",
          })
          .catch(explainUnavailable);
        return call.receive(response);
      },
      // Servers have no operation for it. Ending the request interrupts the code.
      interrupt: undefined,
      endsAt: "terminal-event",
      // There are no pings, and the headers come with the first line.
      firstByteTimeoutSeconds: null,
      idleTimeoutSeconds: null,
      timeoutSeconds,
      maxFrameBytes: config.maxFrameBytes,
      signal,
      logger: execd.logger,
    };
  }
}

type Fields = Readonly<Record<string, unknown>>;

function toRunStatus(state: object, call: Parameters<typeof expectText>[2]): IsolatedRunStatus {
  const { run_id, running, exit_code, error, started_at, finished_at } = state as Fields;
  return {
    id: expectText(run_id, "run_id", call),
    isRunning: running === true,
    exitCode: typeof exit_code === "number" ? exit_code : null,
    error: typeof error === "string" && error !== "" ? error : undefined,
    startedAt: expectDate(started_at, "started_at", call),
    finishedAt: optionalDate(finished_at, "finished_at", call),
  };
}
