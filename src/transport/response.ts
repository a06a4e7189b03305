import { isRecord, parseJson } from "../json.js";
import { SandboxApiException, SandboxRateLimitException } from "../errors.js";
import { redactUrl } from "../logging.js";
import { isIdempotent, type UnsentRequest } from "./request.js";
import { discardBody, ResponseBody } from "./response-body.js";
import { readServerMessage } from "./server-message.js";
import { startTimer } from "./timeout.js";

/** The largest part of a response body that an exception keeps. */
const LONGEST_RAW_BODY_BYTES = 64 * 1024;
/** Statuses that usually mean that neither the server nor its gateway has processed the request. */
export const RETRYABLE_STATUSES: readonly number[] = [408, 425, 429, 502, 503, 504];
/** The time limit for the body of an error. Its status, which is already known, matters more. */
const ERROR_BODY_TIMEOUT_SECONDS = 5;

/** The details of a response for errors about its content. */
export interface ResponseInfo {
  readonly statusCode: number;
  readonly requestId: string | undefined;
  readonly sandboxId: string | undefined;
  /** Hides secrets of the request in what the server says, which may repeat them. */
  readonly redact?: ((text: string) => string) | undefined;
}

/** Creates the exception for a response with an error status. Its body may be empty or missing. */
export async function toApiException(
  response: Response,
  { method, path }: UnsentRequest,
  call: ResponseInfo & { readonly signal: AbortSignal },
  {
    hint = "",
    retryAfterSeconds,
  }: { readonly hint?: string | undefined; readonly retryAfterSeconds: number | undefined },
): Promise<SandboxApiException> {
  const { status, type, statusText } = response;
  const { requestId } = call;
  const request = `${method} ${redactUrl(path)}`;
  // Browsers hide the response of a redirect.
  if (type === "opaqueredirect" || (status >= 300 && status <= 399)) {
    discardBody(response);
    const location = response.headers.get("location");
    const where = location === null ? "without a location" : `to ${redactUrl(location).slice(0, 500)}`;
    // A redirect could send credentials to another origin, or turn a POST into a GET.
    const message =
      `${request} was redirected ${where} (status ${status}). Redirects are not followed; if the server has moved, ` +
      'change "domain".';
    return new SandboxApiException({ code: "UNEXPECTED_RESPONSE", message, statusCode: status, requestId });
  }
  const sent = await readErrorBody(response, call.signal);
  const rawBody = sent === undefined ? undefined : (call.redact?.(sent) ?? sent);
  const said = readServerMessage(rawBody ?? "");
  const Exception: new (
    ...options: ConstructorParameters<typeof SandboxRateLimitException>
  ) => SandboxApiException = status === 429 ? SandboxRateLimitException : SandboxApiException;
  const bodyState = rawBody === undefined ? "its body could not be read" : "empty body";
  const message = said.message ?? `${request} failed: ${`${status} ${statusText}`.trim()} (${bodyState}).`;
  return new Exception({
    code: said.code ?? "UNEXPECTED_RESPONSE",
    message: hint === "" ? message : `${message.replace(/\.?$/, ".")} ${hint}`,
    statusCode: status,
    requestId,
    rawBody,
    // 502 and 504 come from a gateway that lost the server: the request may have taken effect.
    isRetryable:
      RETRYABLE_STATUSES.includes(status) &&
      said.code !== "NOT_SUPPORTED" &&
      (isIdempotent(method) || (status !== 502 && status !== 504)),
    retryAfterSeconds,
  });
}

/**
 * Reads a JSON response, and returns it as a response from which the typed client can read the body.
 *
 * @throws {SandboxApiException} `UNEXPECTED_RESPONSE` if the body is not JSON, or larger than `maxBytes`
 */
export async function readJson(body: ResponseBody, maxBytes: number, info: ResponseInfo): Promise<Response> {
  const { text, size, failure } = await readText(body, maxBytes);
  if (failure !== undefined) throw failure.error;
  if (size > maxBytes) {
    const message = `The response body exceeds maxResponseBytes of ${maxBytes} bytes.`;
    throw unexpectedResponse(message, info, text);
  }
  // Some servers send a newline as an empty body.
  if (text.trim() === "") return new Response(null, { status: 204 });
  // The typed client parses the text again, but its error would not contain what the server sent.
  if (parseJson(text) === undefined)
    throw unexpectedResponse("Expected JSON in the response body.", info, text);
  return new Response(text, { status: info.statusCode });
}

