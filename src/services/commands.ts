import { InvalidArgumentException } from "../errors.js";
import type { ExecutionEvent } from "../execution/event.js";
import { iterateEvents } from "../execution/event-iterable.js";
import type { ExecutionHandlers } from "../execution/handlers.js";
import type { RunSlot } from "../execution/run-queue.js";
import { Run } from "../execution/run.js";
import type { RunSource } from "../execution/run-stream.js";
import { unwrapEmpty, unwrapStream } from "../transport/client.js";
import {
  assertEnvironment,
  assertHandlers,
  assertInteger,
  assertSeconds,
  assertText,
  type CallOptions,
} from "./arguments.js";
import type { SandboxLink } from "./link.js";

/** How much later than the client's deadline the server ends a command that the client could not stop. In seconds. */
const SERVER_TIMEOUT_MARGIN_SECONDS = 2;
/** What a user or group id can be. */
const LARGEST_ID = 2 ** 32 - 1;
// Commands run side by side; there is no turn to wait for.
const NO_TURN: RunSlot = { joinContext: () => undefined, release: () => undefined };

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
export interface RunCommandOptions extends CommandStreamOptions {
  /** Called for each event, in order. */
  readonly handlers?: ExecutionHandlers | undefined;
}

/** Runs shell commands. */
export class Commands {
  readonly #link: SandboxLink;

  /** @internal */
  constructor(link: SandboxLink) {
    this.#link = link;
  }

  /**
   * Runs a command with `bash -c` and gives a handle at once: a promise of the {@link Execution} that is also an
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
  run(command: string, options: RunCommandOptions = {}): Run {
    const { handlers } = options;
    return new Run({
      kind: options.background === true ? "background-command" : "command",
      sandboxId: this.#link.sandboxId,
      logger: this.#link.config.logger,
      handlers,
      source: () => {
        assertHandlers(handlers);
        return this.#source(command, options);
      },
    });
  }

  /**
   * The events of a command in their plain form: sent at the first `next`, read no faster than they are taken, not kept.
   *
   * @throws what {@link run} rejects with, but without a partial execution
   */
  runStream(command: string, options: CommandStreamOptions = {}): AsyncIterable<ExecutionEvent> {
    return iterateEvents(() => this.#source(command, options));
  }

  /**
   * Ends a command, by the id that `execution.id` has: SIGTERM to its process group, and SIGKILL after 3 s; resolves
   * when it is gone. Never give it the id of a session: the server would delete the session.
   *
   * @throws {SandboxApiException} status 500 where no such command runs (any more)
   */
  async interrupt(commandId: string, options: CallOptions = {}): Promise<void> {
    assertText(commandId, "commandId");
    const { client, json } = this.#link.execd;
    unwrapEmpty(
      await client.DELETE("/command", {
        params: { query: { id: commandId } },
        ...json({ ...options, retry: false }),
      }),
    );
  }

  #source(command: string, options: CommandStreamOptions): RunSource {
    assertText(command, "command");
    const { cwd, env, uid, gid, background = false, timeoutSeconds, signal } = options;
    if (cwd !== undefined) assertText(cwd, "cwd");
    assertEnvironment(env, "env");
    assertInteger(uid, "uid", 0, LARGEST_ID);
    assertInteger(gid, "gid", 0, LARGEST_ID);
    if (gid !== undefined && uid === undefined) throw new InvalidArgumentException("gid needs uid.");
    if (typeof background !== "boolean")
      throw new InvalidArgumentException("background must be true or false.");
    assertSeconds(timeoutSeconds, "timeoutSeconds");
    const { execd, config } = this.#link;
    return {
      acquire: () => Promise.resolve(NO_TURN),
      open: async (request) =>
        unwrapStream(
          await execd.client.POST("/command", {
            body: {
              command,
              ...(cwd !== undefined && { cwd }),
              ...(env !== undefined && { envs: { ...env } }),
              ...(uid !== undefined && { uid }),
              ...(gid !== undefined && { gid }),
              ...(background && { background }),
              ...(timeoutSeconds !== undefined && {
                timeout: serverTimeoutMillis(timeoutSeconds, background),
              }),
            },
            ...execd.stream({ signal: request }),
          }),
        ),
      interrupt: (id, limit) => this.interrupt(id, { signal: limit }),
      endsAt: "terminal-event",
      firstByteTimeoutSeconds: config.streamIdleTimeoutSeconds,
      idleTimeoutSeconds: config.streamIdleTimeoutSeconds,
      // In the background the run is over once the command has started: only the server can end it.
      timeoutSeconds: background ? undefined : timeoutSeconds,
      signal,
      logger: config.logger,
    };
  }
}

function serverTimeoutMillis(timeoutSeconds: number, background: boolean): number {
  const margin = background ? 0 : SERVER_TIMEOUT_MARGIN_SECONDS;
  return Math.ceil((timeoutSeconds + margin) * 1_000);
}
