import { constants } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import type { ServerHttp2Stream } from "node:http2";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { sendBody } from "../http/responses.js";
import { requiredQuery, type ExecdRequest } from "../http/routes.js";
import { encodeJson } from "../../wire/frames.js";
import { expandPath, type Configuration } from "../configuration.js";
import { fileProblem } from "./file-info.js";
import { LineWindow, type Window } from "./line-window.js";
import { badRequest } from "../http/problems.js";
import { problem } from "../../wire/problem.js";

const CHUNK_BYTES = 256 * 1024;
/** Up to this size, a window of lines is sent with its length. */
const MEASURED_BYTES = 64 * 1024;

/** Handles `GET /files/download`: sends a file, a range of its bytes, or a window of its lines. */
export async function download(
  { stream, headers, query }: ExecdRequest,
  configuration: Configuration,
): Promise<void> {
  const file = expandPath(requiredQuery(query, "path"), configuration);
  const offset = readPosition(query, "offset");
  const limit = readPosition(query, "limit");
  const range = headers.range ?? "";
  const byLines = offset !== undefined || limit !== undefined;
  if (byLines && range !== "") {
    throw badRequest(
      "line-based reading (offset/limit) and byte range (Range header) are mutually exclusive",
    );
  }
  // Without O_NONBLOCK, a named pipe without a writer would block.
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown) => {
    throw fileProblem(error, "open", file);
  });
  try {
    const stats = await handle.stat();
    if (stats.isDirectory()) throw problem(400, "INVALID_FILE", `path is a directory: ${file}`);
    const { size, mtimeMs } = stats;
    if (byLines) await sendLines(stream, handle, { offset: offset ?? 1, limit });
    else {
      const since = headers["if-modified-since"];
      await sendBytes(stream, handle, { name: path.basename(file), size, mtimeMs, range, since });
    }
  } finally {
    await handle.close();
  }
}

function readPosition(query: URLSearchParams, name: string): number | undefined {
  const given = query.get(name) ?? "";
  if (given === "") return undefined;
  const position = /^\+?\d+$/.test(given) ? Number(given) : 0;
  if (position > 0) return position;
  throw badRequest(`invalid query parameter '${name}': ${given}`);
}

async function sendLines(stream: ServerHttp2Stream, handle: FileHandle, wanted: Window): Promise<void> {
  const head = { ":status": 200, "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" };
  const lines = new LineWindow(wanted);
  let held: Buffer[] = [];
  let bytes = 0;
  const pieces = async function* () {
    for await (const chunk of handle.createReadStream({ autoClose: false, highWaterMark: CHUNK_BYTES })) {
      yield lines.push(chunk as Buffer); // a Buffer, as no encoding is set
      if (lines.isComplete) return;
    }
  };
  const source = pieces();
  for (let next = await source.next(); next.done !== true; next = await source.next()) {
    held.push(next.value);
    bytes += next.value.length;
    if (bytes <= MEASURED_BYTES) continue;
    stream.respond(head);
    await pipeline(async function* () {
      yield* held;
      held = [];
      yield* source;
    }, stream);
    return;
  }
  const whole = Buffer.concat(held);
  stream.respond({ ...head, "content-length": String(whole.length) });
  stream.end(whole);
}

interface Content {
  readonly name: string;
  readonly size: number;
  readonly mtimeMs: number;
  /** The value of the header, or an empty string. */
  readonly range: string;
  readonly since: string | undefined;
}

async function sendBytes(stream: ServerHttp2Stream, handle: FileHandle, content: Content): Promise<void> {
  const { size, mtimeMs } = content;
  const headers = {
    "content-disposition": dispositionOf(content.name),
    "last-modified": new Date(mtimeMs).toUTCString(),
    // With only a modification time, browsers would cache the file for a while.
    "cache-control": "no-store",
  };
  const range = content.range === "" ? undefined : parseRange(content.range, size);
  if (range === "malformed") {
    const body = encodeJson({ code: "UNKNOWN" });
    const { "content-disposition": disposition } = headers;
    sendBody(stream, 416, "application/octet-stream", body, { "content-disposition": disposition });
    return;
  }
  if (range === "beyond") {
    const more = { ...headers, "content-range": `bytes */${size}`, "x-content-type-options": "nosniff" };
    sendBody(stream, 416, "text/plain; charset=utf-8", "invalid range: failed to overlap\n", more);
    return;
  }
  const since = Date.parse(content.since ?? "");
  if (range === undefined && Math.floor(mtimeMs / 1000) * 1000 <= since) {
    stream.respond({ ":status": 304, ...headers }, { endStream: true });
    return;
  }
  const { first, last } = range ?? { first: 0, last: size - 1 };
  stream.respond({
    ":status": range === undefined ? 200 : 206,
    ...(range === undefined
      ? { ...headers, "accept-ranges": "bytes" }
      : {
          "content-disposition": headers["content-disposition"],
          "cache-control": headers["cache-control"],
          "content-range": `bytes ${first}-${last}/${size}`,
        }),
    "content-type": "application/octet-stream",
    "content-length": String(last - first + 1),
  });
  if (last < first) {
    stream.end();
    return;
  }
  const options = { start: first, end: last, autoClose: false, highWaterMark: CHUNK_BYTES };
  await pipeline(handle.createReadStream(options), stream);
}

/** Parses the first range of a header; execd ignores the others. */
function parseRange(
  header: string,
  size: number,
): { readonly first: number; readonly last: number } | "malformed" | "beyond" {
  const [, from = "", to = ""] = /^bytes=\s*(\d*)\s*-\s*(\d*)\s*(?:,|$)/.exec(header) ?? [];
  if (from === "" && to === "") return "malformed";
  if (from === "") {
    if (size === 0 || Number(to) === 0) return "beyond";
    return { first: Math.max(size - Number(to), 0), last: size - 1 };
  }
  if (to !== "" && Number(to) < Number(from)) return "malformed";
  if (Number(from) >= size) return "beyond";
  return { first: Number(from), last: to === "" ? size - 1 : Math.min(Number(to), size - 1) };
}

function dispositionOf(name: string): string {
  // Go's path escaping leaves a few more characters unescaped than JavaScript's.
  const escaped = encodeURIComponent(name).replace(/[!'()*]/g, percentEncode);
  const plain = escaped.replace(/%(24|26|2B|3A|3D|40)/g, decodeURIComponent);
  const isAscii = !/[^\u0020-\u007e]/.test(name);
  if (isAscii) return `attachment; filename="${name.replace(/["\\]/g, String.raw`\$&`)}"`;
  return `attachment; filename="${plain}"; filename*=UTF-8''${plain}`;
}

function percentEncode(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}
