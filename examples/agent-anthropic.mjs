// @ts-check
// An agent on Anthropic's Messages API that runs code: the model computes and checks before it replies.
//
// ANTHROPIC_API_KEY=… node examples/agent-anthropic.mjs
import Anthropic from "@anthropic-ai/sdk";
import { createCodeTools, forAnthropic } from "opensandbox-code-interpreter/agents";

const anthropic = new Anthropic(); // ANTHROPIC_BASE_URL names another server with this API.
const settings = { model: "claude-sonnet-5-5", max_tokens: 4096 };
/** @type {Anthropic.MessageParam[]} */
const messages = [{ role: "user", content: "What is the 100th prime number?" }];
const codeTools = createCodeTools();
try {
  const { tools, dispatch } = forAnthropic(codeTools);
  for (;;) {
    const { content } = await anthropic.messages.create({ ...settings, messages, tools });
    for (const block of content) if (block.type === "text") console.log(block.text);
    const results = await dispatch(content);
    if (results.length === 0) break;
    messages.push({ role: "assistant", content }, ...results);
  }
} finally {
  await codeTools.close();
}
