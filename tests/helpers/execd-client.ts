import { readOutcome, type LocalSandbox, type Outcome, LocalClient } from "./local-sandbox.js";
import type { LocalServerOptions } from "../../src/local/index.js";
import { bodyOf, type Exchange } from "./fixtures.js";

/** A response that was read to its end. */
export interface ExecdAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

export interface ExecdRequest {
  readonly headers?: Readonly<Record<string, string>>;
  /** A string or a stream is sent unchanged, anything else as JSON. */
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

/** The execd of one sandbox on a new server. */
export class ExecdClient implements AsyncDisposable {
  readonly client: LocalClient;
  readonly sandbox: LocalSandbox;
  readonly #token: Readonly<Record<string, string>>;

  private constructor(client: LocalClient, sandbox: LocalSandbox, token: Readonly<Record<string, string>>) {
    this.client = client;
    this.sandbox = sandbox;
    this.#token = token;
  }

  static async start(options: LocalServerOptions = { port: false }): Promise<ExecdClient> {
    const client = await LocalClient.start(options);
    const sandbox = await client.create();
    const { headers } = await client.json("GET", `${sandbox.path}/endpoints/44772`);
    return new ExecdClient(client, sandbox, headers as Record<string, string>);
  }

  /** Sends a request to execd. Resolves with the body unread. */
  open(method: string, path: string, { headers, body, signal }: ExecdRequest = {}): Promise<Response> {
    return this.openPort(44772, method, path, {
      headers: { ...this.#token, ...headers },
      body,
      ...(signal && { signal }),
    });
  }

  async send(method: string, path: string, request: ExecdRequest = {}): Promise<ExecdAnswer> {
    return read(await this.open(method, path, request));
  }

  /** Sends a request to any port of the sandbox, without the access token. */
  openPort(port: number, method: string, path: string, request: ExecdRequest = {}): Promise<Response> {
    const { headers, body, signal } = request;
    const sent = isBody(body) || body === undefined ? body : JSON.stringify(body);
    const { server } = this.client;
    return server.fetch(`${server.url}/gateway/${this.sandbox.id}/${port}${path}`, {
      method,
      headers: headers ?? {},
      ...(sent !== undefined && { body: sent }),
      ...(sent instanceof ReadableStream && { duplex: "half" }),
      ...(signal && { signal }),
    });
  }

  async command(command: string, fields: Readonly<Record<string, unknown>> = {}): Promise<Outcome> {
    return readOutcome(await this.open("POST", "/command", { body: { command, ...fields } }));
  }

  /** Uploads a file. */
  async upload(
    path: string,
    content: string,
    permission: Readonly<Record<string, unknown>> = {},
  ): Promise<ExecdAnswer> {
    return this.send("POST", "/files/upload", form([[{ path, ...permission }, content]]));
  }

  async read(path: string): Promise<string> {
    const { status, text } = await this.send("GET", `/files/download?path=${encodeURIComponent(path)}`);
    if (status !== 200) throw new Error(`${status} ${text}`);
    return text;
  }

  /** Sends a recorded request again. */
  repeat({ request: { method, path, headers, body } }: Exchange): Promise<ExecdAnswer> {
    return this.send(method, path, { headers, ...(body !== null && { body }) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.server.close();
  }
}

export async function read(response: Response): Promise<ExecdAnswer> {
  return { status: response.status, headers: response.headers, text: await response.text() };
}

/** Encodes a form of metadata and files. */
export function form(pairs: readonly (readonly [Readonly<Record<string, unknown>>, string])[]): {
  headers: Record<string, string>;
  body: string;
} {
  const part = (name: string, filename: string, content: string) =>
    `--B\r\nContent-Disposition: form-data; name="${name}"; filename="${filename}"\r\n\r\n${content}\r\n`;
  const parts = pairs.flatMap(([metadata, content]) => [
    part("metadata", "metadata", JSON.stringify(metadata)),
    part("file", "file", content),
  ]);
  return {
    headers: { "content-type": "multipart/form-data; boundary=B" },
    body: `${parts.join("")}--B--\r\n`,
  };
}

/** Returns the parts of a response that are the same at another time and on another machine. */
export function comparable(status: number | null, headers: Headers, text: string): Record<string, unknown> {
  // Only the local server forbids browsers to cache files (docs/differences.md).
  const kept = [...headers].filter(([name, value]) => COMPARED_HEADERS.has(name) && value !== "no-store");
  return { status, headers: Object.fromEntries(kept), body: withoutAccidents(text) };
}

export function recorded(exchange: Exchange): Record<string, unknown> {
  const { status, headers } = exchange.response;
  return comparable(status, new Headers(headers), bodyOf(exchange));
}

const COMPARED_HEADERS = new Set([
  "accept-ranges",
  "cache-control",
  "content-disposition",
  "content-range",
  "content-type",
  "execd-commands-tail-cursor",
  "location",
  "x-accel-buffering",
  "x-content-type-options",
]);

function withoutAccidents(text: string): string {
  return text
    .replace(/"(modified_at|created_at|started_at|finished_at)":"\d{4}-[^"]*Z"/g, '"$1":"(time)"')
    .replace(/"timestamp":\d{13}/g, '"timestamp":0')
    .replace(/"(owner|group)":"[^"]*"/g, '"$1":"(someone)"')
    .replace(/("type":"directory","size":)\d+/g, "$10")
    .replace(/[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}|\b[\da-f]{32}\b/g, "(id)");
}

function isBody(body: unknown): body is string | ReadableStream {
  return typeof body === "string" || body instanceof ReadableStream;
}

/** Reads the next chunk of a body as text; `undefined` at its end. */
export async function nextText(
  reader: ReadableStreamDefaultReader<Uint8Array> | undefined,
): Promise<string | undefined> {
  const chunk = await reader?.read();
  return chunk?.value && new TextDecoder().decode(chunk.value);
}
