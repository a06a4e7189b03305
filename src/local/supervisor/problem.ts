/** The codes of execd's error bodies. */
export type ProblemCode =
  "INVALID_REQUEST_BODY" | "MISSING_QUERY" | "RUNTIME_ERROR" | "CONTEXT_NOT_FOUND" | "NOT_SUPPORTED";

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

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
