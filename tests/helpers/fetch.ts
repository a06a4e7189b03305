import type { Transport } from "../../src/transport/client.js";
import type { Fetch } from "../../src/transport/request.js";

/** A custom `fetch` that handles requests as the platform's objects. */
export function fetchBy(handle: (request: Request) => Promise<Response>): Fetch {
  return (url, init) => handle(new Request(url, init));
}

/** What sends a request of the typed client as that of a run. */
export function streamed(transport: Transport<unknown>): {
  readonly fetch: (request: Request) => Promise<Response>;
  readonly parseAs: "stream";
} {
  return { fetch: transport.stream(new AbortController()).fetch, parseAs: "stream" };
}
