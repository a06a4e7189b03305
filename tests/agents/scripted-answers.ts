import steps from "./scenario.json" with { type: "json" };

/** A tool call that a scripted model makes, and what it is to see of the result. */
export interface Step {
  readonly tool: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly text: string;
  readonly images?: number;
}

/** What a model sees of one tool result. */
export interface Seen {
  readonly text: string;
  readonly images: number;
}

/** A conversation in which a model runs code, looks at a picture, makes a mistake and corrects it. */
export const STEPS: readonly Step[] = steps;

/** A run that only an abort ends. It creates a file at its start, which {@link STARTED} waits for. */
export const ENDLESS: Step = {
  tool: "run_code",
  input: {
    code: "import time\nopen('started', 'w').close()\nprint('waiting', flush=True)\nwhile True: time.sleep(0.1)",
  },
  text: "",
};
export const STARTED = "until [ -e started ]; do sleep 0.05; done";
/** A run that shows that the state of {@link STEPS} has survived the abort. */
export const AFTERWARDS: Step = { tool: "run_code", input: { code: "print('x is', x)" }, text: "x is 41" };

const USAGE = {
  inputTokens: { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 },
  outputTokens: { total: 1, text: 1, reasoning: 0 },
};

/** The responses of a model of the AI SDK that makes some tool calls, one at a time, and then says that it has finished. */
export function scriptedAnswers(steps: readonly Step[]) {
  let calls = 0;
  const next = () => {
    const step = steps[calls++];
    const content =
      step === undefined
        ? { type: "text" as const, text: "finished" }
        : {
            type: "tool-call" as const,
            toolCallId: `call-${calls}`,
            toolName: step.tool,
            input: JSON.stringify(step.input),
          };
    const unified = step === undefined ? ("stop" as const) : ("tool-calls" as const);
    return { content, finishReason: { unified, raw: undefined } };
  };
  return {
    doGenerate: () => {
      const { content, finishReason } = next();
      return Promise.resolve({ content: [content], finishReason, usage: USAGE, warnings: [] });
    },
    doStream: () => {
      const { content, finishReason } = next();
      const parts =
        content.type === "text"
          ? [
              { type: "text-start" as const, id: "1" },
              { type: "text-delta" as const, id: "1", delta: content.text },
              { type: "text-end" as const, id: "1" },
            ]
          : [content];
      const start = { type: "stream-start" as const, warnings: [] };
      const end = { type: "finish" as const, finishReason, usage: USAGE };
      return Promise.resolve({ stream: ReadableStream.from([start, ...parts, end]) });
    },
  };
}

/** What a model has been sent as the results of its tool calls, in the form of the AI SDK. */
export function seenIn(prompt: readonly { readonly role: string; readonly content: unknown }[]): Seen[] {
  const parts = prompt
    .filter(({ role }) => role === "tool")
    .flatMap(({ content }) => content as { readonly type: string; readonly output: unknown }[]);
  return parts.flatMap(({ type, output }) => {
    if (type !== "tool-result") return [];
    const { value } = output as { readonly value: unknown };
    if (!Array.isArray(value))
      return [{ text: typeof value === "string" ? value : JSON.stringify(value), images: 0 }];
    const values = value as { readonly type: string; readonly text?: string; readonly mediaType?: string }[];
    const images = values.filter(({ mediaType }) => mediaType === "image/png").length;
    return [{ text: values.map(({ text = "" }) => text).join(""), images }];
  });
}
