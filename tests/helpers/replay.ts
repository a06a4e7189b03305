import type { ClientRequest } from "node:http";
import { Readable } from "node:stream";
import { isDeepStrictEqual } from "node:util";
import nock from "nock";
import { deferred } from "../../src/transport/abort.js";
import type { Exchange, RecordedResponse } from "./fixtures.js";

/** Headers of one connection, and headers that differ in each replay. */
const NOT_REPLAYED = new Set(["connection", "keep-alive", "transfer-encoding", "date"]);

/** A request that received a recorded response. */
export interface CapturedRequest {
  readonly method: string;
  /** Path and query as sent. */
  readonly path: string;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed if it is JSON, otherwise text (or hex, if it is not UTF-8); empty without a body. */
  readonly body: unknown;
}

/** A recording in replay. */
export interface Replay {
  /** The requests that were answered, or received if the recording has no response. */
  readonly requests: readonly CapturedRequest[];
  /** The only request. @throws if there is none, or more than one */
  readonly request: CapturedRequest;
  /** Resolves with the first request. */
  readonly requested: Promise<unknown>;
  /** Whether it was requested `times` times; never for `Infinity`. */
  isDone(): boolean;
}

/** Options of {@link replay}. */
export interface ReplayOptions {
  /** Scheme, host and port to replay at. */
  readonly origin: string;
  /** A prefix of the recorded path. @default "" */
  readonly basePath?: string | undefined;
  /** The number of replays; `Infinity` for no limit. @default 1 */
  readonly times?: number | undefined;
  /** Matches only requests with the recorded body. @default false */
  readonly matchBody?: boolean | undefined;
  /** The response ends only when this resolves. @default at once after its last chunk */
  readonly endsAfter?: (() => Promise<unknown>) | undefined;
}

/**
 * Answers the next fetch of the recorded method, path and query with the recorded response. Each recorded chunk is a
 * separate read, without the recorded delays. Paths and queries match regardless of their encoding and the order of
 * different parameters.
 *
 * A request without a recorded response stays pending until it is aborted. A body whose end was not recorded stays
 * open, and one that is shorter than its announced length breaks.
 */
export function replay(exchange: Exchange, options: ReplayOptions): Replay {
  const {
    origin,
    basePath = "",
    times = 1,
    matchBody = false,
    endsAfter = () => Promise.resolve(),
  } = options;
  const { method, path, body: recordedBody } = exchange.request;
  const wanted = meaningOf(basePath + path);
  const requests: CapturedRequest[] = [];
  const requested = deferred<undefined>();

  // Not a reply function: nock would parse the body for it, and fail on malformed JSON.
  const register = (): void => {
    const { status } = exchange.response;
    const scope = nock(origin);
    const interceptor = scope.intercept(
      (uri) => isDeepStrictEqual(meaningOf(uri), wanted),
      method,
      matchBody ? (body: unknown) => isDeepStrictEqual(body, recordedBody ?? "") : undefined,
    );
    if (status === null) interceptor.reply(() => never);
    else interceptor.reply(status, bodyStream(exchange, endsAfter), headersOf(exchange.response));
    scope.on("request", (request: ClientRequest, _: unknown, body: string) => {
      requests.push(capture(request, body));
      requested.resolve(undefined);
      if (times === Infinity) register();
    });
  };
  for (let time = 0; time < (times === Infinity ? 1 : times); time++) register();

  return {
    requests,
    requested: requested.promise,
    get request() {
      const [request] = requests;
      if (request === undefined || requests.length > 1) {
        throw new Error(`"${exchange.label}" was requested ${requests.length} times instead of once.`);
      }
      return request;
    },
    isDone: () => requests.length >= times,
  };
}

/** Replaces `fetch`: requests without a replay fail instead of reaching the network. {@link restoreNet} undoes it. */
export function disableNet(): void {
  if (!nock.isActive()) nock.activate();
  nock.disableNetConnect();
}

/** Removes all replays and restores `fetch`. */
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

/** Returns the decoded segments of a path, and its decoded parameters by name. */
function meaningOf(uri: string): readonly [string[], [string, string][]] {
  const { pathname, searchParams } = new URL(uri, "http://replay.invalid");
  // A stable sort keeps the order of repeated parameters.
  searchParams.sort();
  return [pathname.split("/").map(decodeURIComponent), [...searchParams]];
}

function headersOf({ headers }: RecordedResponse): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !NOT_REPLAYED.has(name.toLowerCase())),
  );
}

function bodyStream(exchange: Exchange, endsAfter: () => Promise<unknown>): Readable {
  const rest = exchange.response.chunks.map(([, text]) => Buffer.from(text));
  const end = endOf(exchange);
  return new Readable({
    read() {
      // One turn of the event loop between chunks, so that they are not read together.
      setImmediate(() => {
        const chunk = rest.shift();
        if (chunk !== undefined) this.push(chunk);
        else if (end === "clean") void endsAfter().then(() => this.push(null));
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

/** The error of Node's fetch for a connection that ends in the middle of a body. */
function brokenBody(): TypeError {
  const cause = Object.assign(new Error("other side closed"), { code: "UND_ERR_SOCKET" });
  return new TypeError("terminated", { cause });
}
