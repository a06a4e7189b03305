import type { ClientRequest } from "node:http";
import { Readable } from "node:stream";
import { isDeepStrictEqual } from "node:util";
import nock from "nock";
import type { Exchange, RecordedResponse } from "./fixtures.js";

/** Headers of one connection, and those that are different at each replay. */
const NOT_REPLAYED = new Set(["connection", "keep-alive", "transfer-encoding", "date"]);

/** A request that was answered from a recording. */
export interface CapturedRequest {
  readonly method: string;
  /** Path and query, as sent. */
  readonly path: string;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed, if it is JSON; otherwise text (in hex, where it is not UTF-8), which is empty without a body. */
  readonly body: unknown;
}

/** A recording that is being replayed. */
export interface Replay {
  /** What it has answered, or, where it never answers, taken. */
  readonly requests: readonly CapturedRequest[];
  /** The only request. @throws if there is none, or more than one */
  readonly request: CapturedRequest;
  /** Whether it has been asked for as often as `times` says, which is never the case for `Infinity`. */
  isDone(): boolean;
}

/** Options of {@link replay}. */
export interface ReplayOptions {
  /** Scheme, host and port that are replaced. */
  readonly origin: string;
  /** What stands before the recorded path. @default "" */
  readonly basePath?: string | undefined;
  /** How often it is replayed; `Infinity` = always. @default 1 */
  readonly times?: number | undefined;
  /** Answers only a request whose body has the recorded value. @default false */
  readonly matchBody?: boolean | undefined;
}

/**
 * Answers the next fetch of the recorded method, path and query with the recorded answer, in its recorded chunks: each
 * is a read of its own, without the waits between them. Paths and queries are compared by what they mean, so that their
 * encoding and the order of different parameters do not matter.
 *
 * What the server never answered is never answered, and ends only when the request is aborted. A body of which the
 * recorder saw no end stays open, and one that is shorter than it announced breaks off.
 */
export function replay(exchange: Exchange, options: ReplayOptions): Replay {
  const { origin, basePath = "", times = 1, matchBody = false } = options;
  const { method, path, body: recordedBody } = exchange.request;
  const wanted = meaningOf(basePath + path);
  const requests: CapturedRequest[] = [];

  // Not a reply function for an answer that comes: nock would parse the body for it, and die of malformed JSON.
  const register = (): void => {
    const { status } = exchange.response;
    const scope = nock(origin);
    const interceptor = scope.intercept(
      (uri) => isDeepStrictEqual(meaningOf(uri), wanted),
      method,
      matchBody ? (body: unknown) => isDeepStrictEqual(body, recordedBody ?? "") : undefined,
    );
    if (status === null) interceptor.reply(() => never);
    else interceptor.reply(status, bodyStream(exchange), headersOf(exchange.response));
    scope.on("request", (request: ClientRequest, _: unknown, body: string) => {
      requests.push(capture(request, body));
      if (times === Infinity) register();
    });
  };
  for (let time = 0; time < (times === Infinity ? 1 : times); time++) register();

  return {
    requests,
    get request() {
      const [request] = requests;
      if (request === undefined || requests.length > 1) {
        throw new Error(`"${exchange.label}" was asked for ${requests.length} times, and not once.`);
      }
      return request;
    },
    isDone: () => requests.length >= times,
  };
}

/** Takes `fetch` over: what is not replayed fails instead of reaching the network. Undone by {@link restoreNet}. */
export function disableNet(): void {
  if (!nock.isActive()) nock.activate();
  nock.disableNetConnect();
}

/** Forgets all replays and gives `fetch` back. */
export function restoreNet(): void {
  nock.abortPendingRequests();
  nock.cleanAll();
  nock.enableNetConnect();
  nock.restore();
}

function capture(request: ClientRequest, body: string): CapturedRequest {
  const headers = Object.fromEntries(
    Object.entries(request.getHeaders()).map(([name, value]) => [name.toLowerCase(), String(value)]),
  );
  const isJson = headers["content-type"]?.startsWith("application/json") === true;
  return { method: request.method, path: request.path, headers, body: isJson ? parsed(body) : body };
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return json;
  }
}

const never = new Promise<never>(() => undefined);

/** The decoded segments of a path, and its decoded parameters by name. */
function meaningOf(uri: string): readonly [string[], [string, string][]] {
  const { pathname, searchParams } = new URL(uri, "http://replay.invalid");
  // A stable sort: the order of what one parameter is repeated with stays.
  searchParams.sort();
  return [pathname.split("/").map(decodeURIComponent), [...searchParams]];
}

function headersOf({ headers }: RecordedResponse): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !NOT_REPLAYED.has(name.toLowerCase())),
  );
}

function bodyStream(exchange: Exchange): Readable {
  const rest = exchange.response.chunks.map(([, text]) => Buffer.from(text));
  const end = endOf(exchange);
  return new Readable({
    read() {
      // A turn of the event loop between chunks, so that none is read together with the next.
      setImmediate(() => {
        const chunk = rest.shift();
        if (chunk !== undefined) this.push(chunk);
        else if (end === "clean") this.push(null);
        else if (end === "broken") this.destroy(brokenBody());
      });
    },
  });
}

function endOf({ request, response }: Exchange): "clean" | "broken" | "open" {
  if (response.error?.includes("still open") === true) return "open";
  if (response.error !== null) return "broken";
  const announced = Object.entries(response.headers).find(
    ([name]) => name.toLowerCase() === "content-length",
  );
  const bytes = response.chunks.reduce((sum, [, text]) => sum + Buffer.byteLength(text), 0);
  const isCutShort = request.method !== "HEAD" && announced !== undefined && Number(announced[1]) > bytes;
  return isCutShort ? "broken" : "clean";
}

/** What Node's fetch reports of a connection that ends in the middle of a body. */
function brokenBody(): TypeError {
  const cause = Object.assign(new Error("other side closed"), { code: "UND_ERR_SOCKET" });
  return new TypeError("terminated", { cause });
}
