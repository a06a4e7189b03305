import { startLocalServer, type LocalServer, type LocalServerOptions } from "../../src/local/index.js";
import { readRun, type CodeOutcome, type CodeRun } from "./code-runs.js";
import { form, read, type ExecdAnswer } from "./execd-answers.js";
import type { Exchange } from "./fixtures.js";
import { isolationWorks } from "./skips.js";

type Json = Readonly<Record<string, unknown>>;

/** One event of a run on the wire. */
export type WireRecord = Readonly<Record<string, unknown>> & { readonly type?: string };

/** A client of a local server that does not use the SDK. */
export class LocalClient implements AsyncDisposable {
  readonly server: LocalServer;

  /** Starts a server with the plain shell of Python, which starts in a third of the time that IPython takes. */
  static async start(options: LocalServerOptions = { port: false }): Promise<LocalClient> {
    return new LocalClient(await startLocalServer({ pythonShell: "plain", ...options }));
  }

  constructor(server: LocalServer) {
    this.server = server;
  }

  /** Sends a request to the lifecycle API with the API key. A body that is not a string is sent as JSON. */
  send(method: string, path: string, body?: unknown, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers({
      "open-sandbox-api-key": this.server.connectionConfig.apiKey,
      ...(body !== undefined && { "content-type": "application/json" }),
      ...Object.fromEntries(new Headers(init.headers)),
    });
    return this.server.fetch(`${this.server.url}${path}`, {
      ...init,
      method,
      headers,
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
  }

  async json(method: string, path: string, body?: unknown): Promise<Json> {
    const response = await this.send(method, path, body);
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as Json;
  }

  async create(fields: Json = {}): Promise<LocalSandbox> {
    const body = { image: { uri: "any" }, entrypoint: ["any"], resourceLimits: {}, timeout: 600, ...fields };
    const { id } = await this.json("POST", "/v1/sandboxes", body);
    const endpoint = await this.json("GET", `/v1/sandboxes/${String(id)}/endpoints/44772`);
    return new LocalSandbox(this, String(id), endpoint);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close();
  }
}

export interface PortRequest {
  readonly headers?: Readonly<Record<string, string>>;
  /** A string or a stream is sent unchanged, anything else as JSON. */
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

/** The outcome of a command or run. */
export interface Outcome {
  readonly events: readonly WireRecord[];
  readonly stdout: string;
  readonly stderr: string;
  /** `execution_complete`, or the value of the error. */
  readonly ending: string;
}

/** A sandbox of a {@link LocalClient}. */
export class LocalSandbox {
  readonly client: LocalClient;
  readonly id: string;
  readonly #address: string;
  readonly #headers: Record<string, string>;

  constructor(client: LocalClient, id: string, { endpoint, headers }: Json) {
    this.client = client;
    this.id = id;
    this.#address = `http://${String(endpoint)}`;
    this.#headers = headers as Record<string, string>;
  }

  get path(): string {
    return `/v1/sandboxes/${this.id}`;
  }

  /** Sends a request to the sandbox's execd. A body that is not a string or a stream is sent as JSON. */
  execd(method: string, path: string, body?: unknown, init: RequestInit = {}): Promise<Response> {
    const headers = { ...this.#headers, ...(init.headers as Record<string, string> | undefined) };
    return this.#send(`${this.#address}${path}`, { ...init, method, headers }, body);
  }

  /** Sends a request to the sandbox's execd and reads the response. */
  async send(method: string, path: string, { body, ...init }: PortRequest = {}): Promise<ExecdAnswer> {
    return read(await this.execd(method, path, body, init));
  }

  /** Sends a request to any port of the sandbox, without the access token. */
  openPort(
    port: number,
    method: string,
    path: string,
    { body, ...init }: PortRequest = {},
  ): Promise<Response> {
    const { url } = this.client.server;
    return this.#send(`${url}/gateway/${this.id}/${port}${path}`, { ...init, method }, body);
  }

  /** Runs a server, a program for Node.js in CommonJS, and waits until it responds to `GET /`. */
  async serve(program: string, port: number): Promise<void> {
    await this.upload("/workspace/server.cjs", program);
    await this.command("node server.cjs", { background: true });
    await until(
      async () => {
        const response = await this.openPort(port, "GET", "/");
        await response.arrayBuffer();
        return response.status;
      },
      (status) => status === 200,
    );
  }

  #send(url: string, init: RequestInit, body: unknown): Promise<Response> {
    const sent = isBody(body) || body === undefined ? body : JSON.stringify(body);
    return this.client.server.fetch(url, {
      ...init,
      ...(sent !== undefined && { body: sent }),
      ...(sent instanceof ReadableStream && { duplex: "half" }),
    });
  }

  /** Sends a recorded request again. */
  repeat({ request: { method, path, headers, body } }: Exchange): Promise<ExecdAnswer> {
    return this.send(method, path, { headers, ...(body !== null && { body }) });
  }

  /** Uploads a file. */
  upload(path: string, content: string, permission: Json = {}): Promise<ExecdAnswer> {
    return this.send("POST", "/files/upload", form([[{ path, ...permission }, content]]));
  }

  /** Downloads a file. */
  async read(path: string): Promise<string> {
    const { status, text } = await this.send("GET", `/files/download?path=${encodeURIComponent(path)}`);
    if (status !== 200) throw new Error(`${status} ${text}`);
    return text;
  }

  /** Runs a shell command and waits for its end. */
  async command(command: string, fields: Json = {}): Promise<Outcome> {
    return readOutcome(await this.execd("POST", "/command", { command, ...fields }));
  }

  /** Runs Python code and waits for its end. */
  async python(code: string, context: Json = {}): Promise<Outcome> {
    return readOutcome(
      await this.execd("POST", "/code", { code, context: { language: "python", ...context } }),
    );
  }

  async createContext(language: string): Promise<string> {
    const response = await this.execd("POST", "/code/context", { language });
    if (!response.ok) throw new Error(await response.text());
    return String(((await response.json()) as Json)["id"]);
  }

  /** Runs code and waits for its end, in a context or in the language's default one. */
  run(language: string, code: string, contextId?: string): Promise<CodeOutcome> {
    return this.startRun(language, code, contextId).outcome;
  }

  /** Starts a run whose output can be observed. With `onPrint`, output goes there instead of into the outcome. */
  startRun(language: string, code: string, contextId?: string, onPrint?: (text: string) => void): CodeRun {
    const context = { language, ...(contextId !== undefined && { id: contextId }) };
    return readRun(this.execd("POST", "/code", { code, context }), onPrint);
  }

  async interrupt(contextId: string): Promise<void> {
    await this.execd("DELETE", `/code?id=${contextId}`);
  }

  async state(): Promise<unknown> {
    const { status } = await this.client.json("GET", this.path);
    return (status as Json)["state"];
  }

  /** Closes the server. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.server.close();
  }
}

/**
 * Starts a server with one sandbox and the plain shell of Python. The sandbox is isolated if that works here; kernels behave
 * the same without.
 */
export async function startSandbox(options: LocalServerOptions = {}): Promise<LocalSandbox> {
  const isolation = isolationWorks ? "auto" : "none";
  const client = await LocalClient.start({ port: false, isolation, ...options });
  try {
    return await client.create();
  } catch (error) {
    await client.server.close();
    throw error;
  }
}

function isBody(body: unknown): body is string | ReadableStream {
  return typeof body === "string" || body instanceof ReadableStream;
}

/** Reads an event stream to its end. */
export async function readOutcome(response: Response): Promise<Outcome> {
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.status} ${text}`);
  const events = parseEvents(text);
  const all = (type: string) =>
    events
      .filter((event) => event.type === type)
      .map((event) => String(event["text"]))
      .join("\n");
  const last = events.findLast(({ type }) => type === "execution_complete" || type === "error");
  const error = last?.["error"] as Json | undefined;
  return {
    events,
    stdout: all("stdout"),
    stderr: all("stderr"),
    ending: error === undefined ? String(last?.type) : String(error["evalue"]),
  };
}

/** Parses the events of a body. An incomplete frame becomes an event without a type. */
export function parseEvents(text: string): WireRecord[] {
  return text
    .split("\n\n")
    .filter((frame) => frame !== "")
    .map((frame) => JSON.parse(frame) as WireRecord);
}

/** Polls until a condition holds. Fails with the last value when the patience ends. */
export async function until<T>(
  look: () => T | Promise<T>,
  holds: (value: T) => boolean,
  patienceMillis = 45_000,
): Promise<T> {
  const end = Date.now() + patienceMillis;
  for (;;) {
    const value = await look();
    if (holds(value)) return value;
    if (Date.now() > end) throw new Error(`Timed out; the last value is ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
