import {
  SandboxApiException,
  SandboxRateLimitException,
  type SandboxApiExceptionOptions,
} from "../errors.js";
import { redactUrl } from "../logging.js";
import { raceAbort } from "./abort.js";
import type { Call } from "./call.js";
import { isRecord } from "./json.js";
import { isIdempotent, pathOf, type Fetch } from "./request.js";
import { readServerMessage } from "./server-message.js";
import { startTimer } from "./timeout.js";

/** How much of an answer an exception keeps. */
const LONGEST_RAW_BODY_BYTES = 64 * 1024;
/** How long the body of an error may take: the status is known by then, and says most. */
const ERROR_BODY_TIMEOUT_SECONDS = 5;

type ApiExceptionFacts = SandboxApiExceptionOptions & { readonly retryAfterSeconds?: number | undefined };

/** Statuses that have a class of their own. */
const CLASS_BY_STATUS: Readonly<Record<number, new (facts: ApiExceptionFacts) => SandboxApiException>> = {
  429: SandboxRateLimitException,
};

/** After these, the server, or what stands before it, has done nothing yet. */
const REFUSED_STATUSES: readonly number[] = [408, 425, 429, 503];
/** After these, the request may have taken effect. */
const LOST_STATUSES: readonly number[] = [502, 504];

// Only 429 has a public field for it, but gateways send the header with 503 as well.
const retryAfter = new WeakMap<SandboxApiException, number>();

// What an answer turns out to lack is found out by layers that no longer know whom it was for.
const sandboxIds = new WeakMap<Response, string>();

// A stream fails long after its answer's headers have been seen.
const requestIds = new WeakMap<ReadableStream<Uint8Array>, string>();

/** Keeps the server's name for the request with the body of its answer. */
export function rememberRequestId(body: ReadableStream<Uint8Array>, response: Response): void {
  const id = requestIdOf(response);
  if (id !== undefined) requestIds.set(body, id);
}

/** The server's name for the request of which this is the answer's body, where it sent one. */
export function requestIdOfBody(body: ReadableStream<Uint8Array>): string | undefined {
  return requestIds.get(body);
}

/** Keeps whom an answer is about, for the exceptions that are made of it later. */
export function rememberSandbox(response: Response, sandboxId: string | undefined): void {
  if (sandboxId !== undefined) sandboxIds.set(response, sandboxId);
}

/** How long the server asked to wait, in seconds, where an answer of any status said so. */
export function retryAfterSecondsOf(error: SandboxApiException): number | undefined {
  return retryAfter.get(error);
}

/** Turns answers that are no success into exceptions. It decides on the status: the body may be empty. */
export function throwOnError(next: Fetch, call: Call): Fetch {
  return async (request) => {
    const response = await next(request);
    if (response.ok) return response;
    throw toApiException(response, request, await readErrorBody(response, call));
  };
}

/** Refuses to follow redirects: another origin must not see credentials, nor a POST become a GET. */
export function refuseRedirects(next: Fetch): Fetch {
  return async (request) => {
    const response = await next(request);
    const { status, type, headers } = response;
    // Browsers hide the answer altogether.
    if (type !== "opaqueredirect" && (status < 300 || status > 399)) return response;
    discardBody(response);
    const location = headers.get("location");
    const where = location === null ? "without saying where" : `to ${redactUrl(location).slice(0, 500)}`;
    throw new SandboxApiException({
      code: "UNEXPECTED_RESPONSE",
      message:
        `${request.method} ${redactUrl(pathOf(request))} was redirected ${where} (status ${status}). Redirects are ` +
        `not followed; if the server has moved, change "domain".`,
      statusCode: status,
      requestId: requestIdOf(response),
    });
  };
}

/** The server's name for the request, where it sent one. */
export function requestIdOf(response: Response): string | undefined {
  return response.headers.get("x-request-id") ?? undefined;
}

/** The exception for an answer that is a success but not what the contract says. */
export function unexpectedResponse(
  message: string,
  response: Response,
  rawBody?: string,
): SandboxApiException {
  return new SandboxApiException({
    code: "UNEXPECTED_RESPONSE",
    message,
    statusCode: response.status,
    requestId: requestIdOf(response),
    sandboxId: sandboxIds.get(response),
    rawBody: rawBody?.slice(0, LONGEST_RAW_BODY_BYTES),
  });
}

