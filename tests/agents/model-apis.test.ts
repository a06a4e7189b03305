import { describe, expect, test } from "@jest/globals";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import {
  createCodeTools,
  forAnthropic,
  forOpenAI,
  forOpenAIChat,
  type CodeTools,
  type DispatchOptions,
} from "../../src/agents/index.js";
import { countSandboxes, expectSeen, describeOnServer } from "./frameworks.js";
import { startModelServer, type ModelCall, type ModelServer, type Turn } from "./model-server.js";
import { AFTERWARDS, ENDLESS, STEPS, type Seen, type Step } from "./scripted-answers.js";

/** A part of a message or of a tool result, in any of the APIs. */
interface Part {
  readonly type: string;
  readonly text?: string;
}

/** One of the model APIs, as its official client offers it. */
interface ModelApi {
  readonly name: string;
  /** Converses with the model until it makes no more calls; returns what it says then. */
  readonly converse: (url: string, codeTools: CodeTools, options?: DispatchOptions) => Promise<unknown>;
  /** Returns the results of tool calls that a request brings to the model. */
  readonly seen: (request: Record<string, unknown>) => Seen[];
}

const CLIENT = { apiKey: "test", maxRetries: 0 };
const MODEL = "scripted";

const APIS: readonly ModelApi[] = [
  {
    name: "OpenAI's Responses API",
    async converse(url, codeTools, options) {
      const openai = new OpenAI({ ...CLIENT, baseURL: `${url}/v1` });
      const { tools, dispatch } = forOpenAI(codeTools);
      const input: OpenAI.Responses.ResponseInput = [{ role: "user", content: "Go." }];
      for (;;) {
        const response = await openai.responses.create({ model: MODEL, input, tools });
        const outputs = await dispatch(response.output, options);
        if (outputs.length === 0) return response.output_text;
        // The client's types of output items are wider than those of input items; the API takes them back as they are.
        input.push(...(response.output as OpenAI.Responses.ResponseInput), ...outputs);
      }
    },
    seen: ({ input }) =>
      (input as { readonly type?: string; readonly output: readonly Part[] }[])
        .filter(({ type }) => type === "function_call_output")
        .map(({ output }) => seenIn(output)),
  },
  {
    name: "OpenAI's Chat Completions API",
    async converse(url, codeTools, options) {
      const openai = new OpenAI({ ...CLIENT, baseURL: `${url}/v1` });
      const { tools, dispatch } = forOpenAIChat(codeTools);
      const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: "user", content: "Go." }];
      for (;;) {
        const { choices } = await openai.chat.completions.create({ model: MODEL, messages, tools });
        const message = choices[0]?.message;
        if (message === undefined) throw new Error("Expected a message in the response.");
        const outputs = await dispatch(message, options);
        if (outputs.length === 0) return message.content;
        messages.push(message, ...outputs);
      }
    },
    seen({ messages }) {
      const all: Seen[] = [];
      for (const { role, content } of messages as { role: string; content: string | readonly Part[] }[]) {
        if (role === "tool") all.push({ text: content as string, images: 0 });
        if (role !== "user" || typeof content === "string") continue;
        // Pictures follow the results of a turn, which has one call here.
        const last = all.pop();
        all.push({ text: last?.text ?? "", images: seenIn(content).images });
      }
      return all;
    },
  },
  {
    name: "Anthropic's Messages API",
    async converse(url, codeTools, options) {
      const anthropic = new Anthropic({ ...CLIENT, baseURL: url });
      const { tools, dispatch } = forAnthropic(codeTools);
      const messages: Anthropic.MessageParam[] = [{ role: "user", content: "Go." }];
      for (;;) {
        const message = await anthropic.messages.create({ model: MODEL, max_tokens: 1_024, messages, tools });
        const results = await dispatch(message.content, options);
        if (results.length === 0) {
          return message.content.map((block) => (block.type === "text" ? block.text : "")).join("");
        }
        messages.push({ role: "assistant", content: message.content }, ...results);
      }
    },
    seen: ({ messages }) =>
      (messages as { readonly content: string | (Part & { readonly content: readonly Part[] })[] }[])
        .flatMap(({ content }) => (typeof content === "string" ? [] : content))
        .filter(({ type }) => type === "tool_result")
        .map(({ content }) => seenIn(content)),
  },
];

