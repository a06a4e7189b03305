// @ts-check
// An agent on the OpenAI Agents SDK that runs code: the model computes and checks before it replies.
//
// OPENAI_API_KEY=… node examples/agent-openai-agents.mjs
import { Agent, run } from "@openai/agents";
import { codeTools } from "opensandbox-code-interpreter/openai-agents";

const code = codeTools();
try {
  const agent = new Agent({ name: "Mathematician", model: "gpt-5.2", tools: code.tools });
  const { finalOutput } = await run(agent, "What is the 100th prime number?");
  console.log(finalOutput);
} finally {
  await code.close();
}