/** Reads a body as text, up to `maxBytes`. Never rejects, since the beginning of a broken body may be useful. */
async function readText(
  body: ResponseBody,
  maxBytes: number,
): Promise<{
  readonly text: string;
  /** The number of bytes that arrived; more than `maxBytes` if the body was too large. */
  readonly size: number;
  readonly failure?: { readonly error: unknown };
}> {
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  try {
    for (let chunk = await body.read(); chunk !== undefined; chunk = await body.read()) {
      text += decoder.decode(chunk.subarray(0, maxBytes - size), { stream: true });
      size += chunk.byteLength;
      if (size > maxBytes) {
        body.cancel();
        return { text, size };
      }
    }
    return { text: text + decoder.decode(), size };
  } catch (error) {
    return { text, size, failure: { error } };
  }
}

/** Creates the exception for a success whose content violates the contract. */
export function unexpectedResponse(
  message: string,
  { statusCode, requestId, sandboxId, redact }: ResponseInfo,
  body?: string,
): SandboxApiException {
  const rawBody = body === undefined ? undefined : (redact?.(body) ?? body);
  return new SandboxApiException({
    code: "UNEXPECTED_RESPONSE",
    message,
    statusCode,
    requestId,
    sandboxId,
    rawBody: rawBody?.slice(0, LONGEST_RAW_BODY_BYTES),
  });
}

/** Asserts that the data of a response is an object, and returns it. @throws {SandboxApiException} `UNEXPECTED_RESPONSE` */
export function expectRecord<Data>(data: Data, info: ResponseInfo): NonNullable<Data> {
  if (isRecord(data)) return data;
  throw unexpectedResponse("Expected a JSON object in the response body.", info);
}

/** Asserts that the data of a response is a list of objects, and returns it. @throws {SandboxApiException} `UNEXPECTED_RESPONSE` */
export function expectRecords<Item>(
  data: readonly Item[] | null | undefined,
  info: ResponseInfo,
): readonly Item[] {
  // Go encodes an empty list as `null`.
  if (data === null) return [];
  // The declared type does not bind the server.
  const items: unknown = data;
  if (Array.isArray(items) && items.every(isRecord)) return data ?? [];
  throw unexpectedResponse("Expected a list of JSON objects in the response body.", info);
}

/** Asserts that a field of a response is a non-empty string, and returns it. @throws {SandboxApiException} `UNEXPECTED_RESPONSE` */
export function expectText(value: unknown, field: string, info: ResponseInfo): string {
  if (typeof value === "string" && value !== "") return value;
  throw unexpectedResponse(`The response has no "${field}".`, info);
}

/** Asserts that a field of a response is a timestamp, and returns it. @throws {SandboxApiException} `UNEXPECTED_RESPONSE` */
export function expectDate(value: unknown, field: string, info: ResponseInfo): Date {
  const date = new Date(expectText(value, field, info));
  if (!Number.isNaN(date.getTime())) return date;
  throw unexpectedResponse(`The "${field}" of the response is not a valid timestamp.`, info);
}

/** Like {@link expectDate}; `undefined` if the field is absent or null. */
export function optionalDate(value: unknown, field: string, info: ResponseInfo): Date | undefined {
  // Real servers omit null fields; others may send null.
  return value === undefined || value === null ? undefined : expectDate(value, field, info);
}

/** Reads the part of the body that arrives in time, up to what an exception keeps; `undefined` if it could not be read. */
async function readErrorBody(response: Response, signal: AbortSignal): Promise<string | undefined> {
  const body = new ResponseBody(response.body, {
    signal,
    brokenBody: (cause) => cause,
    bodyEnded: () => undefined,
  });
  const stopTimer = startTimer(ERROR_BODY_TIMEOUT_SECONDS, () => {
    body.cancel();
  });
  const { text, failure } = await readText(body, LONGEST_RAW_BODY_BYTES);
  stopTimer();
  // On abort, fail with its reason instead of the status.
  if (failure !== undefined && signal.aborted) throw failure.error;
  return failure !== undefined && text === "" ? undefined : text;
}

/** Returns the wait that the server asks for, in seconds; `undefined` if it sent none. */
export function readRetryAfter({ headers }: Response): number | undefined {
  const header = headers.get("retry-after");
  if (header === null) return undefined;
  if (/^\s*\d+(\.\d+)?\s*$/.test(header)) return Number(header);
  // `Date.parse` accepts almost any text. Dates of HTTP begin with the name of a day.
  const time = /^\s*[a-z]{3}/i.test(header) ? Date.parse(header) : NaN;
  return Number.isNaN(time) ? undefined : Math.max(0, (time - Date.now()) / 1_000);
}