function seenIn(parts: readonly Part[]): Seen {
  const images = parts.filter(({ type }) => ["input_image", "image_url", "image"].includes(type));
  // A PNG, in base64.
  for (const image of images) expect(JSON.stringify(image)).toContain("iVBOR");
  return { text: parts.map(({ text }) => text ?? "").join(""), images: images.length };
}

const callOf = ({ tool, input }: Pick<Step, "tool" | "input">): ModelCall => ({
  name: tool,
  arguments: JSON.stringify(input),
});
/** One call in each turn, and then the end. */
const turnsOf = (steps: readonly Step[]): Turn[] => [...steps.map((step) => [callOf(step)]), "finished"];

describeOnServer("agents/model-apis", "tools for plain model APIs", (server) => {
  describe.each(APIS)("$name", ({ converse, seen }) => {
    /** Lets a model follow a script; returns the results that it has seen at the end. */
    async function follow(turns: readonly Turn[], codeTools: CodeTools, options?: DispatchOptions) {
      const model = await startModelServer(turns);
      try {
        expect(await converse(model.url, codeTools, options)).toBe("finished");
        return lastSeen(model);
      } finally {
        await model.close();
      }
    }
    const lastSeen = ({ requests }: ModelServer): Seen[] => seen(requests.at(-1) ?? {});
    const create = () => createCodeTools({ connectionConfig: server().connectionConfig });

    test("lets a model run code, see a picture, correct a mistake, and go on after an abort", async () => {
      const codeTools = create();
      expectSeen(await follow(turnsOf(STEPS), codeTools));

      const aborting = new AbortController();
      const reason = new Error("changed my mind");
      const model = await startModelServer([[callOf(ENDLESS)]]);
      const aborted = converse(model.url, codeTools, {
        signal: aborting.signal,
        onOutput: () => aborting.abort(reason),
      });
      await expect(aborted).rejects.toBe(reason);
      await model.close();

      expectSeen(await follow(turnsOf([AFTERWARDS]), codeTools), [AFTERWARDS]);
      expect(await countSandboxes(server())).toBe(1);
      await codeTools.close();
      expect(await countSandboxes(server())).toBe(0);
    });

    test("executes all calls of a turn and returns their results in order", async () => {
      await using codeTools = create();
      const codes = ["1 + 1", "2 + 2", "3 + 3"];
      const calls = codes.map((code) => callOf({ tool: "run_code", input: { code } }));
      const results = await follow([calls, "finished"], codeTools);
      expect(results.map(({ text }) => text)).toEqual(["[result]\n2", "[result]\n4", "[result]\n6"]);
    });

    test("returns the problem with a malformed call to the model", async () => {
      await using codeTools = create();
      const calls = [
        { name: "run_code", arguments: '{"code": "1 + ' },
        { name: "run_code", arguments: "[1]" },
        { name: "run_code", arguments: "" },
        { name: "python", arguments: '{"code": "1"}' },
        { name: "read_file", arguments: '{"path": {"a": 1}, "startLine": "first"}' },
      ];
      const results = await follow([calls, "finished"], codeTools);
      expect(results).toHaveLength(calls.length);
      const [broken, list, empty, unknown, types] = results.map(({ text }) => text);
      expect(broken).toContain("JSON");
      expect(list).toContain("must be a JSON object");
      expect(empty).toContain("code");
      expect(unknown).toContain('There is no tool "python". Use one of run_code, ');
      expect(types).toMatch(/path must be .*startLine must be/);
      expect(await countSandboxes(server())).toBe(0);
    });
  });
});
