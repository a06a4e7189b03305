import type { ExecutionError, ExecutionEvent } from "./event.js";
import type { KeptOutput } from "./kept-values.js";
import type { OutputBound, OutputMessage } from "./output-log.js";
import { ExecutionResult } from "./result.js";

/** The output by stream, in order of arrival. execd does not keep the order across the two streams. */
export interface ExecutionLogs {
  readonly stdout: readonly OutputMessage[];
  readonly stderr: readonly OutputMessage[];
}

/** The server's report that the run is complete. */
export interface ExecutionComplete {
  /** The run's duration as measured by the server, in milliseconds. Too short if the event came before the output. */
  readonly executionTimeMs: number;
  /** The time of the event, in milliseconds since 1970-01-01 UTC. */
  readonly timestamp: number;
}

/** Determines how output is joined and whether there is an exit code. */
export type ExecutionKind = "code" | "command" | "background-command";

/** What takes the output of an execution. */
interface Output {
  readonly stdout: Sink<OutputMessage>;
  readonly stderr: Sink<OutputMessage>;
  readonly results: Sink<ExecutionResult>;
}

interface Sink<Item> {
  push(item: Item): unknown;
}

/** Assigned inside the class, which can write its private fields. */
let fold: (execution: Execution, event: ExecutionEvent) => ExecutionResult | undefined;
let keep: (execution: Execution, kept: KeptOutput) => void;

/**
 * The outcome of a run, or its outcome so far while it is running.
 *
 * An error in the user's code is returned as data ({@link error}, {@link exitCode}), never thrown.
 */
export class Execution {
  /** The context's id for code, the command's id for commands; `undefined` until the server has sent it. */
  readonly id: string | undefined;
  /** The kernel's count of runs that returned a value, from 1; `undefined` if the kernel did not send it. */
  readonly executionCount: number | undefined;
  /** The output. */
  readonly logs: ExecutionLogs;
  /** The values that the code displayed, including the value of its last expression. */
  readonly results: readonly ExecutionResult[];
  /** The error of the code or the command; `undefined` if it did not fail. */
  readonly error: ExecutionError | undefined;
  /** The server's completion event, if it has arrived. A failed command has none. */
  readonly complete: ExecutionComplete | undefined;
  /**
   * The exit code of a command in the foreground; `null` if it is unknown (still running, not started, or ended before it
   * could be reported); `-1` if a signal ended the command. `undefined` for code and for background commands.
   */
  readonly exitCode: number | null | undefined;
  readonly #kind: ExecutionKind;
  /** Where output goes: to the lists of {@link logs} and {@link results}, or to what keeps a part of it. */
  #output: Output;
  /** The kept output, if it is bounded. */
  #kept: KeptOutput | undefined;

  static {
    fold = (execution, event) => {
      // Read-only for users. Only this function writes to it.
      const open: { -readonly [Field in keyof Execution]: Execution[Field] } = execution;
      switch (event.type) {
        case "stdout":
          execution.#output.stdout.push(event);
          return undefined;
        case "stderr":
          execution.#output.stderr.push(event);
          return undefined;
        case "result": {
          const result = new ExecutionResult(event.results, event.timestamp);
          execution.#output.results.push(result);
          return result;
        }
        case "init":
          if (event.id !== "") open.id = event.id;
          return undefined;
        case "execution_count":
          open.executionCount = event.executionCount;
          return undefined;
        case "execution_complete":
          open.complete = { executionTimeMs: event.executionTimeMs, timestamp: event.timestamp };
          if (execution.exitCode === null && execution.error === undefined) open.exitCode = 0;
          return undefined;
        case "error":
          open.error = execution.#kept?.boundError(event.error) ?? event.error;
          if (execution.exitCode !== undefined) open.exitCode = exitCodeOf(event.error.value);
          return undefined;
        default:
          return undefined;
      }
    };
    keep = (execution, kept) => {
      execution.#output = execution.#kept = kept;
    };
  }

  /** @internal */
  constructor(kind: ExecutionKind = "code") {
    this.#kind = kind;
    const [stdout, stderr, results]: [OutputMessage[], OutputMessage[], ExecutionResult[]] = [[], [], []];
    this.#output = { stdout, stderr, results };
    this.id = undefined;
    this.executionCount = undefined;
    this.logs = { stdout, stderr };
    this.results = results;
    this.error = undefined;
    this.complete = undefined;
    this.exitCode = kind === "command" ? null : undefined;
  }

  /**
   * Where `maxOutputBytes` has left something out: text of a stream, results or formats of results, parts of the error.
   * Handlers and loops receive everything.
   */
  get truncated(): Readonly<Record<"stdout" | "stderr" | "results" | "error", boolean>> {
    return this.#kept?.truncated ?? { stdout: false, stderr: false, results: false, error: false };
  }

  /** All of standard output as one string. It is joined at each access. */
  get stdout(): string {
    return join(this.logs.stdout, this.#kind);
  }

  /** All of standard error as one string. It is joined at each access. */
  get stderr(): string {
    return join(this.logs.stderr, this.#kind);
  }

  /**
   * The signal that ended a command, by the server's name (`killed`, `terminated`); `undefined` if no signal did. It is
   * also `killed` if the server's own time limit ended the command.
   */
  get signal(): string | undefined {
    return this.#kind === "code" ? undefined : signalOf(this.error?.traceback.at(-1));
  }

  /** The `text/plain` form of the last result. */
  get text(): string | undefined {
    return this.results.at(-1)?.text;
  }
}

/** Bounds the output that an execution keeps. Call it before the first event. Loaded when it is used: most runs have no bound. */
export async function boundOutput(execution: Execution, bound: OutputBound): Promise<void> {
  const { KeptOutput } = await import("./kept-values.js");
  keep(execution, new KeptOutput(bound, execution));
}

/** Adds an event to an execution. Returns the added result, if the event is one. */
export function foldEvent(execution: Execution, event: ExecutionEvent): ExecutionResult | undefined {
  return fold(execution, event);
}

// execd sends a command's output by lines without the newline, and an empty line as "\n", since it omits empty strings.
function join(messages: readonly OutputMessage[], kind: ExecutionKind): string {
  const texts = messages.map(({ text }) => text);
  if (kind === "code") return texts.join("");
  return texts.map((text) => (text === "\n" ? text : `${text}\n`)).join("");
}

function exitCodeOf(value: string): number | null {
  return /^-?\d+$/.test(value) ? Number(value) : null;
}

/** Returns Go's name for the signal that ended a process, from its message about the end of the process. */
export function signalOf(ending: string | undefined): string | undefined {
  return /^signal: (.+?)(?: \(core dumped\))?$/.exec(ending ?? "")?.[1];
}