/** A text that an answer must have. @throws {SandboxApiException} `UNEXPECTED_RESPONSE` */
export function expectText(value: unknown, field: string, response: Response): string {
  if (typeof value === "string" && value !== "") return value;
  throw unexpectedResponse(`The server's answer has no "${field}".`, response);
}

/** A list of objects that an answer must have. @throws {SandboxApiException} `UNEXPECTED_RESPONSE` */
export function expectRecords<Item>(items: readonly Item[], response: Response): readonly Item[] {
  // What comes over the wire may be anything, whatever its type says.
  const given: unknown = items;
  if (!Array.isArray(given) || !given.every(isRecord))
    throw unexpectedResponse("The server's answer is no list of JSON objects.", response);
  return items;
}

/** A time that an answer must have, in RFC 3339. @throws {SandboxApiException} `UNEXPECTED_RESPONSE` */
export function expectDate(value: unknown, field: string, response: Response): Date {
  const date = new Date(expectText(value, field, response));
  if (!Number.isNaN(date.getTime())) return date;
  throw unexpectedResponse(`The "${field}" of the server's answer is no time.`, response);
}

/** Gives up the body of an answer, so that its connection is freed. */
export function discardBody(response: Response): void {
  // It may have failed, or be somebody's already; either way there is nothing to do.
  response.body?.cancel().catch(() => undefined);
}

function toApiException(
  response: Response,
  request: Request,
  rawBody: string | undefined,
): SandboxApiException {
  const { status, statusText } = response;
  const said = readServerMessage(rawBody ?? "");
  const title = `${status}${statusText === "" ? "" : ` ${statusText}`}`;
  const retryAfterSeconds = readRetryAfter(response.headers.get("retry-after"));
  const exception = new (CLASS_BY_STATUS[status] ?? SandboxApiException)({
    code: said.code ?? "UNEXPECTED_RESPONSE",
    message:
      said.message ??
      `${request.method} ${redactUrl(pathOf(request))} failed with status ${title}, without a word.`,
    statusCode: status,
    requestId: requestIdOf(response),
    rawBody,
    isRetryable:
      REFUSED_STATUSES.includes(status) || (LOST_STATUSES.includes(status) && isIdempotent(request.method)),
    retryAfterSeconds,
  });
  if (retryAfterSeconds !== undefined) retryAfter.set(exception, retryAfterSeconds);
  return exception;
}

/** As much of the body as comes, and is kept; `undefined` = none could be read. */
async function readErrorBody(response: Response, call: Call): Promise<string | undefined> {
  const body: ReadableStream<Uint8Array> | null = response.body;
  if (body === null) return "";
  const reader = body.getReader();
  const cancel = (): void => {
    reader.cancel().catch(() => undefined);
  };
  const stop = startTimer(ERROR_BODY_TIMEOUT_SECONDS, cancel);
  const decoder = new TextDecoder();
  let text = "";
  try {
    let room = LONGEST_RAW_BODY_BYTES;
    while (room > 0) {
      const { done, value } = await raceAbort(call.signal, reader.read());
      if (done) return text + decoder.decode();
      text += decoder.decode(value.subarray(0, room), { stream: true });
      room -= value.byteLength;
    }
    cancel();
    return text;
  } catch (error) {
    // Whoever waits for the answer wants to know about the abort, not the status.
    if (call.signal.aborted) throw error;
    return text === "" ? undefined : text;
  } finally {
    stop();
  }
}

function readRetryAfter(header: string | null): number | undefined {
  if (header === null) return undefined;
  if (/^\s*\d+(\.\d+)?\s*$/.test(header)) return Number(header);
  // The platform reads nearly anything as some date; those of HTTP begin with the name of a day.
  const time = /^\s*[a-z]{3}/i.test(header) ? Date.parse(header) : NaN;
  return Number.isNaN(time) ? undefined : Math.max(0, (time - Date.now()) / 1_000);
}
