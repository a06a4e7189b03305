// @ts-check
// An agent on the AI SDK (`ai` 6 or 7) that runs code: the model computes and checks before it replies.
//
// AI_GATEWAY_API_KEY=… node examples/agent-ai-sdk.mjs
import { generateText, isStepCount } from "ai"; // In version 6 it is stepCountIs.
import { codeTools } from "opensandbox-code-interpreter/ai-sdk";

const code = codeTools();
try {
  const { text } = await generateText({
    model: "openai/gpt-5.2",
    tools: code.tools,
    stopWhen: isStepCount(10),
    prompt: "What is the 100th prime number?",
  });
  console.log(text);
} finally {
  await code.close();
}
