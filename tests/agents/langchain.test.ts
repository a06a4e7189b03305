import { expect, test } from "@jest/globals";
import { AIMessage, ToolMessage, type BaseMessage } from "@langchain/core/messages";
import { fakeModel } from "@langchain/core/testing";
import { createAgent } from "langchain";
import { codeTools } from "../../src/agents/langchain.js";
import { countSandboxes, expectSeen, describeOnServer } from "./frameworks.js";
import { AFTERWARDS, ENDLESS, STEPS, type Seen, type Step } from "./scripted-answers.js";

/** A model that makes some tool calls, one at a time, and then says that it has finished. */
function scriptedModel(steps: readonly Step[]) {
  const model = fakeModel();
  for (const { tool, input } of steps) model.respondWithTools([{ name: tool, args: input }]);
  return model.respond(new AIMessage("finished"));
}

/** What the model has been sent as the results of its tool calls. */
function seenIn(messages: readonly BaseMessage[]): Seen[] {
  return messages
    .filter((message) => ToolMessage.isInstance(message))
    .map(({ content }) => {
      if (typeof content === "string") return { text: content, images: 0 };
      const texts = content.flatMap((block) => (typeof block.text === "string" ? [block.text] : []));
      const images = content.filter(({ type }) => type === "image_url");
      for (const image of images) {
        expect(image).toMatchObject({
          image_url: { url: expect.stringMatching(/^data:image\/png;base64,iVBOR/) as unknown },
        });
      }
      return { text: texts.join(""), images: images.length };
    });
}

describeOnServer("agents/langchain", "tools for LangChain", (server) => {
  test("let a model run code, see a picture, correct a mistake, and go on after an abort", async () => {
    const code = codeTools({ connectionConfig: server().connectionConfig });
    const { tools } = code;
    const first = scriptedModel(STEPS);
    const outcome = await createAgent({ model: first, tools }).invoke({ messages: ["Go."] });
    expect(outcome.messages.at(-1)?.content).toBe("finished");
    expectSeen(seenIn(first.calls.at(-1)?.messages ?? []));
    const artifacts = outcome.messages
      .filter((message) => ToolMessage.isInstance(message))
      .map(({ artifact }) => artifact as unknown);
    expect(artifacts.at(-1)).toEqual({ text: "[result]\n42", images: [], isError: false });

    const abort = new AbortController();
    const live: unknown[] = [];
    const stream = await createAgent({ model: scriptedModel([ENDLESS]), tools }).stream(
      { messages: ["Wait."] },
      { streamMode: "custom", signal: abort.signal },
    );
    const aborted = (async () => {
      for await (const chunk of stream) {
        live.push(chunk);
        abort.abort(new Error("changed my mind"));
      }
    })();
    await expect(aborted).rejects.toThrow();
    expect(live).toEqual([{ tool: "run_code", stream: "stdout", text: "waiting\n" }]);

    const second = scriptedModel([AFTERWARDS]);
    await createAgent({ model: second, tools }).invoke({ messages: ["Go on."] });
    expectSeen(seenIn(second.calls.at(-1)?.messages ?? []), [AFTERWARDS]);

    expect(await countSandboxes(server())).toBe(1);
    await code.close();
    expect(await countSandboxes(server())).toBe(0);
  });

  test("return the problem with a malformed call to the model", async () => {
    const code = codeTools({ connectionConfig: server().connectionConfig });
    const call = { tool: "run_code", input: { source: "1" }, text: "source" };
    const model = scriptedModel([call]);
    await createAgent({ model, tools: code.tools }).invoke({ messages: ["Go."] });
    expectSeen(seenIn(model.calls.at(-1)?.messages ?? []), [call]);
    await code.close();
  });
});
