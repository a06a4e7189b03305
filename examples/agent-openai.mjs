// @ts-check
// An agent on OpenAI's Responses API that runs code: the model computes and checks before it replies.
//
// OPENAI_API_KEY=… node examples/agent-openai.mjs
import { createCodeTools, forOpenAI } from "opensandbox-code-interpreter/agents";
import OpenAI from "openai";

const openai = new OpenAI(); // OPENAI_BASE_URL names another server with this API.
const model = "gpt-5.2";
const codeTools = createCodeTools();
try {
  const { tools, dispatch } = forOpenAI(codeTools);
  let response = await openai.responses.create({ model, tools, input: "What is the 100th prime number?" });
  for (;;) {
    const input = await dispatch(response.output, {
      onOutput: ({ text }) => console.log("printed:", text.trim()),
    });
    if (input.length === 0) break;
    response = await openai.responses.create({ model, tools, input, previous_response_id: response.id });
  }
  console.log(response.output_text);
} finally {
  await codeTools.close();
}
