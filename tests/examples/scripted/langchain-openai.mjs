// What stands for @langchain/openai: a model that makes the tool calls of a variable, one in each turn.
import { AIMessage } from "@langchain/core/messages";
import { fakeModel } from "@langchain/core/testing";

const model = fakeModel();
for (const call of JSON.parse(process.env["SCRIPTED_CALLS"])) model.respondWithTools([call]);
model.respond(new AIMessage("That is the 100th prime number."));

/** LangChain makes a new instance for each turn, and the script goes on. */
export function ChatOpenAI() {
  return model;
}
