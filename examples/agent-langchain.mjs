// @ts-check
// An agent on LangChain that runs code: the model computes and checks before it replies.
//
// OPENAI_API_KEY=… node examples/agent-langchain.mjs
import { createAgent } from "langchain"; // With "openai:…" it loads @langchain/openai.
import { codeTools } from "opensandbox-code-interpreter/langchain";

const code = codeTools();
try {
  const agent = createAgent({ model: "openai:gpt-5.2", tools: code.tools });
  const { messages } = await agent.invoke({ messages: ["What is the 100th prime number?"] });
  for (const message of messages) console.log(`${message.type}: ${message.text}`);
} finally {
  await code.close();
}
