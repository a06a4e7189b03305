import type { IdleTimer } from "./timeout.js";

/**
 * Sends a request like the global `fetch`. Called with a URL string and plain values, which the `fetch` of every library
 * accepts. It should honour `init.signal`.
 */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** Options of `fetch`, with those that the type declarations of some platforms lack. */
export interface PlatformInit extends RequestInit {
  cache?: "no-store";
  /** Required by `fetch` if the body is a stream. */
  duplex?: "half";
}

/** A body that `fetch` accepts. */
export type RequestBody = NonNullable<RequestInit["body"]>;

/** A body that is created for each attempt, and whose progress can be watched. */
export interface StreamedBody {
  /** Whether the body can be sent more than once. */
  readonly isReplayable: boolean;
  /**
   * Returns the body of one attempt, and sets the headers that describe it.
   *
   * @param options.idle runs while the network accepts no data; stopped while the body waits for its source
   * @param options.isCustomFetch whether a custom `fetch` sends it
   */
  send(
    headers: Record<string, string>,
    options: { readonly idle: IdleTimer | undefined; readonly isCustomFetch: boolean },
  ): RequestBody;
}

/**
 * A request of the typed client, without the address of a server. It replaces the platform's `Request`, which converts
 * the body to a stream that can be sent only once, and takes a tenth of the time of a small run.
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

/** Returns whether a body is a {@link StreamedBody}. Takes `unknown`, since the typed client declares other bodies. */
export function isStreamedBody(body: unknown): body is StreamedBody {
  return typeof body === "object" && body !== null && "isReplayable" in body;
}

/** Returns whether a body can be sent more than once. */
export function isReplayable(body: RequestBody | null): boolean {
  if (typeof body !== "object" || body === null) return true;
  if (isStreamedBody(body)) return body.isReplayable;
  return !(body instanceof ReadableStream || Symbol.asyncIterator in body);
}

/** Returns whether a repeated request has the same effect as a single one. */
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

/** Returns the same object with the type that the typed client requires of bodies and queries. Fields that are `undefined` are not sent. */
export function defined<Fields extends object>(fields: Fields): Defined<Fields> {
  return fields;
}
