/** The lifecycle server's error answers. */

/** An error that becomes an answer with this status and body. */
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

/** `{code, message}` with a status. */
export function problem(status: number, code: string, message: string): LifecycleProblem {
  return new LifecycleProblem(status, { code, message });
}

export function sandboxNotFound(id: string): LifecycleProblem {
  return problem(404, "DOCKER::SANDBOX_NOT_FOUND", `Sandbox ${id} not found.`);
}

/** An operation of the real server that this version does not have. */
export function notSupported(what: string): LifecycleProblem {
  return problem(501, "NOT_SUPPORTED", `${what} not available in this version of the local server.`);
}

/** One finding of a validation, as FastAPI reports it. */
export interface Finding {
  readonly type: string;
  readonly loc: readonly (string | number)[];
  readonly msg: string;
  readonly input: unknown;
  readonly ctx?: Readonly<Record<string, unknown>>;
}

/** 422 with everything that is wrong with a request. */
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

/** An answer that says with its length that it has no body. */
export function emptyResponse(status: number): Response {
  return new Response(null, { status, headers: { "content-length": "0" } });
}
