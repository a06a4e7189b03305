import { bodyHeaders } from "../wire/headers.js";
import { Problem } from "../wire/problem.js";

/** Creates the error for a path or method without a route, in FastAPI's format. */
export function noRoute(allowed: readonly string[] = []): Problem {
  if (allowed.length === 0) return new Problem(404, { detail: "Not Found" });
  return new Problem(405, { detail: "Method Not Allowed" }, { allow: allowed.join(", ") });
}

/** One validation error, in FastAPI's format. */
export interface Finding {
  readonly type: string;
  readonly loc: readonly (string | number)[];
  readonly msg: string;
  readonly input: unknown;
  readonly ctx?: Readonly<Record<string, unknown>>;
}

/** Creates a 422 error that lists every problem of a request. */
export function unprocessable(findings: readonly Finding[]): Problem {
  return new Problem(422, { detail: findings });
}

export function jsonResponse(
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const text = JSON.stringify(body);
  return new Response(text, { status, headers: { ...bodyHeaders("application/json", text), ...headers } });
}

/** Creates an empty response with `content-length: 0`. */
export function emptyResponse(status: number): Response {
  return new Response(null, { status, headers: { "content-length": "0" } });
}
