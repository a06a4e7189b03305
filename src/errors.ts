import type { Execution } from "./execution/execution.js";

/** Codes that the SDK itself gives to an error; a server's own codes (`DOCKER::SANDBOX_NOT_FOUND`, …) pass verbatim. */
export type SdkErrorCode =
  | "REQUEST_TIMEOUT"
  | "RUN_TIMEOUT"
  | "READY_TIMEOUT"
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
  | "INVALID_ARGUMENT"
  | "INTERNAL_UNKNOWN_ERROR";

/** What went wrong, as a code to branch on and a sentence to read. */
export interface SandboxError {
  /** One of {@link SdkErrorCode}, or the server's own code, verbatim. */
  readonly code: SdkErrorCode | (string & {});
  /** What the server said, where it said something; else what the SDK saw. */
  readonly message: string;
}

/** The facts an exception is made of; only `code` and `message` are always there. */
export interface SandboxExceptionFacts extends SandboxError {
  readonly requestId?: string | undefined;
  readonly sandboxId?: string | undefined;
  readonly execution?: Execution | undefined;
  readonly cause?: unknown;
  readonly isRetryable?: boolean | undefined;
}

/** The facts of an exception that stands for an HTTP answer. */
export interface SandboxApiExceptionFacts extends SandboxExceptionFacts {
  readonly statusCode: number;
  readonly rawBody?: string | undefined;
}

/** An exception as {@link SandboxException.toJSON} gives it: no body, no output, no headers. */
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

// Registered in the global symbol table, so that an exception of the package's ESM copy is known to its CJS copy.
const BRAND = Symbol.for("opensandbox-code-interpreter.SandboxException");

/**
 * What the library throws when the SDK, the network or a server failed. The failure of the *user's code* is never
 * thrown: it is data, in `execution.error`.
 *
 * @example
 * ```ts
 * try {
 *   await interpreter.codes.run("print('hi')");
 * } catch (error) {
 *   if (!isSandboxException(error)) throw error;
 *   console.error(error.error.code, error.error.message, error.execution?.stdout);
 * }
 * ```
 */
export class SandboxException extends Error {
  override readonly name: string = "SandboxException";
  /** Code and message. */
  readonly error: SandboxError;
  /** The server's `x-request-id`, where it sent one: quote it when you ask its operator. */
  readonly requestId: string | undefined;
  /** The sandbox that the call was about, where it is known. */
  readonly sandboxId: string | undefined;
  /** What a run had produced until it failed. */
  readonly execution: Execution | undefined;
  /** Whether the same call may succeed when it is made again, and making it again does no harm. */
  readonly isRetryable: boolean;
  readonly [BRAND] = true;

  constructor(facts: SandboxExceptionFacts) {
    super(facts.message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.error = { code: facts.code, message: facts.message };
    this.requestId = facts.requestId;
    this.sandboxId = facts.sandboxId;
    this.execution = facts.execution;
    this.isRetryable = facts.isRetryable ?? false;
  }

  /** A flat, log-safe view: it leaves out raw bodies, output and anything that could hold a credential. */
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

/** A server answered, and the answer is an error: a status that is not 2xx, or an error inside a 200. */
export class SandboxApiException extends SandboxException {
  override readonly name: string = "SandboxApiException";
  /** The HTTP status; 200 for an error that came inside an event stream. */
  readonly statusCode: number;
  /** The body as it came, at most 64 KiB of it; not part of {@link toJSON}. */
  readonly rawBody: string | undefined;

  constructor(facts: SandboxApiExceptionFacts) {
    super(facts);
    this.statusCode = facts.statusCode;
    this.rawBody = facts.rawBody;
  }

  override toJSON(): SandboxExceptionJson {
    return { ...super.toJSON(), statusCode: this.statusCode };
  }
}

/** Status 429: the server asks for fewer requests. */
export class SandboxRateLimitException extends SandboxApiException {
  override readonly name = "SandboxRateLimitException";
  /** How long the server asked to wait, in seconds, where it said so. */
  readonly retryAfterSeconds: number | undefined;

  constructor(facts: SandboxApiExceptionFacts & { readonly retryAfterSeconds?: number | undefined }) {
    super({ isRetryable: true, ...facts });
    this.retryAfterSeconds = facts.retryAfterSeconds;
  }

  override toJSON(): SandboxExceptionJson {
    return {
      ...super.toJSON(),
      ...(this.retryAfterSeconds !== undefined && { retryAfterSeconds: this.retryAfterSeconds }),
    };
  }
}

/** A deadline passed: of a request (`REQUEST_TIMEOUT`), of a run (`RUN_TIMEOUT`) or of a silent stream (`STREAM_STALLED`). */
export class SandboxTimeoutException extends SandboxException {
  override readonly name = "SandboxTimeoutException";
}

/** The network failed: no connection, a reset, a stream that broke or was cut short. */
export class SandboxConnectionException extends SandboxException {
  override readonly name = "SandboxConnectionException";
}

/** The sandbox was not ready within `readyTimeoutSeconds`. */
export class SandboxReadyTimeoutException extends SandboxException {
  override readonly name = "SandboxReadyTimeoutException";

  constructor(facts: Omit<SandboxExceptionFacts, "code">) {
    super({ ...facts, code: "READY_TIMEOUT" });
  }
}

/** The sandbox cannot become ready any more: it failed, terminated or is gone. */
export class SandboxUnhealthyException extends SandboxException {
  override readonly name = "SandboxUnhealthyException";

  constructor(facts: Omit<SandboxExceptionFacts, "code">) {
    super({ ...facts, code: "UNHEALTHY" });
  }
}

/** A state that the SDK believes impossible; please report it. */
export class SandboxInternalException extends SandboxException {
  override readonly name = "SandboxInternalException";

  constructor(facts: Omit<SandboxExceptionFacts, "code">) {
    super({ ...facts, code: "INTERNAL_UNKNOWN_ERROR" });
  }
}

/** An argument was refused before anything was sent. */
export class InvalidArgumentException extends SandboxException {
  override readonly name = "InvalidArgumentException";

  constructor(message: string, options: { readonly cause?: unknown } = {}) {
    super({ code: "INVALID_ARGUMENT", message, cause: options.cause });
  }
}

/** Whether a caught value is a {@link SandboxException}, also one of another copy of this package. */
export function isSandboxException(value: unknown): value is SandboxException {
  return typeof value === "object" && value !== null && BRAND in value;
}

/** Adds what an upper layer knows and the lower one that threw did not. Facts that are already there stay. */
export function addErrorContext(
  error: unknown,
  context: Pick<SandboxExceptionFacts, "requestId" | "sandboxId" | "execution">,
): void {
  if (!(error instanceof SandboxException)) return;
  // The fields are read-only to users; the library fills them while the error is on its way up.
  const open: { -readonly [Fact in "requestId" | "sandboxId" | "execution"]: SandboxException[Fact] } = error;
  open.requestId ??= context.requestId;
  open.sandboxId ??= context.sandboxId;
  open.execution ??= context.execution;
}
