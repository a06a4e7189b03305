import { isRecord } from "../json.js";

/**
 * The events of a run, and how they look on the wire.
 *
 * execd sends one JSON object per event, in snake_case, and leaves out what is empty or zero; users see a
 * discriminated union in camelCase with every field present.
 */

interface EventBase {
  /** When execd made the event, in milliseconds since 1970 (UTC); 0 where the server sent no time. */
  readonly timestamp: number;
}

/** The run has an id: a context id for code, a command id for commands, a session id in sessions. */
interface InitEvent extends EventBase {
  readonly type: "init";
  readonly id: string;
}

/** Printed text: for code as the program wrote it, newlines included; for commands one line without its newline. */
interface StdoutEvent extends EventBase {
  readonly type: "stdout";
  readonly text: string;
}

/** The same as {@link StdoutEvent}, for standard error. */
interface StderrEvent extends EventBase {
  readonly type: "stderr";
  readonly text: string;
}

/** A value by MIME type. Text types hold strings, binary ones base64 strings, `application/json` any JSON value. */
interface ResultEvent extends EventBase {
  readonly type: "result";
  readonly results: Readonly<Record<string, unknown>>;
}

/** How the user's code, or a command, failed. This is data; nothing is thrown for it. */
export interface ExecutionError {
  /** The error's class (`ZeroDivisionError`), or `CommandExecError` for a command. */
  readonly name: string;
  /** Its message; for a command its exit code in decimal, `-1` when a signal ended it. */
  readonly value: string;
  /** Lines of the traceback, with ANSI colours where the kernel adds them. */
  readonly traceback: readonly string[];
  /** When it happened, in milliseconds since 1970 (UTC). */
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

/** The server calls the run complete. For code this may come *before* output; only the end of the stream is the end. */
interface ExecutionCompleteEvent extends EventBase {
  readonly type: "execution_complete";
  /** What the server measured, in milliseconds; meaningless if the event arrived early. */
  readonly executionTimeMs: number;
}

/** A kernel's state; execd only ever sends `"error"`, before an error. */
interface StatusEvent extends EventBase {
  readonly type: "status";
  readonly text: string;
}

/** A sign of life, every 3 s. */
interface PingEvent extends EventBase {
  readonly type: "ping";
}

/**
 * Any other string. It is an enum to the type checker alone, never exported as a value: a type of its own that no
 * literal matches, so that `event.type === "stdout"` narrows the union. (`string` with a brand would end narrowing.)
 */
declare enum OtherEventType {
  Other = "any type that this version of the SDK does not know",
}

/** A type that this version of the SDK does not know: it is passed on, not dropped. */
export interface UnknownEvent extends EventBase {
  readonly type: OtherEventType;
  /** The event as the server sent it. */
  readonly raw: Readonly<Record<string, unknown>>;
}

/** One thing that happened in a run. */
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

/** An error that execd put inside a stream whose status was already 200. */
export interface InBandError {
  readonly code: string;
  readonly message: string;
}

/** What a complete frame decodes to: an event, an in-band error, or the reason why it is neither. */
export type DecodedFrame =
  { readonly event: ExecutionEvent } | { readonly inBandError: InBandError } | { readonly malformed: string };

/**
 * Decodes one frame, already parsed from JSON.
 *
 * Only what the contract leaves out is filled in: fields that execd omits when they are empty or zero. A field of the
 * wrong type makes the frame malformed, since a guess at its meaning could hide lost output.
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
      // The one place where the open type is made: every known type has its case above.
      // eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment -- the enum stands for any other string
      return { event: { type: type as UnknownEvent["type"], raw: frame, timestamp } };
  }
}

function decodeError(frame: Record<string, unknown>, timestamp: number): DecodedFrame {
  // An error without its object still means that the code failed; its text is then all that is known.
  const { error = {}, text = "" } = frame;
  if (!isRecord(error)) return wrong("error", "error");
  const { ename, evalue, name = ename ?? "", value = evalue ?? text } = error;
  // Go writes an empty list as null.
  const traceback = error["traceback"] ?? [];
  if (typeof name !== "string") return wrong("error", "ename");
  if (typeof value !== "string") return wrong("error", "evalue");
  if (!Array.isArray(traceback)) return wrong("error", "traceback");
  const lines = traceback.map((line: unknown) => (typeof line === "string" ? line : JSON.stringify(line)));
  return { event: { type: "error", error: { name, value, traceback: lines, timestamp }, timestamp } };
}

// execd renames the MIME type `text/plain` to `text` on its way out.
function withMimeTypes(results: Record<string, unknown>): Record<string, unknown> {
  if (!("text" in results) || "text/plain" in results) return results;
  const { text, ...others } = results;
  return { "text/plain": text, ...others };
}

function wrong(type: string, field: string): DecodedFrame {
  return { malformed: `the field "${field}" of a "${type}" frame has the wrong type` };
}
