import { redactUrl } from "../logging.js";
import { raceAbort } from "./abort.js";
import type { Call } from "./call.js";
import { toConnectionException } from "./connection-failure.js";
import { pathOf, type Fetch } from "./request.js";
import { unexpectedResponse } from "./response.js";

/** Statuses that the platform allows no body for, not even an empty one. */
const NULL_BODY_STATUSES: readonly number[] = [101, 103, 204, 205, 304];

/** Whether an answer of this status has a body by the standard. */
export function mayHaveBody(status: number): boolean {
  return !NULL_BODY_STATUSES.includes(status);
}

/** An answer whose body is already there. */
class BufferedResponse extends Response {
  // What reads the answer as JSON calls this; only there is it known that JSON was expected.
  override readonly json: () => Promise<unknown>;

  constructor(bytes: Uint8Array, original: Response) {
    const { status, statusText } = original;
    const headers = new Headers(original.headers);
    // The typed client takes an answer of length "0" for an empty one, and parses any other that has a length with
    // `json()`. What servers and proxies say about the length is that of other bytes, or nothing.
    headers.set("content-length", String(bytes.byteLength));
    headers.delete("transfer-encoding");
    headers.delete("content-encoding");
    super(mayHaveBody(status) ? bytes : null, { status, statusText, headers });
    // Not async: what is thrown in here must reject.
    this.json = () => this.text().then((text) => parseJson(text, this));
  }
}

/** Reads the whole body of a success before it hands the answer on. */
export function bufferAnswer(next: Fetch, call: Call): Fetch {
  return async (request) => {
    const response = await next(request);
    // The body of an error is read elsewhere, within limits.
    if (!response.ok) return response;
    try {
      const bytes = await raceAbort(call.signal, response.arrayBuffer());
      return new BufferedResponse(new Uint8Array(bytes), response);
    } catch (error) {
      if (call.signal.aborted) throw error;
      const where = redactUrl(pathOf(request));
      throw toConnectionException(error, { method: request.method, where, phase: "answer" });
    }
  };
}

function parseJson(text: string, response: Response): unknown {
  // Servers end an empty answer with a newline, at times.
  if (text.trim() === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw unexpectedResponse(
      `The server's answer is not JSON, with status ${response.status}.`,
      response,
      text,
    );
  }
}
