import {
  assertFunction,
  assertInteger,
  assertOneOf,
  type CallOptions,
  checkOptions,
  HANDLER_NAME,
  refuse,
} from "../arguments.js";
import type { ExecutionKind } from "../execution/execution.js";
import type { ExecutionHandlers } from "../execution/handlers.js";
import type { KeepOutput } from "../execution/output-log.js";
import { Run } from "../execution/run.js";
import type { RunSource } from "../execution/run-source.js";
import type { SandboxLink } from "./link.js";

const KEEP: readonly string[] = ["head", "tail", "both"] satisfies KeepOutput[];

/** Options of every run with a handle. */
export interface RunOptions extends CallOptions {
  /** Called for each event, in order. */
  readonly handlers?: ExecutionHandlers | undefined;
  /**
   * The most that the execution keeps, in bytes of UTF-8. The limit applies to each of standard output, standard error, all
   * results together and the error (at least 1,000 bytes of it). `execution.truncated` tells what was left out. If a format
   * of a result does not fit, `result.omitted` has its type and size. Handlers and loops receive everything, but a loop must
   * begin before the first event, since events are not kept.
   * @default everything is kept
   */
  readonly maxOutputBytes?: number | undefined;
  /**
   * Which part is kept: the beginning, the end, or half of each with a note about the rest in between.
   * @default "both"
   */
  readonly keepOutput?: KeepOutput | undefined;
}

/** Starts a run and returns its handle. Never throws: invalid options and errors of `source` reject the handle. */
export function startRun<Options extends RunOptions>(
  { sandboxId, execd: { logger } }: SandboxLink,
  options: Options,
  kindOf: (options: Options) => ExecutionKind,
  source: () => RunSource,
): Run {
  let kind: ExecutionKind = "code";
  try {
    const { handlers, maxOutputBytes, keepOutput } = checkOptions(options);
    kind = kindOf(options);
    if (handlers !== undefined) assertHandlers(handlers);
    if (keepOutput !== undefined) assertOneOf(keepOutput, "keepOutput", KEEP);
    if (maxOutputBytes === undefined) return new Run({ sandboxId, logger, kind, handlers, source });
    assertInteger(maxOutputBytes, "maxOutputBytes", 1);
    const bound = { maxBytes: maxOutputBytes, keep: keepOutput ?? "both" };
    return new Run({ sandboxId, logger, kind, handlers, bound, source });
  } catch (error) {
    const fail = (): never => {
      throw error;
    };
    return new Run({ sandboxId, logger, kind, source: fail });
  }
}

/** Asserts that all known handlers are functions. Other properties are ignored. */
function assertHandlers(value: unknown): void {
  if (typeof value !== "object" || value === null) refuse("handlers", "an object of functions", value);
  for (const [name, handler] of Object.entries(value)) {
    if (HANDLER_NAME.test(name)) assertFunction(handler, `handlers.${name}`);
  }
}
