import { randomBytes } from "node:crypto";
import { Child, describeEnding, type Ending, type Launch } from "./child.js";
import type { Configuration } from "../configuration.js";
import { currentEnvironment } from "../environment.js";
import type { EventStream } from "../http/event-stream.js";
import { formatNanoseconds } from "../http/go-errors.js";
import { deliverEnding, deliverOutput } from "./delivery.js";
import { OutputLogs, type OutputLog } from "./output-log.js";
import type { PipePool } from "../pipes.js";
import { badRequest, runtimeError } from "../http/problems.js";
import { problem } from "../../wire/problem.js";

// Beyond these numbers, the oldest ended commands are forgotten.
const REMEMBERED_COMMANDS = 10_000;
const LOGGED_BYTES = 512 * 2 ** 20;

/** A validated command. */
export interface CommandSpec {
  /** Text for the shell, or a program and its arguments. */
  readonly command: string | readonly string[];
  /** An absolute path of an existing directory. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  /** 0 for no timeout. */
  readonly timeoutMs: number;
}

/** The status of a command, as execd reports it. */
export interface CommandStatus {
  readonly id: string;
  readonly content: string;
  readonly running: boolean;
  readonly exit_code?: number | undefined;
  readonly error?: string | undefined;
  readonly started_at: string;
  readonly finished_at?: string | undefined;
}

interface CommandRecord {
  readonly id: string;
  readonly content: string;
  readonly startedAt: string;
  /** The output of a background command. */
  readonly log: OutputLog | undefined;
  child: Child | undefined;
  ended: { readonly ending: Ending; readonly at: string } | undefined;
}

/** Runs commands. A command continues when its client disconnects. */
export class Commands {
  readonly #configuration: Configuration;
  readonly #pipes: PipePool;
  readonly #logs: OutputLogs;
  // Oldest first.
  readonly #records = new Map<string, CommandRecord>();

  constructor(configuration: Configuration, pipes: PipePool) {
    this.#configuration = configuration;
    this.#pipes = pipes;
    this.#logs = new OutputLogs(Math.min(LOGGED_BYTES, (configuration.limits?.diskBytes ?? Infinity) / 4));
  }

  /** Starts a command and sends its events. Resolves when it has ended. */
  async run(spec: CommandSpec, events: EventStream): Promise<void> {
    const stdout = await this.#pipes.take();
    const stderr = await this.#pipes.take();
    const record = this.#register(spec);
    events.start(record.id);
    const memoryBytes = this.#configuration.limits?.memoryBytes;
    const finishOutput = deliverOutput({ stdout, stderr }, events, { rules: "command", memoryBytes });
    record.child = new Child(this.#launch(spec), stdout, stderr);
    const ending = await record.child.ending;
    finishOutput();
    this.#finish(record, ending);
    deliverEnding(ending, events);
  }

  /** Starts a command whose output goes to a log. Resolves when it has started. */
  async runInBackground(spec: CommandSpec, events: EventStream): Promise<void> {
    const output = await this.#pipes.take();
    const log = this.#logs.create();
    const record = this.#register(spec, log);
    events.start(record.id);
    output.listen((chunk) => log.append(chunk));
    // Processes that the command leaves running may still write.
    output.onEnd(() => log.close());
    const child = new Child(this.#launch(spec), output);
    record.child = child;
    const ended = child.ending.then((ending) => {
      output.drain();
      this.#finish(record, ending);
      return ending;
    });
    const started = child.hasStarted ? undefined : await ended;
    if (started !== undefined && "failure" in started) {
      events.fail("RUNTIME_ERROR", `error running commands ${started.failure}`);
      return;
    }
    events.send({ type: "execution_complete" });
    events.end();
  }

  has(id: string): boolean {
    return this.#records.has(id);
  }

  /** Ends a command, after 3 s with SIGKILL. Resolves when it has ended. */
  async interrupt(id: string): Promise<void> {
    const record = this.#records.get(id);
    if (record?.child === undefined || record.ended !== undefined) {
      // "interruptting" is execd's own spelling.
      throw runtimeError(`error interruptting code context. command session ${id} is not running`);
    }
    await record.child.terminate();
  }

  /** @throws {Problem} 404 */
  status(id: string): CommandStatus {
    const record = this.#records.get(id);
    if (record === undefined) throw problem(404, "INVALID_REQUEST_BODY", `command not found: ${id}`);
    const { content, startedAt, ended } = record;
    const description = ended && describeEnding(ended.ending);
    return {
      id,
      content,
      running: ended === undefined,
      exit_code: description?.exitCode,
      error: description?.error === "" ? undefined : description?.error,
      started_at: startedAt,
      finished_at: ended?.at,
    };
  }

  /** Returns the output of a background command. @throws {Problem} 400 */
  log(id: string): OutputLog {
    const record = this.#records.get(id);
    if (record === undefined) throw badRequest(`command not found: ${id}`);
    if (record.log !== undefined) return record.log;
    throw badRequest(`command ${id} is not running in background`);
  }

  #launch({ command, cwd, env, uid, gid, timeoutMs }: CommandSpec): Launch {
    const argv = typeof command === "string" ? ["bash", "-c", command] : command;
    return { argv, cwd, env: { ...currentEnvironment(this.#configuration), ...env }, uid, gid, timeoutMs };
  }

  #register({ command }: CommandSpec, log?: OutputLog): CommandRecord {
    const id = randomBytes(16).toString("hex");
    const content = typeof command === "string" ? command : command.join(" ");
    const record: CommandRecord = {
      id,
      content,
      startedAt: currentTime(),
      log,
      child: undefined,
      ended: undefined,
    };
    this.#records.set(id, record);
    for (const oldest of this.#records.values()) {
      if (this.#records.size <= REMEMBERED_COMMANDS) break;
      if (oldest.ended === undefined) continue;
      this.#records.delete(oldest.id);
      oldest.log?.delete();
    }
    return record;
  }

  #finish(record: CommandRecord, ending: Ending): void {
    record.ended = { ending, at: currentTime() };
  }
}

function currentTime(): string {
  return formatNanoseconds(BigInt(Math.round((performance.timeOrigin + performance.now()) * 1e6)));
}
