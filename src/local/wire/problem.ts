import { isRecord } from "../../json.js";

/** An error that is sent as a response with this status and body. */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly status: number;
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}) {
    super(isRecord(body) && typeof body["message"] === "string" ? body["message"] : JSON.stringify(body));
    this.status = status;
    this.body = body;
    this.headers = headers;
  }
}

/** Creates an error with a `{code, message}` body. */
export function problem(status: number, code: string, message: string): Problem {
  return new Problem(status, { code, message });
}

/** Returns the message of any thrown value. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Returns the system's code of an error, such as `ENOENT`, or an empty string. */
export function errorCode(error: unknown): string {
  return typeof error === "object" && error !== null && "code" in error ? String(error.code) : "";
}
