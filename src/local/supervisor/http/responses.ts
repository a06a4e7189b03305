import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { encodeJson } from "../../http/frames.js";
import { Problem } from "./problem.js";

/** One request inside the box. */
export interface Call {
  readonly stream: ServerHttp2Stream;
  readonly headers: IncomingHttpHeaders;
  readonly query: URLSearchParams;
  /** The decoded value of `:id` in the route. */
  readonly parameter: string;
}

export type Handler = (call: Call) => void | Promise<void>;

/** Handlers by method and path, such as `GET /code/contexts/:id`, with at most one parameter. */
export type Routes = Readonly<Record<string, Handler>>;

/** Returns a query parameter. @throws {Problem} `MISSING_QUERY` if it is missing or empty */
export function requiredQuery(query: URLSearchParams, name: string): string {
  const value = query.get(name) ?? "";
  if (value === "") throw new Problem(400, "MISSING_QUERY", `missing query parameter '${name}'`);
  return value;
}

/** Sends 200 without a body. */
export function sendEmpty(stream: ServerHttp2Stream): void {
  if (stream.destroyed) return;
  stream.respond({ ":status": 200, "content-length": "0" }, { endStream: true });
}

/** Sends a value as JSON. The order of keys is kept, as for Go structs. */
export function sendJson(stream: ServerHttp2Stream, status: number, value: unknown): void {
  sendBody(stream, status, "application/json; charset=utf-8", encodeJson(value, { keepKeyOrder: true }));
}

/** Sends plain text as Go's `http.Error` does. */
export function sendPlainError(stream: ServerHttp2Stream, status: number, message: string): void {
  sendBody(stream, status, "text/plain; charset=utf-8", `${message}\n`, {
    "x-content-type-options": "nosniff",
  });
}

export function sendBody(
  stream: ServerHttp2Stream,
  status: number,
  type: string,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (stream.destroyed) return;
  const length = String(Buffer.byteLength(body));
  stream.respond({ ":status": status, "content-type": type, "content-length": length, ...headers });
  stream.end(body);
}
