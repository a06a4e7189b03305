import type { Execution } from "./execution/execution.js";

/**
 * The error codes of this package. Codes of servers, such as `DOCKER::SANDBOX_NOT_FOUND`, are passed on unchanged. Those
 * from `LOCAL_SERVER_INCOMPLETE` on come from the local server: from `startLocalServer` or, with the prefix `LOCAL::`, in a response.
 */
export type SdkErrorCode =
  | "REQUEST_TIMEOUT"
  | "RUN_TIMEOUT"
  | "READY_TIMEOUT"
  | "WAIT_TIMEOUT"
  | "COMMAND_ENDED"
  | "STREAM_CUT"
  | "STREAM_BROKEN"
  | "STREAM_STALLED"
  | "STREAM_MALFORMED"
  | "RUN_CANCELLED"
  | "CLOSED"
  | "CONNECTION"
  | "UNHEALTHY"
  | "CREATE_OUTCOME_UNKNOWN"
  | "UNEXPECTED_RESPONSE"
  | "IS_DIRECTORY"
  | "RANGE_NOT_SATISFIABLE"
  | "LOCAL_FILE"
  | "TERMINAL_ENDED"
  | "TAKEN_OVER"
  | "READ_ONLY"
  | "NO_WEBSOCKET"
  | "NOT_SUPPORTED"
  | "SNAPSHOT_FAILED"
  | "VAULT_CONFLICT"
  | "VAULT_NOT_ENCRYPTED"
  | "VAULT_NOT_FOUND"
  | "VAULT_NOT_READY"
  | "POOL_CLOSED"
  | "POOL_EMPTY"
  | "POOL_TIMEOUT"
  | "INVALID_ARGUMENT"
  | "INTERNAL_UNKNOWN_ERROR"
  | "LOCAL_SERVER_INCOMPLETE"
  | "NODE_REQUIRED"
  | "NO_ISOLATION"
  | "PAUSE_FAILED"
  | "PORT_UNAVAILABLE"
  | "SANDBOX_ENDED"
  | "SANDBOX_NOT_FOUND"
  | "SANDBOX_START_FAILED";

/** The code and the message of an error. */
export interface SandboxError {
  /** One of {@link SdkErrorCode}, or the server's code. */
  readonly code: SdkErrorCode | (string & {});
  /** The server's message if it sent one, otherwise a description of what the SDK saw. */
  readonly message: string;
}

/** Options of an exception. Only `code` and `message` are required. */
export interface SandboxExceptionOptions extends SandboxError {
  readonly requestId?: string | undefined;
  readonly sandboxId?: string | undefined;
  readonly execution?: Execution | undefined;
  readonly cause?: unknown;
  readonly isRetryable?: boolean | undefined;
}

/** Options of an exception for an HTTP response. */
export interface SandboxApiExceptionOptions extends SandboxExceptionOptions {
  readonly statusCode: number;
  readonly rawBody?: string | undefined;
}

/** The result of {@link SandboxException.toJSON}. It contains no bodies, output or headers. */
export interface SandboxExceptionJson {
  readonly name: string;
  readonly code: string;
  readonly message: string;
  readonly isRetryable: boolean;
  readonly statusCode?: number;
  readonly retryAfterSeconds?: number;
  readonly requestId?: string;
  readonly sandboxId?: string;
  readonly executionId?: string;
  readonly cause?: { readonly name: string; readonly message: string };
}

// A global symbol, so that the ESM and CJS copies of the package recognize each other's exceptions.
const BRAND = Symbol.for("opensandbox-code-interpreter.SandboxException");

/**
 * Thrown when the SDK, the network or a server failed. An error in the *user's code* is never thrown: it is returned as
 * data in `execution.error`.
 *
 * @example
 * ```ts
 * try {
 *   await interpreter.codes.run("print('hi')");
 * } catch (error) {
 *   if (!isSandboxException(error)) throw error;
 *   console.error(error.code, error.message, error.execution?.stdout);
 * }
 * ```
 */
export class SandboxException extends Error {
  override readonly name: string = "SandboxException";
  /** Code and message, as in the C# SDK. */
  readonly error: SandboxError;
  /** The server's `x-request-id`, if it sent one: quote it when you contact the server's operator. */
  readonly requestId: string | undefined;
  /** The sandbox that the call was about, if known. */
  readonly sandboxId: string | undefined;
  /** The outcome of a run until it failed. */
  readonly execution: Execution | undefined;
  /** Whether the same call may succeed if it is repeated, and it is safe to repeat it. */
  readonly isRetryable: boolean;
  readonly [BRAND] = true;

  constructor(options: SandboxExceptionOptions) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause });
    this.error = { code: options.code, message: options.message };
    this.requestId = options.requestId;
    this.sandboxId = options.sandboxId;
    this.execution = options.execution;
    this.isRetryable = options.isRetryable ?? false;
  }

  /** The code to branch on: one of {@link SdkErrorCode}, or the server's own code. The same as `error.code`. */
  get code(): SandboxError["code"] {
    return this.error.code;
  }

  /** Returns a flat view that is safe to log: it contains no bodies, output or credentials. */
  toJSON(): SandboxExceptionJson {
    return {
      name: this.name,
      code: this.error.code,
      message: this.error.message,
      isRetryable: this.isRetryable,
      ...(this.requestId !== undefined && { requestId: this.requestId }),
      ...(this.sandboxId !== undefined && { sandboxId: this.sandboxId }),
      ...(this.execution?.id !== undefined && { executionId: this.execution.id }),
      ...(this.cause instanceof Error && { cause: { name: this.cause.name, message: this.cause.message } }),
    };
  }
}

