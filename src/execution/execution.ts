import type { ExecutionError, ExecutionEvent } from "./event.js";
// oxlint-disable-next-line import/no-cycle -- see errors.ts
import { KeptOutput, type ResultLog } from "./kept-values.js";
import type { OutputBound, OutputLog, OutputMessage } from "./output-log.js";
// oxlint-disable-next-line import/no-cycle -- see errors.ts
import { ExecutionResult } from "./result.js";

/** What was printed, by stream, in the order in which it arrived. execd does not keep the order *across* the two streams. */
export interface ExecutionLogs {
  readonly stdout: readonly OutputMessage[];
  readonly stderr: readonly OutputMessage[];
}

/** The server's event that the run is complete. */
export interface ExecutionComplete {
  /** What the server measured, in milliseconds; meaningless if the event arrived before the output. */
  readonly executionTimeMs: number;
  /** When, in milliseconds since 1970 (UTC). */
  readonly timestamp: number;
}

/** How output is put together again and whether there is an exit code. */
export type ExecutionKind = "code" | "command" | "background-command";

/** Assigned inside the class, where its private fields can be written. */
let fold: (execution: Execution, event: ExecutionEvent) => ExecutionResult | undefined;

/**
 * The outcome of a run; while it runs, the outcome so far.
 *
 * An error in the user's code is returned as data ({@link error}, {@link exitCode}), never thrown.
 */
export class Execution {
  /** The context's id for code, the command's id for commands; `undefined` until the server has sent it. */
  readonly id: string | undefined;
  /** The kernel's count of runs that returned a value, from 1; `undefined` if it sent none. */
  readonly executionCount: number | undefined;
  /** Printed messages. */
  readonly logs: ExecutionLogs;
  /** Values that were shown, the value of the last expression among them. */
  readonly results: readonly ExecutionResult[];
  /** How the code or the command failed; `undefined` if it did not. */
  readonly error: ExecutionError | undefined;
  /** The server's completion event, if it arrived; a failed command has none. */
  readonly complete: ExecutionComplete | undefined;
  /**
   * For commands in the foreground: 0, the exit code, or `null` where none is known (ended by a signal before
   * it could say one, not started, still running). `-1` means a signal. `undefined` for code and background commands.
   */
  readonly exitCode: number | null | undefined;
  readonly #kind: ExecutionKind;
  readonly #stdout: OutputMessage[] | OutputLog;
  readonly #stderr: OutputMessage[] | OutputLog;
  readonly #results: ExecutionResult[] | ResultLog;
  /** What is kept if that is bounded. */
  readonly #kept: KeptOutput | undefined;

  static {
    fold = (execution, event) => {
      // Read-only is for users; this is the one place that writes.
      const open: { -readonly [Field in keyof Execution]: Execution[Field] } = execution;
      switch (event.type) {
        case "stdout":
          execution.#stdout.push(event);
          return undefined;
        case "stderr":
          execution.#stderr.push(event);
          return undefined;
        case "result": {
          const result = new ExecutionResult(event.results, event.timestamp);
          execution.#results.push(result);
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
  }

  /** @internal */
  constructor(kind: ExecutionKind = "code", bound?: OutputBound) {
    this.#kind = kind;
    const kept = (this.#kept = bound && new KeptOutput(bound));
    const [stdout, stderr, results]: [OutputMessage[], OutputMessage[], ExecutionResult[]] = [[], [], []];
    this.#stdout = kept?.stdout ?? stdout;
    this.#stderr = kept?.stderr ?? stderr;
    this.#results = kept?.results ?? results;
    this.id = undefined;
    this.executionCount = undefined;
    this.logs = kept?.logs ?? { stdout, stderr };
    this.results = kept?.results.results ?? results;
    this.error = undefined;
    this.complete = undefined;
    this.exitCode = kind === "command" ? null : undefined;
  }

  /**
   * What `maxOutputBytes` has left out: text of a stream, results or formats of results, parts of the error. Handlers and
   * loops see everything.
   */
  get truncated(): Readonly<Record<"stdout" | "stderr" | "results" | "error", boolean>> {
    return this.#kept?.truncated ?? { stdout: false, stderr: false, results: false, error: false };
  }

  /** All of standard output as one string; joined anew at each reading. */
  get stdout(): string {
    return join(this.logs.stdout, this.#kind);
  }

  /** All of standard error as one string; joined anew at each reading. */
  get stderr(): string {
    return join(this.logs.stderr, this.#kind);
  }

  /**
   * For commands: the signal that ended it, as the server names it (`killed`, `terminated`); `undefined` where none did.
   * A time limit of the server's own shows as `killed` too.
   */
  get signal(): string | undefined {
    return this.#kind === "code" ? undefined : signalOf(this.error?.traceback.at(-1));
  }

  /** The `text/plain` form of the last result. */
  get text(): string | undefined {
    return this.results.at(-1)?.text;
  }
}

/** Folds one event into an execution. Returns the result that it added, if any. */
export function foldEvent(execution: Execution, event: ExecutionEvent): ExecutionResult | undefined {
  return fold(execution, event);
}

// execd sends a command's output line by line without the newline, and an empty line as "\n" (it leaves out empty strings).
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
