import { bodyOf, type Exchange } from "./fixtures.js";

/** A response that was read to its end. */
export interface ExecdAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

export async function read(response: Response): Promise<ExecdAnswer> {
  return { status: response.status, headers: response.headers, text: await response.text() };
}

/** Encodes a form of metadata and files. */
export function form(pairs: readonly (readonly [Readonly<Record<string, unknown>>, string])[]): {
  headers: Record<string, string>;
  body: string;
} {
  const part = (name: string, filename: string, content: string) =>
    `--B\r\nContent-Disposition: form-data; name="${name}"; filename="${filename}"\r\n\r\n${content}\r\n`;
  const parts = pairs.flatMap(([metadata, content]) => [
    part("metadata", "metadata", JSON.stringify(metadata)),
    part("file", "file", content),
  ]);
  return {
    headers: { "content-type": "multipart/form-data; boundary=B" },
    body: `${parts.join("")}--B--\r\n`,
  };
}

/** Returns the parts of a response that are the same at another time and on another machine. */
export function comparable(status: number | null, headers: Headers, text: string): Record<string, unknown> {
  // Only the local server forbids browsers to cache files (docs/differences.md).
  const kept = [...headers].filter(([name, value]) => COMPARED_HEADERS.has(name) && value !== "no-store");
  return { status, headers: Object.fromEntries(kept), body: withoutAccidents(text) };
}

export function recorded(exchange: Exchange): Record<string, unknown> {
  const { status, headers } = exchange.response;
  return comparable(status, new Headers(headers), bodyOf(exchange));
}

const COMPARED_HEADERS = new Set([
  "accept-ranges",
  "cache-control",
  "content-disposition",
  "content-range",
  "content-type",
  "execd-commands-tail-cursor",
  "location",
  "x-accel-buffering",
  "x-content-type-options",
]);

function withoutAccidents(text: string): string {
  return text
    .replace(/"(modified_at|created_at|started_at|finished_at)":"\d{4}-[^"]*Z"/g, '"$1":"(time)"')
    .replace(/"timestamp":\d{13}/g, '"timestamp":0')
    .replace(/"(owner|group)":"[^"]*"/g, '"$1":"(someone)"')
    .replace(/("type":"directory","size":)\d+/g, "$10")
    .replace(/[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}|\b[\da-f]{32}\b/g, "(id)");
}

/** Reads the next chunk of a body as text; `undefined` at its end. */
export async function nextText(
  reader: ReadableStreamDefaultReader<Uint8Array> | undefined,
): Promise<string | undefined> {
  const chunk = await reader?.read();
  return chunk?.value && new TextDecoder().decode(chunk.value);
}
