import type { ServerContext } from "@modelcontextprotocol/server";

const SESSION_HEADER = "mcp-session-id";

/**
 * Lets clients of the revisions up to 2025-11-25 cancel calls over HTTP. They send that in a request of its own, and
 * each request has a server of its own, so the session of the client leads from one to the other. Clients of newer
 * revisions close the response of the call instead.
 */
export class HttpCancellations {
  readonly #calls = new Map<string, AbortController>();

  /** Serves a request: a client that initializes gets a session, and a call that is cancelled is aborted. */
  async serve(request: Request, next: (request: Request) => Promise<Response>): Promise<Response> {
    const message = request.method === "POST" ? await readMessage(request.clone()) : {};
    if (message.method === "notifications/cancelled") {
      const session = request.headers.get(SESSION_HEADER);
      this.#calls.get(keyOf(session, message.params?.requestId))?.abort();
    }
    const response = await next(request);
    if (message.method !== "initialize" || !response.ok) return response;
    const headers = new Headers(response.headers);
    headers.set(SESSION_HEADER, crypto.randomUUID());
    return new Response(response.body, { status: response.status, headers });
  }

  /** Calls a function with a signal that fires when the client cancels the call; without a session it never does. */
  async during<Value>(
    { http, mcpReq }: ServerContext,
    call: (signal: AbortSignal | undefined) => Promise<Value>,
  ): Promise<Value> {
    const session = http?.req?.headers.get(SESSION_HEADER) ?? null;
    if (session === null) return await call(undefined);
    const controller = new AbortController();
    const key = keyOf(session, mcpReq.id);
    this.#calls.set(key, controller);
    try {
      return await call(controller.signal);
    } finally {
      this.#calls.delete(key);
    }
  }
}

interface Message {
  readonly method?: unknown;
  readonly params?: { readonly requestId?: unknown } | null;
}

/** Reads the message of a request. Returns an empty one if it is invalid, since the handler reports the error. */
async function readMessage(request: Request): Promise<Message> {
  try {
    const message: unknown = await request.json();
    return typeof message === "object" && message !== null ? message : {};
  } catch {
    return {};
  }
}

/** An id is a number or a string: `1` and `"1"` are different ids. */
function keyOf(session: string | null, id: unknown): string {
  return JSON.stringify([session, id]);
}
