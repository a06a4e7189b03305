import type { Call } from "./call.js";
import type { Transport } from "./transport.js";
import { unexpectedResponse } from "./response.js";
import { ResponseBody } from "./response-body.js";
import { IdleTimer } from "./timeout.js";

/** Options of {@link uploadCall} and {@link downloadCall}. */
export interface TransferOptions {
  readonly signal?: AbortSignal | undefined;
  /** The longest time without a transferred byte, in seconds; `null` disables it. @default the config's `streamIdleTimeoutSeconds` */
  readonly idleTimeoutSeconds?: number | null | undefined;
}

/** A response whose body is read as it arrives. */
export interface StreamedResponse {
  readonly body: ResponseBody;
  readonly headers: Headers;
  /** The server's name for the request, if it sent one. */
  readonly requestId: string | undefined;
  /** Whether there may be a proxy, which ends a response in order although the server behind it is gone. */
  readonly isProxied: boolean;
}

/**
 * Makes a call whose response a run reads as it arrives, with timers of its own. Its request is sent again only if the
 * first one was not sent.
 *
 * @param controller ends the request when it aborts; the call aborts it when it ends
 */
export function streamCall(transport: Transport<unknown>, controller: AbortController): Call {
  return transport.call({ reads: "stream", replay: "if-not-sent", timeoutSeconds: null, controller });
}

/** Makes a call with a large response that is read as it arrives. Until it begins, the request may be retried. */
export function downloadCall(transport: Transport<unknown>, options: TransferOptions = {}): Call {
  const { signal, idleTimeoutSeconds: timeoutSeconds = transport.idleTimeoutSeconds } = options;
  return transport.call({ reads: "stream", replay: "by-method", timeoutSeconds, signal });
}

/** Makes a call with a large body and a short response, without a time limit as long as data moves. */
export function uploadCall(transport: Transport<unknown>, options: TransferOptions = {}): Call {
  const { signal, idleTimeoutSeconds: seconds = transport.idleTimeoutSeconds } = options;
  return transport.call({
    reads: "json",
    replay: "by-method",
    timeoutSeconds: null,
    watchUpload: (call) => idleTimer(call, seconds),
    signal,
  });
}

/**
 * Sends the request of a {@link streamCall} or a {@link downloadCall}, and returns its response.
 *
 * @param send sends it by the typed client, with these options among its own
 * @throws {SandboxApiException} `UNEXPECTED_RESPONSE` if its status allows no body
 */
export async function openStream(
  call: Call,
  send: (
    options: Pick<Call, "fetch"> & { readonly parseAs: "stream" },
  ) => Promise<{ readonly response: Response }>,
): Promise<StreamedResponse> {
  const { response } = await send({ fetch: call.fetch, parseAs: "stream" });
  return receive(call, response);
}

/** Returns a response to a call, to be read as it arrives. @throws {SandboxApiException} as {@link openStream} */
export function receive(call: Call, { status, headers, body }: Response): StreamedResponse {
  if (status === 204 || status === 205) {
    call.end();
    throw unexpectedResponse("Expected a response body.", call);
  }
  const { timeoutSeconds } = call.rules;
  return {
    // The limit applies to an attempt, and then to each chunk. Runs have no limit here.
    body: new ResponseBody(body, call, timeoutSeconds === null ? undefined : idleTimer(call, timeoutSeconds)),
    headers,
    requestId: call.requestId,
    isProxied: call.isProxied || headers.has("via") || headers.get("connection")?.toLowerCase() === "close",
  };
}

function idleTimer(call: Call, seconds: number | null): IdleTimer | undefined {
  return seconds === null ? undefined : new IdleTimer(seconds, () => call.stall(seconds));
}
