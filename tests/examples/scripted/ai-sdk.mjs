// Loaded before an example: what the AI SDK takes for the model of a name is a script that computes a prime number and
// says what the tool returned.
import { MockLanguageModelV4 } from "ai/test";

const code = "n = [p for p in range(2, 600) if all(p % d for d in range(2, p))]\nprint(n[99])";
const usage = {
  inputTokens: { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 },
  outputTokens: { total: 1, text: 1, reasoning: 0 },
};

const model = new MockLanguageModelV4({
  doGenerate: ({ prompt }) => {
    const last = prompt.at(-1);
    const output = last?.role === "tool" ? last.content[0]?.output : undefined;
    const content =
      output === undefined
        ? {
            type: "tool-call",
            toolCallId: "call-1",
            toolName: "run_code",
            input: JSON.stringify({ code }),
          }
        : { type: "text", text: `The 100th prime number is ${output.value}.` };
    const unified = output === undefined ? "tool-calls" : "stop";
    return Promise.resolve({
      content: [content],
      finishReason: { unified, raw: undefined },
      usage,
      warnings: [],
    });
  },
});
globalThis.AI_SDK_DEFAULT_PROVIDER = { specificationVersion: "v4", languageModel: () => model };
