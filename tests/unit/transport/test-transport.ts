import createClient, { type Client } from "openapi-fetch";
import { ConnectionConfig, type ConnectionOptions } from "../../../src/connection.js";
import { raceAbort } from "../../../src/transport/abort.js";
import type { Call } from "../../../src/transport/call.js";
import {
  Transport,
  type JsonOptions,
  type TransferOptions,
  type TransportOptions,
} from "../../../src/transport/transport.js";
import type { ResponseBody } from "../../../src/transport/response-body.js";
import type { Clock } from "../../../src/transport/retry.js";

interface Answers {
  responses: { 200: { content: { "application/json": Record<string, unknown> } } };
}
type Operation<Body> = {
  parameters: { query?: Record<string, string>; path?: Record<string, string> };
  requestBody?: { content: { "application/json": Body } };
} & Answers;

/** A small API: each method, on any thing. */
export interface Paths {
  "/things": {
    get: Operation<never>;
    post: Operation<unknown>;
    put: Operation<unknown>;
    patch: Operation<unknown>;
  };
  "/things/{id}": { get: Operation<never>; delete: Operation<never> };
}

/** A clock whose time passes only while something sleeps. */
export class TestClock implements Clock {
  readonly waits: number[] = [];
  #now = 0;

  now(): number {
    return this.#now;
  }

  random(): number {
    return 0.5;
  }

  sleep(millis: number, signal: AbortSignal): Promise<void> {
    this.waits.push(millis);
    this.#now += millis;
    return raceAbort(signal, Promise.resolve());
  }
}

// The call that received a response.
const calls = new WeakMap<Response, Call>();

/** Returns the options of the typed client for a call. */
function initOf(call: Call): { readonly fetch: (request: Request) => Promise<Response> } {
  return {
    fetch: async (request) => {
      const response = await call.fetch(request);
      calls.set(response, call);
      return response;
    },
  };
}

/** A transport, and a typed client whose calls it sends. */
export class TestTransport {
  readonly transport: Transport<Client<Paths>>;
  readonly client: Client<Paths>;

  constructor(transport: Transport<Client<Paths>>) {
    this.transport = transport;
    this.client = transport.client;
  }

  readonly json = (options?: JsonOptions) => initOf(this.transport.json(options));
  readonly upload = (options?: TransferOptions) => initOf(this.transport.upload(options));
  readonly download = (options?: TransferOptions) =>
    ({ ...initOf(this.transport.download(options)), parseAs: "stream" }) as const;
  readonly stream = (controller = new AbortController()) =>
    ({ ...initOf(this.transport.run(controller)), parseAs: "stream" }) as const;
}

/** Returns the body of a streaming response. */
export function streamOf({ response }: { readonly response: Response }): ReadableStream<Uint8Array> {
  const call = calls.get(response);
  if (call === undefined) throw new Error("The response was not received by a call of these tests.");
  const { body } = call.receive(response);
  return toStream(body);
}

function toStream(body: ResponseBody): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const chunk = await body.read();
        if (chunk === undefined) controller.close();
        else controller.enqueue(chunk);
      },
      cancel: () => body.cancel(),
    },
    { highWaterMark: 0 },
  );
}

/** Creates a transport to an address, with a test clock. */
export function transportTo(
  url: string,
  options: ConnectionOptions = {},
  facts: Partial<TransportOptions<Client<Paths>>> & { readonly headers?: Record<string, string> } = {},
): TestTransport {
  const { headers = {}, ...others } = facts;
  const transport = new Transport({
    server: "execd",
    config: new ConnectionConfig({ domain: "lifecycle.test", apiKey: "the-key", ...options }),
    endpoint: { url, headers },
    createClient: (clientFacts) => createClient<Paths>(clientFacts),
    clock: new TestClock(),
    sandboxId: "sandbox-1",
    ...others,
  });
  return new TestTransport(transport);
}
