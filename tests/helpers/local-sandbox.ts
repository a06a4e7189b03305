import { startLocalServer, type LocalServer, type LocalServerOptions } from "../../src/local/index.js";

type Json = Readonly<Record<string, unknown>>;

/** One event of a run on the wire. */
export type WireRecord = Readonly<Record<string, unknown>> & { readonly type?: string };

/** A client of a local server that does not use the SDK. */
export class LocalClient implements AsyncDisposable {
  readonly server: LocalServer;

  static async start(options: LocalServerOptions = { port: false }): Promise<LocalClient> {
    return new LocalClient(await startLocalServer(options));
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

  /** Sends a request to the sandbox's execd. */
  execd(method: string, path: string, body?: unknown, init: RequestInit = {}): Promise<Response> {
    return this.client.server.fetch(`${this.#address}${path}`, {
      ...init,
      method,
      headers: this.#headers,
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
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

  async state(): Promise<unknown> {
    const { status } = await this.client.json("GET", this.path);
    return (status as Json)["state"];
  }
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

/** Polls until a condition holds. Fails with the last value after a few seconds. */
export async function until<T>(look: () => T | Promise<T>, holds: (value: T) => boolean): Promise<T> {
  const end = Date.now() + 15_000;
  for (;;) {
    const value = await look();
    if (holds(value)) return value;
    if (Date.now() > end) throw new Error(`Timed out; the last value is ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
