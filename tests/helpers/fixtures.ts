import { readFileSync } from "node:fs";
import path from "node:path";
import { isRecord } from "../../src/json.js";

/**
 * The recordings in tests/fixtures that every world replays. `proxy-cuts` is not one of them: it needs a sandbox that
 * dies.
 */
export const FIXTURES = [
  "execd-code",
  "execd-command",
  "execd-files",
  "execd-lang",
  "execd-lang-java-go",
  "execd-misc",
  "execd-session",
  "lifecycle-docker",
] as const;
export type FixtureName = (typeof FIXTURES)[number];

/** A recorded request to a real server and its response. */
export interface Exchange {
  /** What the exchange shows. Labels are not always unique in a file. */
  readonly label: string;
  readonly request: RecordedRequest;
  readonly response: RecordedResponse;
  readonly note?: string | undefined;
}

export interface RecordedRequest {
  readonly method: string;
  /** Path and query as sent. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** A string was sent unchanged, anything else except `null` as JSON. */
  readonly body: unknown;
}

export interface RecordedResponse {
  /** `null` if the server had not responded when the recording stopped. */
  readonly status: number | null;
  readonly headers: Readonly<Record<string, string>>;
  /** The chunks of the body: seconds since the request, and text. */
  readonly chunks: readonly (readonly [seconds: number, text: string])[];
  /** Seconds from the request to the end. */
  readonly end_at: number;
  /** How the exchange ended, if not cleanly. */
  readonly error: string | null;
}

/** Loads all exchanges of a recording in order. */
export function loadFixture(name: FixtureName | "proxy-cuts"): readonly Exchange[] {
  // Jest runs the tests as CommonJS.
  const file = path.join(__dirname, "../fixtures", `${name}.json`);
  const exchanges: unknown = JSON.parse(readFileSync(file, "utf8"));
  if (!Array.isArray(exchanges)) throw new TypeError(`${file} is not a list of exchanges.`);
  return exchanges.map((exchange: unknown, index) => {
    if (!isExchange(exchange)) throw new TypeError(`${file}: item ${index} is not an exchange.`);
    return exchange;
  });
}

/** Returns the first exchange with a label, or with a label and a path. */
export function findExchange(exchanges: readonly Exchange[], label: string, path?: string): Exchange {
  const found = exchanges.find(
    (exchange) => exchange.label === label && (path === undefined || exchange.request.path === path),
  );
  if (found === undefined) throw new RangeError(`No exchange "${label}"${path ? ` at ${path}` : ""}.`);
  return found;
}

/** Returns the whole body of the response. */
export function bodyOf(exchange: Exchange): string {
  return exchange.response.chunks.map(([, text]) => text).join("");
}

export function isExchange(value: unknown): value is Exchange {
  if (!isRecord(value) || typeof value["label"] !== "string") return false;
  const { request, response } = value;
  return (
    isRecord(request) &&
    typeof request["method"] === "string" &&
    typeof request["path"] === "string" &&
    isStringMap(request["headers"]) &&
    isRecord(response) &&
    (typeof response["status"] === "number" || response["status"] === null) &&
    isStringMap(response["headers"]) &&
    Array.isArray(response["chunks"]) &&
    response["chunks"].every(isChunk) &&
    typeof response["end_at"] === "number" &&
    (typeof response["error"] === "string" || response["error"] === null)
  );
}

function isChunk(value: unknown): boolean {
  return (
    Array.isArray(value) && value.length === 2 && typeof value[0] === "number" && typeof value[1] === "string"
  );
}

function isStringMap(value: unknown): boolean {
  return isRecord(value) && Object.values(value).every((item) => typeof item === "string");
}
