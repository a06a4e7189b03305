// Runs code of the languages that depend on the server's own Node.js, and Java, on a local server in this process:
// `local.mjs`. Prints the outcomes as JSON, or the code of the error of the start.
import process from "node:process";
import { CodeInterpreter, Sandbox } from "opensandbox-code-interpreter";
import { startLocalServer } from "opensandbox-code-interpreter/local";

const server = await startLocalServer({ port: false }).catch((error) => error);
if (server instanceof Error) {
  console.log(JSON.stringify({ code: server.code, message: server.message }));
  process.exit();
}
const sandbox = await Sandbox.create({
  connectionConfig: server.connectionConfig,
  resource: { memory: "512Mi" },
});
const { codes, files } = await CodeInterpreter.create(sandbox);
await files.writeFiles([{ path: "util.ts", data: "export const twice = (n: number): number => 2 * n;\n" }]);

/** The value of a run, or its error. */
async function valueOf(code, language) {
  const { text, error } = await codes.run(code, { language });
  return text ?? `${error?.name}: ${error?.value}`;
}
const outcomes = {
  version: await valueOf("process.versions.node", "javascript"),
  javascript: await valueOf(
    "const all = Array.from({ length: 1e5 }, (_, i) => i); await 0; all.length",
    "javascript",
  ),
  worker: await valueOf(
    'const { Worker } = require("node:worker_threads"); await new Promise((end) => new Worker("0", { eval: true }).once("exit", end))',
    "javascript",
  ),
  typescript: await valueOf('import { twice } from "./util.ts";\ntwice(4)', "typescript"),
  withoutEnding: await valueOf('import { twice as again } from "./util";\nagain(5)', "typescript"),
  java: await valueOf("int x = 6; x * 7", "java"),
};
await server.close();
console.log(JSON.stringify(outcomes));
