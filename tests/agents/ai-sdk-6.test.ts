import { expect, test } from "@jest/globals";
import { generateText, stepCountIs, streamText, type ToolSet } from "ai6";
import { MockLanguageModelV3 } from "ai6/test";
import { codeTools } from "../../src/agents/ai-sdk.js";
import { countSandboxes, expectSeen, describeOnServer } from "./frameworks.js";
import { AFTERWARDS, ENDLESS, scriptedAnswers, seenIn, STEPS, type Step } from "./scripted-answers.js";

/** A model that makes some tool calls, one at a time, and then says that it has finished. */
const scriptedModel = (steps: readonly Step[]) => new MockLanguageModelV3(scriptedAnswers(steps));
/** What a model has been sent as the results of its tool calls. */
const seenBy = ({ doGenerateCalls }: MockLanguageModelV3) => seenIn(doGenerateCalls.at(-1)?.prompt ?? []);

describeOnServer("agents/ai-sdk-6", "tools for the AI SDK 6", (server) => {
  test("let a model run code, see a picture, correct a mistake, and go on after an abort", async () => {
    const code = codeTools({ connectionConfig: server().connectionConfig });
    // The declarations of `codeTools` refer to the version of `ai` that is installed; here that is 7.
    const tools = code.tools as unknown as ToolSet;
    const first = scriptedModel(STEPS);
    const { text } = await generateText({
      model: first,
      tools,
      stopWhen: stepCountIs(10),
      prompt: "Go.",
    });
    expect(text).toBe("finished");
    expectSeen(seenBy(first));

    const abort = new AbortController();
    const aborted = streamText({
      ...{ model: scriptedModel([ENDLESS]), tools, prompt: "Wait." },
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
    await generateText({ model: second, tools, stopWhen: stepCountIs(3), prompt: "Go on." });
    expectSeen(seenBy(second), [AFTERWARDS]);

    expect(await countSandboxes(server())).toBe(1);
    await code.close();
    expect(await countSandboxes(server())).toBe(0);
  });

  test("describe themselves to the model with their JSON Schemas", async () => {
    const code = codeTools({ tools: ["run_code"] });
    const model = scriptedModel([]);
    await generateText({ model, tools: code.tools as unknown as ToolSet, prompt: "Go." });
    expect(model.doGenerateCalls[0]?.tools).toMatchObject([
      { type: "function", name: "run_code", inputSchema: { type: "object", required: ["code"] } },
    ]);
    await code.close();
  });

  test("return the problem with a malformed call to the model", async () => {
    const code = codeTools({ connectionConfig: server().connectionConfig });
    const call = { tool: "run_code", input: { source: "1" }, text: "code" };
    const model = scriptedModel([call]);
    await generateText({
      ...{ model, tools: code.tools as unknown as ToolSet },
      ...{ stopWhen: stepCountIs(3), prompt: "Go." },
    });
    expectSeen(seenBy(model), [call]);
    await code.close();
  });
});
