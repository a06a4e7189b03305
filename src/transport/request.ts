import { SegmentedBody } from "./segmented-body.js";

/** How a request is sent: the global `fetch`, or what stands in for it, is called with one `Request`. */
export type Fetch = (request: Request) => Promise<Response>;

/** What a request's body may be made of. */
export type RequestBody = NonNullable<RequestInit["body"]>;

/** The base URL of every typed client: what stands behind it is looked up when a request is sent. */
export const PLACEHOLDER_ORIGIN = "http://sandbox.invalid";

/** What a request is to its wrappers here. */
class Unsent {
  readonly url: string;
  readonly method: string;
  readonly headers: Headers;
  readonly signal: AbortSignal | undefined;
  readonly source: RequestBody | null;

  constructor(input: string | URL, { method = "GET", headers, signal, body }: RequestInit = {}) {
    this.url = String(input);
    this.method = method;
    this.headers = new Headers(headers);
    this.signal = signal ?? undefined;
    this.source = body ?? null;
  }
}

/**
 * A request as the typed client makes it, not yet bound to an address: its body is kept as it was given. A `Request`
 * of the platform turns any body into a stream that can be read once, so that a retry would have to copy it before.
 *
 * It only looks like a `Request`, as far as anybody looks before it is bound: a real one brings an AbortController and
 * a listener, which costs a tenth of a small run; and naming `Request` as the base of a class would load the whole of
 * Node's `fetch` with this module, which takes longer than all the rest of the package.
 */
export const UnsentRequest = Unsent as unknown as typeof Request;

/** The body to send, and whether it can be sent again. */
export function bodyOf(request: Request): {
  readonly body: RequestBody | null;
  readonly isReplayable: boolean;
} {
  // A plain `Request` comes from a caller that has brought its own class.
  const body = isUnsent(request) ? request.source : request.body;
  return { body, isReplayable: !isOneShot(body) };
}

/** The path and query of a request that is not yet bound to an address. */
export function pathOf(request: Request): string {
  const { url } = request;
  return url.startsWith(PLACEHOLDER_ORIGIN) ? url.slice(PLACEHOLDER_ORIGIN.length) : new URL(url).pathname;
}

/** Whether making the same request twice does what making it once does. */
export function isIdempotent(method: string): boolean {
  return method === "GET" || method === "HEAD" || method === "PUT" || method === "DELETE";
}

function isUnsent(request: unknown): request is Unsent {
  return request instanceof Unsent;
}

function isOneShot(body: RequestBody | null): boolean {
  if (body instanceof SegmentedBody) return !body.isReplayable;
  return (
    typeof body === "object" &&
    body !== null &&
    (body instanceof ReadableStream || Symbol.asyncIterator in body)
  );
}
