/** Error responses in the lifecycle server's format. */

/** An error that is sent as a response with this status and body. */
export class LifecycleProblem extends Error {
  override readonly name = "LifecycleProblem";
  readonly status: number;
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}) {
    super(JSON.stringify(body));
    this.status = status;
    this.body = body;
    this.headers = headers;
  }
}

/** Creates an error with a status and a `{code, message}` body. */
export function problem(status: number, code: string, message: string): LifecycleProblem {
  return new LifecycleProblem(status, { code, message });
}

export function sandboxNotFound(id: string): LifecycleProblem {
  return problem(404, "DOCKER::SANDBOX_NOT_FOUND", `Sandbox ${id} not found.`);
}

/** Creates the error for an operation that only the real server supports. */
export function notSupported(what: string): LifecycleProblem {
  return problem(501, "NOT_SUPPORTED", `${what} not available in this version of the local server.`);
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
export function unprocessable(findings: readonly Finding[]): LifecycleProblem {
  return new LifecycleProblem(422, { detail: findings });
}

export function jsonResponse(
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const text = JSON.stringify(body);
  return new Response(text, {
    status,
    headers: {
      "content-type": "application/json",
      "content-length": String(Buffer.byteLength(text)),
      ...headers,
    },
  });
}

/** Creates an empty response with `content-length: 0`. */
export function emptyResponse(status: number): Response {
  return new Response(null, { status, headers: { "content-length": "0" } });
}
