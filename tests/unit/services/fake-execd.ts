import type { ConnectionOptions } from "../../../src/connection.js";
import type { SandboxLink } from "../../../src/services/link.js";
import { linkTo } from "../../helpers/run-harness.js";
import { fetchBy } from "../../helpers/fetch.js";

/** A request as a {@link FakeExecd} got it. */
export interface FakeRequest {
  /** Method, path and query. */
  readonly line: string;
  /** Parsed; `undefined` without a body. */
  readonly body: unknown;
  /** Aborts when the client ends the request. */
  readonly signal: AbortSignal;
}

/** An execd that is a function: it keeps what it was asked. */
export class FakeExecd {
  readonly requests: FakeRequest[] = [];
  readonly link: SandboxLink;

  constructor(
    answer: (request: FakeRequest, count: number) => Response | Promise<Response>,
    options: ConnectionOptions = {},
  ) {
    this.link = linkTo("http://sandbox.test:44772", {
      ...options,
      fetch: fetchBy(async (sent) => {
        const { pathname, search } = new URL(sent.url);
        const text = await sent.text();
        const body: unknown = text === "" ? undefined : JSON.parse(text);
        const request = { line: `${sent.method} ${pathname}${search}`, body, signal: sent.signal };
        this.requests.push(request);
        return answer(request, this.requests.length);
      }),
    });
  }

  /** What was asked, in order. */
  get lines(): string[] {
    return this.requests.map(({ line }) => line);
  }
}

/** A body whose pieces a test sends. */
export class LiveBody {
  readonly response: Response;
  #controller!: ReadableStreamDefaultController<Uint8Array>;

  constructor(headers: Readonly<Record<string, string>> = {}) {
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
      },
    });
    this.response = new Response(body, { headers });
  }

  send(text: string | Uint8Array): this {
    this.#controller.enqueue(typeof text === "string" ? new TextEncoder().encode(text) : text);
    return this;
  }

  end(): void {
    this.#controller.close();
  }

  break(): void {
    this.#controller.error(new TypeError("terminated"));
  }
}

/** An error as execd sends it. */
export function problem(status: number, code: string, message: string): Response {
  return Response.json({ code, message }, { status });
}
