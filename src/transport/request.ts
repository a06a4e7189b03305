import { SegmentedBody } from "./segmented-body.js";

/** How a request is sent: the global `fetch`, or what stands in for it, is called with one `Request`. */
export type Fetch = (request: Request) => Promise<Response>;

/** What a request's body may be made of. */
export type RequestBody = NonNullable<RequestInit["body"]>;

/** The base URL of every typed client: what stands behind it is looked up when a request is sent. */
export const PLACEHOLDER_ORIGIN = "http://sandbox.invalid";

/**
 * A request as the typed client makes it, not yet bound to an address: its body is kept as it was given. A `Request`
 * of the platform turns any body into a stream that can be read once, so that a retry would have to copy it before.
 */
export class UnsentRequest extends Request {
  /** The body as it was given. */
  readonly source: RequestBody | null;

  constructor(input: string | URL | Request, init?: RequestInit) {
    const { body = null, ...others } = init ?? {};
    super(input, others);
    this.source = body;
  }
}

/** The body to send, and whether it can be sent again. */
export function bodyOf(request: Request): {
  readonly body: RequestBody | null;
  readonly isReplayable: boolean;
} {
  // A plain `Request` comes from a caller that has brought its own class.
  const body = request instanceof UnsentRequest ? request.source : request.body;
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
