// @ts-check
// A deep agent whose files and commands are in a sandbox: the model writes a program and runs it there.
//
// OPENAI_API_KEY=… node examples/agent-deepagents.mjs
import { createDeepAgent } from "deepagents"; // With "openai:…" it loads @langchain/openai.
import { OpenSandboxBackend } from "opensandbox-code-interpreter/deepagents";

const backend = await OpenSandboxBackend.create();
try {
  const agent = createDeepAgent({ model: "openai:gpt-5.2", backend });
  const content = "Write a program that prints the 100th prime number, and run it.";
  const { messages } = await agent.invoke({ messages: [{ role: "user", content }] });
  for (const message of messages) console.log(`${message.type}: ${message.text}`);
} finally {
  await backend.close();
}
