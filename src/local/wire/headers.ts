/** Headers that apply to a single connection and are not forwarded. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "http2-settings",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Returns the headers to forward: all but those of one connection, which `connection` can name too. */
export function endToEndHeaders<Value>(
  headers: Iterable<[name: string, value: Value]>,
  connection: string | null | undefined,
): [name: string, value: Value][] {
  const named = new Set((connection ?? "").toLowerCase().split(/\s*,\s*/));
  return [...headers].filter(([name]) => !HOP_BY_HOP.has(name) && !named.has(name));
}

/** Returns the headers of a response whose body is complete. */
export function bodyHeaders(type: string, body: string | Uint8Array): Record<string, string> {
  return { "content-type": type, "content-length": String(Buffer.byteLength(body)) };
}
