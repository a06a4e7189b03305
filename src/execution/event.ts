import { isRecord } from "../json.js";

/**
 * The events of a run and their wire format.
 *
 * execd sends one JSON object per event, in snake_case and without empty or zero fields. Users receive a discriminated
 * union in camelCase with every field present.
 */

interface EventBase {
  /** When execd created the event, in milliseconds since 1970-01-01 UTC; 0 if the server sent no time. */
  readonly timestamp: number;
}

/** The first event: the id of the context for code, of the command for commands, of the session in sessions. */
interface InitEvent extends EventBase {
  readonly type: "init";
  readonly id: string;
}

/** Text on standard output: for code as the program wrote it, for commands one line without its newline. */
interface StdoutEvent extends EventBase {
  readonly type: "stdout";
  readonly text: string;
}

/** Text on standard error, in the form of {@link StdoutEvent}. */
interface StderrEvent extends EventBase {
  readonly type: "stderr";
  readonly text: string;
}

/** A value by MIME type: a string for text types, a base64 string for binary types, any JSON value for `application/json`. */
interface ResultEvent extends EventBase {
  readonly type: "result";
  readonly results: Readonly<Record<string, unknown>>;
}

/** The error of the user's code or of a command. It is returned as data and never thrown. */
export interface ExecutionError {
  /** The error's class (`ZeroDivisionError`), or `CommandExecError` for a command. */
  readonly name: string;
  /** The error's message. For a command its exit code in decimal; `-1` if a signal ended it. */
  readonly value: string;
  /** The lines of the traceback. Some kernels add ANSI colours. */
  readonly traceback: readonly string[];
  /** The time of the error, in milliseconds since 1970-01-01 UTC. */
  readonly timestamp: number;
}

/** The code or the command failed. */
interface ErrorEvent extends EventBase {
  readonly type: "error";
  readonly error: ExecutionError;
}

/** The kernel's counter of runs that returned a value, from 1. */
interface ExecutionCountEvent extends EventBase {
  readonly type: "execution_count";
  readonly executionCount: number;
}

/** The server reports the run as complete. For code, output can follow: the run ends with the stream. */
interface ExecutionCompleteEvent extends EventBase {
  readonly type: "execution_complete";
  /** The run's duration as measured by the server, in milliseconds. Too short if the event came before the output. */
  readonly executionTimeMs: number;
}

/** The state of a kernel. execd sends only `"error"`, before an error event. */
interface StatusEvent extends EventBase {
  readonly type: "status";
  readonly text: string;
}

/** Sent every 3 s while the run is active. */
interface PingEvent extends EventBase {
  readonly type: "ping";
}

/**
 * Any other string. To the type checker it is an enum that no string literal matches, so that `event.type === "stdout"`
 * narrows the union; a branded `string` would prevent that. It is not exported as a value.
 */
declare enum OtherEventType {
  Other = "any type that this version of the SDK does not know",
}

/** An event of a type that this version of the SDK does not know. */
export interface UnknownEvent extends EventBase {
  readonly type: OtherEventType;
  /** The event as the server sent it. */
  readonly raw: Readonly<Record<string, unknown>>;
}

/** An event of a run. */
export type ExecutionEvent =
  | InitEvent
  | StdoutEvent
  | StderrEvent
  | ResultEvent
  | ErrorEvent
  | ExecutionCountEvent
  | ExecutionCompleteEvent
  | StatusEvent
  | PingEvent
  | UnknownEvent;

/** An error that execd sent inside a stream, after status 200. */
export interface InBandError {
  readonly code: string;
  readonly message: string;
}

/** A decoded frame: an event, an error inside the stream, or the reason why the frame is malformed. */
export type DecodedFrame =
  { readonly event: ExecutionEvent } | { readonly inBandError: InBandError } | { readonly malformed: string };

/**
 * Decodes one frame, already parsed from JSON.
 *
 * Fields that execd omits because they are empty or zero get their values back. A field of the wrong type makes the frame
 * malformed: a guess at its meaning could hide lost output.
 */
export function decodeFrame(frame: unknown): DecodedFrame {
  if (!isRecord(frame)) return { malformed: "a frame is not a JSON object" };
  const { type } = frame;
  if (typeof type !== "string") {
    const { code, message } = frame;
    if (type === undefined && typeof code === "string") {
      return { inBandError: { code, message: typeof message === "string" ? message : code } };
    }
    return { malformed: "a frame has neither a type nor an error code" };
  }
  const { timestamp = 0 } = frame;
  if (typeof timestamp !== "number") return wrong(type, "timestamp");
  switch (type) {
    case "stdout":
    case "stderr":
    case "status": {
      const { text = "" } = frame;
      return typeof text === "string" ? { event: { type, text, timestamp } } : wrong(type, "text");
    }
    case "init": {
      const { text: id = "" } = frame;
      return typeof id === "string" ? { event: { type, id, timestamp } } : wrong(type, "text");
    }
    case "ping":
      return { event: { type, timestamp } };
    case "result": {
      const { results = {} } = frame;
      return isRecord(results)
        ? { event: { type, results: withMimeTypes(results), timestamp } }
        : wrong(type, "results");
    }
    case "execution_count": {
      const { execution_count: executionCount = 0 } = frame;
      return typeof executionCount === "number"
        ? { event: { type, executionCount, timestamp } }
        : wrong(type, "execution_count");
    }
    case "execution_complete": {
      const { execution_time: executionTimeMs = 0 } = frame;
      return typeof executionTimeMs === "number"
        ? { event: { type, executionTimeMs, timestamp } }
        : wrong(type, "execution_time");
    }
    case "error":
      return decodeError(frame, timestamp);
    default:
      // Every known type has its case above.
      // eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment -- the enum stands for any other string
      return { event: { type: type as UnknownEvent["type"], raw: frame, timestamp } };
  }
}

function decodeError(frame: Record<string, unknown>, timestamp: number): DecodedFrame {
  // An error event without its object still means that the code failed. Its text is then the only information.
  const { error = {}, text = "" } = frame;
  if (!isRecord(error)) return wrong("error", "error");
  const { ename, evalue, name = ename ?? "", value = evalue ?? text } = error;
  // Go encodes an empty list as null.
  const traceback = error["traceback"] ?? [];
  if (typeof name !== "string") return wrong("error", "ename");
  if (typeof value !== "string") return wrong("error", "evalue");
  if (!Array.isArray(traceback)) return wrong("error", "traceback");
  const lines = traceback.map((line: unknown) => (typeof line === "string" ? line : JSON.stringify(line)));
  return { event: { type: "error", error: { name, value, traceback: lines, timestamp }, timestamp } };
}

// execd sends the MIME type `text/plain` as `text`.
function withMimeTypes(results: Record<string, unknown>): Record<string, unknown> {
  if (!("text" in results) || "text/plain" in results) return results;
  const { text, ...others } = results;
  return { "text/plain": text, ...others };
}

function wrong(type: string, field: string): DecodedFrame {
  return { malformed: `the field "${field}" of a "${type}" frame has the wrong type` };
}
