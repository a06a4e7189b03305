import { isRecord, parseJson } from "../json.js";
import { SandboxApiException, SandboxRateLimitException } from "../errors.js";
import { redactUrl } from "../logging.js";
import { isIdempotent, type UnsentRequest } from "./request.js";
import { discardBody, ResponseBody } from "./response-body.js";
import { readServerMessage } from "./server-message.js";
import { startTimer } from "./timeout.js";

/** How much of a response body an exception keeps. */
const LONGEST_RAW_BODY_BYTES = 64 * 1024;
/** Statuses after which the server, or what stands before it, has mostly done nothing yet. */
export const RETRYABLE_STATUSES: readonly number[] = [408, 425, 429, 502, 503, 504];
/** How long the body of an error may take: the status, which is known by then, is the more important part. */
const ERROR_BODY_TIMEOUT_SECONDS = 5;

/** What errors about the content of a response contain. */
export interface ResponseInfo {
  readonly statusCode: number;
  readonly requestId: string | undefined;
  readonly sandboxId: string | undefined;
  /** Hides secrets of the request in what the server says, which may repeat them. */
  readonly redact?: ((text: string) => string) | undefined;
}

/** Creates the exception for a response that is not a success, from its status, since the body may be empty. */
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
  // Browsers hide the whole response of a redirect.
  if (type === "opaqueredirect" || (status >= 300 && status <= 399)) {
    discardBody(response);
    const location = response.headers.get("location");
    const where = location === null ? "without a location" : `to ${redactUrl(location).slice(0, 500)}`;
    // Another origin must not see credentials, nor a POST become a GET.
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
    // Behind a gateway that lost the server, the request may have taken effect.
    isRetryable:
      RETRYABLE_STATUSES.includes(status) && (isIdempotent(method) || (status !== 502 && status !== 504)),
    retryAfterSeconds,
  });
}

/**
 * Reads a response that is to be JSON, so that the typed client finds its body there.
 *
 * @throws {SandboxApiException} `UNEXPECTED_RESPONSE` if it is not JSON, or has more than so many bytes
 */
export async function readJson(body: ResponseBody, maxBytes: number, info: ResponseInfo): Promise<Response> {
  const { text, size, failure } = await readText(body, maxBytes);
  if (failure !== undefined) throw failure.error;
  if (size > maxBytes) {
    const message = `The response body exceeds maxResponseBytes of ${maxBytes} bytes.`;
    throw unexpectedResponse(message, info, text);
  }
  // Servers end an empty body with a newline, at times.
  if (text.trim() === "") return new Response(null, { status: 204 });
  // The typed client parses it again, but its error would not say what the server sent.
  if (parseJson(text) === undefined)
    throw unexpectedResponse("Expected JSON in the response body.", info, text);
  return new Response(text, { status: info.statusCode });
}

/** Reads a body as text, up to so many bytes; never rejects, as the beginning of a broken one may be of use. */
async function readText(
  body: ResponseBody,
  maxBytes: number,
): Promise<{
  readonly text: string;
  /** How many bytes arrived; more than `maxBytes` where the body was left there. */
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

/** Creates the exception for a success whose content breaks the contract. */
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

/** Returns a response that must be an object. @throws {SandboxApiException} `UNEXPECTED_RESPONSE` */
export function expectRecord<Data>(data: Data, info: ResponseInfo): NonNullable<Data> {
  if (isRecord(data)) return data;
  throw unexpectedResponse("Expected a JSON object in the response body.", info);
}

/** Returns a response that must be a list of objects. @throws {SandboxApiException} `UNEXPECTED_RESPONSE` */
export function expectRecords<Item>(
  data: readonly Item[] | null | undefined,
  info: ResponseInfo,
): readonly Item[] {
  // Go writes an empty list as `null`.
  if (data === null) return [];
  // The server may send anything, whatever its type.
  const items: unknown = data;
  if (Array.isArray(items) && items.every(isRecord)) return data ?? [];
  throw unexpectedResponse("Expected a list of JSON objects in the response body.", info);
}

/** Returns a text that a response must have. @throws {SandboxApiException} `UNEXPECTED_RESPONSE` */
export function expectText(value: unknown, field: string, info: ResponseInfo): string {
  if (typeof value === "string" && value !== "") return value;
  throw unexpectedResponse(`The response has no "${field}".`, info);
}

/** Returns a time that a response must have. @throws {SandboxApiException} `UNEXPECTED_RESPONSE` */
export function expectDate(value: unknown, field: string, info: ResponseInfo): Date {
  const date = new Date(expectText(value, field, info));
  if (!Number.isNaN(date.getTime())) return date;
  throw unexpectedResponse(`The "${field}" of the response is not a valid timestamp.`, info);
}

/** Reads as much of the body as arrives in time and is kept; returns `undefined` if none could be read. */
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

/** Returns how long the server asks to wait, in seconds, if it does. */
export function readRetryAfter({ headers }: Response): number | undefined {
  const header = headers.get("retry-after");
  if (header === null) return undefined;
  if (/^\s*\d+(\.\d+)?\s*$/.test(header)) return Number(header);
  // The platform reads nearly anything as some date; those of HTTP begin with the name of a day.
  const time = /^\s*[a-z]{3}/i.test(header) ? Date.parse(header) : NaN;
  return Number.isNaN(time) ? undefined : Math.max(0, (time - Date.now()) / 1_000);
}
