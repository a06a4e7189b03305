import { addErrorContext } from "../errors.js";
import { redactUrl } from "../logging.js";
import { raceAbort } from "./abort.js";
import type { Call } from "./call.js";
import { toConnectionException } from "./connection-failure.js";
import { parseJson } from "./json.js";
import { pathOf, type Fetch } from "./request.js";
import { requestIdOf, unexpectedResponse } from "./response.js";

/** Statuses that the platform allows no body for, not even an empty one. */
const NULL_BODY_STATUSES: readonly number[] = [101, 103, 204, 205, 304];

/** Whether an answer of this status has a body by the standard. */
export function mayHaveBody(status: number): boolean {
  return !NULL_BODY_STATUSES.includes(status);
}

/** An answer whose body is already there. Not a subclass, for the same reason as {@link UnsentRequest}. */
function bufferedResponse(bytes: Uint8Array, original: Response): Response {
  const { status, statusText } = original;
  const headers = new Headers(original.headers);
  // The typed client takes an answer of length "0" for an empty one, and parses any other that has a length with
  // `json()`. What servers and proxies say about the length is that of other bytes, or nothing.
  headers.set("content-length", String(bytes.byteLength));
  headers.delete("transfer-encoding");
  headers.delete("content-encoding");
  const response = new Response(mayHaveBody(status) ? bytes : null, { status, statusText, headers });
  // What reads the answer as JSON calls this; only there is it known that JSON was expected. What it throws must reject.
  const json = (): Promise<unknown> => response.text().then((text) => readJson(text, response));
  return Object.defineProperty(response, "json", { value: json });
}

/** Reads the whole body of a success before it hands the answer on. */
export function bufferAnswer(next: Fetch, call: Call): Fetch {
  return async (request) => {
    const response = await next(request);
    // The body of an error is read elsewhere, within limits.
    if (!response.ok) return response;
    try {
      const bytes = await raceAbort(call.signal, response.arrayBuffer());
      return bufferedResponse(new Uint8Array(bytes), response);
    } catch (error) {
      if (call.isAbortedByCaller) throw error;
      const where = redactUrl(pathOf(request));
      const failure = call.signal.aborted
        ? error
        : toConnectionException(error, { method: request.method, where, phase: "answer" });
      addErrorContext(failure, { requestId: requestIdOf(response) });
      throw failure;
    }
  };
}

function readJson(text: string, response: Response): unknown {
  // Servers end an empty answer with a newline, at times.
  if (text.trim() === "") return undefined;
  const value = parseJson(text);
  if (value !== undefined) return value.json;
  const message = `The server's answer is not JSON, with status ${response.status}.`;
  throw unexpectedResponse(message, response, text);
}
