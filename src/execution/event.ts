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
export interface InitEvent extends EventBase {
  readonly type: "init";
  readonly id: string;
}

/** Printed text: for code as the program wrote it, newlines included; for commands one line without its newline. */
export interface StdoutEvent extends EventBase {
  readonly type: "stdout";
  readonly text: string;
}

/** The same as {@link StdoutEvent}, for standard error. */
export interface StderrEvent extends EventBase {
  readonly type: "stderr";
  readonly text: string;
}

/** A value by MIME type. Text types hold strings, binary ones base64 strings, `application/json` any JSON value. */
export interface ResultEvent extends EventBase {
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
export interface ErrorEvent extends EventBase {
  readonly type: "error";
  readonly error: ExecutionError;
}

/** The kernel's counter of runs that gave a value, from 1. */
export interface ExecutionCountEvent extends EventBase {
  readonly type: "execution_count";
  readonly executionCount: number;
}

/** The server calls the run complete. For code this may come *before* output; only the end of the stream is the end. */
export interface ExecutionCompleteEvent extends EventBase {
  readonly type: "execution_complete";
  /** What the server measured, in milliseconds; meaningless where the event came early. */
  readonly executionTimeMs: number;
}

/** A kernel's state; execd only ever sends `"error"`, before an error. */
export interface StatusEvent extends EventBase {
  readonly type: "status";
  readonly text: string;
}

/** A sign of life, every 3 s. */
export interface PingEvent extends EventBase {
  readonly type: "ping";
}

declare const unknownType: unique symbol;

/** A type that this version of the SDK does not know: it is passed on, not dropped. */
export interface UnknownEvent extends EventBase {
  // Branded, so that comparing `type` with a literal still narrows the union to one known event.
  readonly type: string & { readonly [unknownType]: never };
  /** The event as it came. */
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
  | { readonly event: ExecutionEvent }
  | { readonly inBandError: InBandError }
  | { readonly malformed: string };
