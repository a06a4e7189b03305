/** The codes of execd's error bodies. */
export type ProblemCode =
  | "INVALID_REQUEST_BODY"
  | "MISSING_QUERY"
  | "RUNTIME_ERROR"
  | "INVALID_FILE"
  | "INVALID_FILE_CONTENT"
  | "INVALID_FILE_METADATA"
  | "FILE_NOT_FOUND"
  | "UNKNOWN"
  | "CONTEXT_NOT_FOUND"
  | "NOT_SUPPORTED";

/** An error that is sent as a response with a status and a `{code, message}` body, if nothing was sent before. */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly status: number;
  readonly code: ProblemCode;

  constructor(status: number, code: ProblemCode, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** Creates the error for a request that execd rejects after reading it. */
export function invalid(message: string): Problem {
  return new Problem(400, "INVALID_REQUEST_BODY", `invalid request, validation error ${message}`);
}

/** Creates the error for a failure in execd, or what execd reports as one. */
export function runtimeError(message: string): Problem {
  return new Problem(500, "RUNTIME_ERROR", message);
}

/** Returns the message of any thrown value. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
