import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { generateText, simulateReadableStream, stepCountIs, streamText, type ToolSet } from "ai6";
import { MockLanguageModelV3 } from "ai6/test";
import { codeTools } from "../../src/agents/ai-sdk.js";
import { startLocalServer, type LocalServer } from "../../src/local/index.js";
import { describeIf, hasPython, isolationWorks, NO_ISOLATION_REASON } from "../helpers/skips.js";
import {
  AFTERWARDS,
  countSandboxes,
  ENDLESS,
  expectSeen,
  STEPS,
  type Seen,
  type Step,
} from "./frameworks.js";

type Prompt = Parameters<MockLanguageModelV3["doGenerate"]>[0]["prompt"];

const USAGE = {
  inputTokens: { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 },
  outputTokens: { total: 1, text: 1, reasoning: 0 },
};

/** A model that makes some tool calls, one at a time, and then says that it has finished. */
function scriptedModel(steps: readonly Step[]) {
  const prompts: Prompt[] = [];
  const next = (prompt: Prompt) => {
    const step = steps[prompts.push(prompt) - 1];
    const reason = step === undefined ? ("stop" as const) : ("tool-calls" as const);
    const content =
      step === undefined
        ? { type: "text" as const, text: "finished" }
        : {
            type: "tool-call" as const,
            toolCallId: `call-${prompts.length}`,
            toolName: step.tool,
            input: JSON.stringify(step.input),
          };
    return { content, finishReason: { unified: reason, raw: undefined } };
  };
  const model = new MockLanguageModelV3({
    doGenerate: ({ prompt }) => {
      const { content, finishReason } = next(prompt);
      return Promise.resolve({ content: [content], finishReason, usage: USAGE, warnings: [] });
    },
    doStream: ({ prompt }) => {
      const { content, finishReason } = next(prompt);
      const parts =
        content.type === "text"
          ? [
              { type: "text-start" as const, id: "1" },
              { type: "text-delta" as const, id: "1", delta: content.text },
              { type: "text-end" as const, id: "1" },
            ]
          : [content];
      const chunks = [...parts, { type: "finish" as const, finishReason, usage: USAGE }];
      return Promise.resolve({ stream: simulateReadableStream({ chunks }) });
    },
  });
  return { model, prompts };
}

/** What the model has been sent as the results of its tool calls. */
function seenBy(prompts: readonly Prompt[]): Seen[] {
  return (prompts.at(-1) ?? []).flatMap((message) =>
    message.role !== "tool"
      ? []
      : message.content.flatMap((part) => {
          if (part.type !== "tool-result") return [];
          const { output } = part;
          if (output.type === "text" || output.type === "error-text") {
            return [{ text: output.value, images: 0 }];
          }
          if (output.type !== "content") throw new Error(`Unexpected output of type ${output.type}.`);
          const texts = output.value.flatMap((each) => (each.type === "text" ? [each.text] : []));
          const images = output.value.filter((each) => each.type === "image-data");
          for (const image of images) expect(image).toMatchObject({ mediaType: "image/png" });
          return [{ text: texts.join(""), images: images.length }];
        }),
  );
}

describeIf(
  isolationWorks && hasPython,
  "agents/ai-sdk-6",
  isolationWorks ? "there is no python3" : NO_ISOLATION_REASON,
)("tools for the AI SDK 6", () => {
  let server: LocalServer;
  beforeAll(async () => (server = await startLocalServer()));
  afterAll(() => server.close());

  test("let a model run code, see a picture, correct a mistake, and go on after an abort", async () => {
    const code = codeTools({ connectionConfig: server.connectionConfig });
    // The declarations of `codeTools` refer to the version of `ai` that is installed; here that is 7.
    const tools = code.tools as unknown as ToolSet;
    const first = scriptedModel(STEPS);
    const { text } = await generateText({
      model: first.model,
      tools,
      stopWhen: stepCountIs(10),
      prompt: "Go.",
    });
    expect(text).toBe("finished");
    expectSeen(seenBy(first.prompts));

    const abort = new AbortController();
    const aborted = streamText({
      ...{ model: scriptedModel([ENDLESS]).model, tools, prompt: "Wait." },
      abortSignal: abort.signal,
      onError: () => undefined,
    });
    const preliminary: unknown[] = [];
    for await (const part of aborted.fullStream) {
      if (part.type !== "tool-result" || part.preliminary !== true) continue;
      preliminary.push(part.output);
      abort.abort(new Error("changed my mind"));
    }
    expect(preliminary).toEqual([{ text: "waiting\n", images: [], isError: false }]);

    const second = scriptedModel([AFTERWARDS]);
    await generateText({ model: second.model, tools, stopWhen: stepCountIs(3), prompt: "Go on." });
    expectSeen(seenBy(second.prompts), [AFTERWARDS]);

    expect(await countSandboxes(server)).toBe(1);
    await code.close();
    expect(await countSandboxes(server)).toBe(0);
  });

  test("describe themselves to the model with their JSON Schemas", async () => {
    const code = codeTools({ tools: ["run_code"] });
    const { model } = scriptedModel([]);
    await generateText({ model, tools: code.tools as unknown as ToolSet, prompt: "Go." });
    expect(model.doGenerateCalls[0]?.tools).toMatchObject([
      { type: "function", name: "run_code", inputSchema: { type: "object", required: ["code"] } },
    ]);
    await code.close();
  });

  test("return the problem with a malformed call to the model", async () => {
    const code = codeTools({ connectionConfig: server.connectionConfig });
    const call = { tool: "run_code", input: { source: "1" }, text: "code" };
    const { model, prompts } = scriptedModel([call]);
    await generateText({
      ...{ model, tools: code.tools as unknown as ToolSet },
      ...{ stopWhen: stepCountIs(3), prompt: "Go." },
    });
    expectSeen(seenBy(prompts), [call]);
    await code.close();
  });
});
