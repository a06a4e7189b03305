import type { IdleTimer } from "./timeout.js";

/**
 * Sends a request, as the global `fetch` does. It is called with a URL and plain values, so that the `fetch` of any
 * library can take them; it should honour `init.signal`.
 */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** Options of `fetch` that the types of one platform or another do not have. */
export interface PlatformInit extends RequestInit {
  cache?: "no-store";
  /** `fetch` requires it with a body that is a stream. */
  duplex?: "half";
}

/** What a request's body can be made of. */
export type RequestBody = NonNullable<RequestInit["body"]>;

/** A body that is made anew for each attempt, and whose sending can be watched. */
export interface StreamedBody {
  /** Whether it can be sent more than once. */
  readonly isReplayable: boolean;
  /**
   * Returns what an attempt sends, and sets the headers that describe it.
   *
   * @param options.idle runs while the network takes nothing, and is stopped while the body waits for its source
   * @param options.isCustomFetch whether it is sent by another `fetch` than the platform's
   */
  send(
    headers: Record<string, string>,
    options: { readonly idle: IdleTimer | undefined; readonly isCustomFetch: boolean },
  ): RequestBody;
}

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

/** Returns whether a body is a {@link StreamedBody}, of which the types of the platform know nothing. */
export function isStreamedBody(body: unknown): body is StreamedBody {
  return typeof body === "object" && body !== null && "isReplayable" in body;
}

/** Returns whether a body can be sent more than once. */
export function isReplayable(body: RequestBody | null): boolean {
  if (typeof body !== "object" || body === null) return true;
  if (isStreamedBody(body)) return body.isReplayable;
  return !(body instanceof ReadableStream || Symbol.asyncIterator in body);
}

/** Returns whether making the same request twice has the effect of making it once. */
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

/** Returns the same object, typed as the typed client takes bodies and queries: fields that are `undefined` are never sent. */
export function defined<Fields extends object>(fields: Fields): Defined<Fields> {
  return fields;
}
