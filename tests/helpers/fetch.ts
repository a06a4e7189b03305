import type { Transport } from "../../src/transport/transport.js";
import type { Fetch } from "../../src/transport/request.js";

/** Returns a custom `fetch` that handles `Request` objects. */
export function fetchBy(handle: (request: Request) => Promise<Response>): Fetch {
  return (url, init) => handle(new Request(url, init));
}

/** Sends requests of the typed client as streaming requests, as for runs. */
export function streamed(transport: Transport<unknown>): {
  readonly fetch: (request: Request) => Promise<Response>;
  readonly parseAs: "stream";
} {
  return { fetch: transport.run(new AbortController()).fetch, parseAs: "stream" };
}
