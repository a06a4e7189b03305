import { SegmentedBody } from "./segmented-body.js";

/**
 * Sends a request, as the global `fetch` does. It is called with a URL and plain values, so that the `fetch` of any
 * library can take them; it should honour `init.signal`.
 */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** What a request's body can be made of. */
export type RequestBody = NonNullable<RequestInit["body"]>;

/**
 * A request as the typed client describes it, not yet bound to a server. The body is kept as it was given: the
 * platform's `Request` turns it into a stream, which can be sent only once, and costs a tenth of a small run.
 */
export class UnsentRequest {
  /** Path and query, encoded. */
  readonly path: string;
  readonly method: string;
  readonly headers: Headers;
  readonly body: RequestBody | null;

  constructor(path: string, { method = "GET", headers, body }: RequestInit) {
    this.path = path;
    this.method = method;
    this.headers = headers instanceof Headers ? headers : new Headers(headers);
    this.body = body ?? null;
  }
}

/** Whether a body can be sent more than once. */
export function isReplayable(body: RequestBody | null): boolean {
  if (typeof body !== "object" || body === null) return true;
  if (body instanceof SegmentedBody) return body.isReplayable;
  return !(body instanceof ReadableStream || Symbol.asyncIterator in body);
}

/** Whether making the same request twice has the effect of making it once. */
export function isIdempotent(method: string): boolean {
  return method === "GET" || method === "HEAD" || method === "PUT" || method === "DELETE";
}

/** An object without its fields that are `undefined`. */
type Defined<Fields> = {
  [Field in keyof Fields as undefined extends Fields[Field] ? never : Field]: Fields[Field];
} & {
  [Field in keyof Fields as undefined extends Fields[Field] ? Field : never]?: Exclude<
    Fields[Field],
    undefined
  >;
};

/** A body or query as the typed client takes it. It is the same object: fields that are `undefined` are never sent. */
export function defined<Fields extends object>(fields: Fields): Defined<Fields> {
  return fields;
}
