// Loaded before an example: LangChain finds a scripted model where it looks for @langchain/openai.
import { register } from "node:module";

const model = new URL("langchain-openai.mjs", import.meta.url).href;
const hooks = `export const resolve = (specifier, context, next) =>
  specifier === "@langchain/openai" ? { url: ${JSON.stringify(model)}, shortCircuit: true } : next(specifier, context);`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);
