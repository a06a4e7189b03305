// @ts-check
// An agent on Mastra that runs code: the model computes and checks before it replies.
//
// OPENAI_API_KEY=… node examples/agent-mastra.mjs
import { Agent } from "@mastra/core/agent";
import { codeTools } from "opensandbox-code-interpreter/mastra";

const code = codeTools();
try {
  const agent = new Agent({
    ...{ id: "mathematician", name: "Mathematician", model: "openai/gpt-5.2" },
    instructions: "Compute what you are asked for.",
    tools: code.tools,
  });
  const { text } = await agent.generate("What is the 100th prime number?");
  console.log(text);
} finally {
  await code.close();
}