/** A server responded with an error: a status other than 2xx, or an error inside an event stream. */
export class SandboxApiException extends SandboxException {
  override readonly name: string = "SandboxApiException";
  /** The HTTP status; 200 for an error inside an event stream. */
  readonly statusCode: number;
  /** The first 64 KiB of the body; not part of {@link toJSON}. */
  readonly rawBody: string | undefined;

  constructor(options: SandboxApiExceptionOptions) {
    super(options);
    this.statusCode = options.statusCode;
    this.rawBody = options.rawBody;
  }

  override toJSON(): SandboxExceptionJson {
    return { ...super.toJSON(), statusCode: this.statusCode };
  }
}

/** The server responded with status 429: too many requests. */
export class SandboxRateLimitException extends SandboxApiException {
  override readonly name = "SandboxRateLimitException";
  /** The wait that the server asks for, in seconds; `undefined` if it sent none. */
  readonly retryAfterSeconds: number | undefined;

  constructor(options: SandboxApiExceptionOptions & { readonly retryAfterSeconds?: number | undefined }) {
    super({ isRetryable: true, ...options });
    this.retryAfterSeconds = options.retryAfterSeconds;
  }

  override toJSON(): SandboxExceptionJson {
    return {
      ...super.toJSON(),
      ...(this.retryAfterSeconds !== undefined && { retryAfterSeconds: this.retryAfterSeconds }),
    };
  }
}

/** A time limit was exceeded: for a request (`REQUEST_TIMEOUT`), a run (`RUN_TIMEOUT`) or the next byte of a stream (`STREAM_STALLED`). */
export class SandboxTimeoutException extends SandboxException {
  override readonly name = "SandboxTimeoutException";
}

/** The network failed: no connection, a reset, or a stream that broke or ended early. */
export class SandboxConnectionException extends SandboxException {
  override readonly name = "SandboxConnectionException";
  /** Whether it is certain that nothing was sent, so that the request has had no effect. */
  readonly isNotSent: boolean;

  constructor(options: SandboxExceptionOptions & { readonly isNotSent?: boolean | undefined }) {
    super(options);
    this.isNotSent = options.isNotSent ?? false;
  }
}

/** The sandbox was not ready within `readyTimeoutSeconds`. */
export class SandboxReadyTimeoutException extends SandboxException {
  override readonly name = "SandboxReadyTimeoutException";

  constructor(options: Omit<SandboxExceptionOptions, "code">) {
    super({ ...options, code: "READY_TIMEOUT" });
  }
}

/** The sandbox can no longer become ready: it failed, terminated or was deleted. */
export class SandboxUnhealthyException extends SandboxException {
  override readonly name = "SandboxUnhealthyException";

  constructor(options: Omit<SandboxExceptionOptions, "code">) {
    super({ ...options, code: "UNHEALTHY" });
  }
}

/** The SDK is in a state that should be impossible. Please report it. */
export class SandboxInternalException extends SandboxException {
  override readonly name = "SandboxInternalException";

  constructor(options: Omit<SandboxExceptionOptions, "code">) {
    super({ ...options, code: "INTERNAL_UNKNOWN_ERROR" });
  }
}

/** An argument is invalid. Nothing was sent. */
export class InvalidArgumentException extends SandboxException {
  override readonly name = "InvalidArgumentException";

  constructor(message: string, options: { readonly cause?: unknown } = {}) {
    super({ code: "INVALID_ARGUMENT", message, cause: options.cause });
  }
}

/** Returns whether a caught value is a {@link SandboxException}, even one from another copy of this package. */
export function isSandboxException(value: unknown): value is SandboxException {
  return typeof value === "object" && value !== null && BRAND in value;
}

/** Adds details to an exception from a lower layer. Existing details are kept. */
export function addErrorContext(
  error: unknown,
  context: Pick<SandboxExceptionOptions, "requestId" | "sandboxId" | "execution">,
): void {
  if (!(error instanceof SandboxException)) return;
  // Read-only for users. The SDK sets them while the exception propagates.
  const open: { -readonly [Field in "requestId" | "sandboxId" | "execution"]: SandboxException[Field] } =
    error;
  open.requestId ??= context.requestId;
  open.sandboxId ??= context.sandboxId;
  open.execution ??= context.execution;
}

/**
 * Replaces an error's stack by that of the user's call. The SDK often creates the error in a timer or a callback, where the
 * stack does not show the user's code.
 *
 * @param origin an `Error` that was created in the user's call
 */
export function withCallerStack<Failure>(error: Failure, origin: Error | undefined): Failure {
  const frames = /^ +at .*/ms.exec(origin?.stack ?? "");
  if (error instanceof SandboxException && frames !== null) {
    error.stack = `${error.name}: ${error.message}\n${frames[0]}`;
  }
  return error;
}
