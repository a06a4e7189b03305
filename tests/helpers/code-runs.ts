import type { WireRecord } from "./local-sandbox.js";

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

/** Reads the response of a run of code. With `onPrint`, output goes there instead of into the outcome. */
export function readRun(opening: Promise<Response>, onPrint?: (text: string) => void): CodeRun {
  let printed = "";
  const waiting = new Set<() => void>();
  const keep = (text: string) => {
    printed += text;
    for (const check of waiting) check();
  };
  const outcome = readEvents(opening, onPrint ?? keep).then(({ events, order }) =>
    summarise(events, order, printed),
  );
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

async function readEvents(
  opening: Promise<Response>,
  onPrint: (text: string) => void,
): Promise<{ events: WireRecord[]; order: string[] }> {
  const response = await opening;
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
