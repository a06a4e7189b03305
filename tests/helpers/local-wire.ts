import type { LocalServerOptions } from "../../src/local/index.js";
import { isolationWorks } from "./skips.js";
import { LocalClient, type LocalSandbox, type WireRecord } from "./local-sandbox.js";

/** The outcome of a run of code. */
export interface CodeOutcome {
  /** The joined output. */
  readonly stdout: string;
  readonly stderr: string;
  /** MIME bundles as on the wire: `text` means `text/plain`. */
  readonly results: readonly Readonly<Record<string, unknown>>[];
  readonly error: { readonly ename: string; readonly evalue: string; readonly traceback: string } | undefined;
  readonly executionCount: number | undefined;
  readonly isComplete: boolean;
  /** The event types in order, without pings and repetitions. */
  readonly order: readonly string[];
}

/** A run in progress. */
export interface CodeRun {
  /** Resolves when this text has been printed. */
  until(text: string): Promise<void>;
  readonly outcome: Promise<CodeOutcome>;
}

/** Runs code in one sandbox without the SDK. */
export class CodeClient implements AsyncDisposable {
  readonly sandbox: LocalSandbox;
  readonly #client: LocalClient;

  private constructor(client: LocalClient, sandbox: LocalSandbox) {
    this.#client = client;
    this.sandbox = sandbox;
  }

  /** Starts a server. Its sandbox is isolated if that works here; kernels behave the same without. */
  static async start(options: LocalServerOptions = {}): Promise<CodeClient> {
    const isolation = isolationWorks ? "auto" : "none";
    const client = await LocalClient.start({ port: false, isolation, ...options });
    try {
      return new CodeClient(client, await client.create());
    } catch (error) {
      await client.server.close();
      throw error;
    }
  }

  async createContext(language: string): Promise<string> {
    const response = await this.sandbox.execd("POST", "/code/context", { language });
    if (!response.ok) throw new Error(await response.text());
    return String(((await response.json()) as Record<string, unknown>)["id"]);
  }

  async interrupt(contextId: string): Promise<void> {
    await this.sandbox.execd("DELETE", `/code?id=${contextId}`);
  }

  /** Runs code and waits for its end, in a context or in the language's default one. */
  run(language: string, code: string, contextId?: string): Promise<CodeOutcome> {
    return this.start(language, code, contextId).outcome;
  }

  /** Starts a run whose output can be observed. With `onPrint`, output goes there instead of into the outcome. */
  start(language: string, code: string, contextId?: string, onPrint?: (text: string) => void): CodeRun {
    let printed = "";
    const waiting = new Set<() => void>();
    const keep = (text: string) => {
      printed += text;
      for (const check of waiting) check();
    };
    const reading = this.#read(language, code, contextId, onPrint ?? keep);
    const outcome = reading.then(({ events, order }) => summarise(events, order, printed));
    const until = (text: string) =>
      new Promise<void>((resolve, reject) => {
        const check = () => {
          if (printed.includes(text)) resolve();
        };
        waiting.add(check);
        check();
        outcome.then(() => reject(new Error(`the run ended with ${JSON.stringify(printed)}`)), reject);
      });
    return { until, outcome };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.server.close();
  }

  async #read(
    language: string,
    code: string,
    contextId: string | undefined,
    onPrint: (text: string) => void,
  ): Promise<{ events: WireRecord[]; order: string[] }> {
    const context = { language, ...(contextId !== undefined && { id: contextId }) };
    const response = await this.sandbox.execd("POST", "/code", { code, context });
    if (!response.ok || response.body === null) throw new Error(await response.text());
    const events: WireRecord[] = [];
    const order: string[] = [];
    let held = "";
    const decoder = new TextDecoder();
    for await (const bytes of response.body as AsyncIterable<Uint8Array>) {
      const frames = (held + decoder.decode(bytes, { stream: true })).split("\n\n");
      held = frames.pop() ?? "";
      for (const frame of frames) {
        const event = JSON.parse(frame) as WireRecord;
        if (event.type === "ping") continue;
        if (order.at(-1) !== event.type) order.push(String(event.type));
        if (event.type === "stdout") onPrint(String(event["text"]));
        else events.push(event);
      }
    }
    if (held !== "") throw new Error(`not a frame: ${held}`);
    return { events, order };
  }
}

function summarise(events: readonly WireRecord[], order: readonly string[], stdout: string): CodeOutcome {
  const all = (type: string, field: string) =>
    events.filter((event) => event.type === type).map((event) => event[field]);
  const [error] = all("error", "error") as Record<string, unknown>[];
  const [count] = all("execution_count", "execution_count");
  return {
    stdout,
    stderr: all("stderr", "text").join(""),
    results: all("result", "results") as Record<string, unknown>[],
    error: error && {
      ename: textOf(error["ename"]),
      evalue: textOf(error["evalue"]),
      traceback: ((error["traceback"] ?? []) as string[]).join("\n"),
    },
    executionCount: typeof count === "number" ? count : undefined,
    isComplete: order.includes("execution_complete"),
    order,
  };
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
