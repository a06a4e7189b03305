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

/** An error that becomes an answer: `{code, message}` with a status, as long as nothing has been sent. */
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

/** A request that execd refuses after it has read it. */
export function invalid(message: string): Problem {
  return new Problem(400, "INVALID_REQUEST_BODY", `invalid request, validation error ${message}`);
}

/** A failure on execd's side, or what it takes for one. */
export function runtimeError(message: string): Problem {
  return new Problem(500, "RUNTIME_ERROR", message);
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
