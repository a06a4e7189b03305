import type { ServerHttp2Stream } from "node:http2";
import { encodeJson } from "../../wire/frames.js";
import { bodyHeaders } from "../../wire/headers.js";

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
  stream.respond({ ":status": status, ...bodyHeaders(type, body), ...headers });
  stream.end(body);
}
