import { SegmentedBody } from "./segmented-body.js";

/** How a request is sent: the global `fetch`, or what stands in for it, is called with one `Request`. */
export type Fetch = (request: Request) => Promise<Response>;

/** What a request's body may be made of. */
export type RequestBody = NonNullable<RequestInit["body"]>;

/** The base URL of every typed client: what stands behind it is looked up when a request is sent. */
export const PLACEHOLDER_ORIGIN = "http://sandbox.invalid";

// The bodies of requests that are not bound to an address yet.
const sources = new WeakMap<Request, RequestBody | null>();

function makeUnsentRequest(input: string | URL | Request, init?: RequestInit): Request {
  const { body = null, ...others } = init ?? {};
  const request = new Request(input, others);
  sources.set(request, body);
  return request;
}

/**
 * A request as the typed client makes it, not yet bound to an address: its body is kept as it was given. A `Request`
 * of the platform turns any body into a stream that can be read once, so that a retry would have to copy it before.
 *
 * Not a subclass: naming `Request` as one would load the whole of Node's `fetch` with this module, which takes longer
 * than all the rest of the package. `new` gives what a function returns; TypeScript has no word for that.
 */
export const UnsentRequest = makeUnsentRequest as unknown as typeof Request;

/** The body to send, and whether it can be sent again. */
export function bodyOf(request: Request): {
  readonly body: RequestBody | null;
  readonly isReplayable: boolean;
} {
  // A plain `Request` comes from a caller that has brought its own class.
  const body = sources.has(request) ? (sources.get(request) ?? null) : request.body;
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

function isOneShot(body: RequestBody | null): boolean {
  if (body instanceof SegmentedBody) return !body.isReplayable;
  return (
    typeof body === "object" &&
    body !== null &&
    (body instanceof ReadableStream || Symbol.asyncIterator in body)
  );
}
