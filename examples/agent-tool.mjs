// @ts-check
// A tool for an LLM agent: run the Python that a model wrote, within limits, and tell the model what came of it.
//
// In one terminal: npx opensandbox-code-interpreter serve
// In another, after the two `export` lines that it prints: node examples/agent-tool.mjs
import { CodeInterpreter, isSandboxException, Sandbox } from "opensandbox-code-interpreter";

/** @import { CodeContext, Codes, Execution } from "opensandbox-code-interpreter" */

const MOST_SECONDS = 10;
const MOST_BYTES = 300; // of each output: the context window is yours

/** What the model is told of the tool: the form that most models' APIs take. */
const RUN_PYTHON = {
  name: "run_python",
  description: "Runs Python 3, gives what it printed and its last value. Variables are kept between calls.",
  parameters: {
    type: "object",
    properties: { code: { type: "string", description: "The program." } },
    required: ["code"],
  },
};

/**
 * The tool's function: whatever the code does, it gives the model something to read, and soon.
 *
 * @param {Codes} codes
 * @param {CodeContext} context
 * @param {{ code: string }} call what the model sent
 */
async function runPython(codes, context, { code }) {
  try {
    const limits = { timeoutSeconds: MOST_SECONDS, maxOutputBytes: MOST_BYTES };
    const execution = await codes.run(code, { context, ...limits });
    return summarise(execution, execution.error ? "failed" : "ok");
  } catch (error) {
    // What the model can do something about it should know; what is broken here is not its business.
    if (!isSandboxException(error) || error.error.code !== "RUN_TIMEOUT") throw error;
    return summarise(error.execution, `stopped: it took longer than ${MOST_SECONDS} s`);
  }
}

/**
 * @param {Execution | undefined} execution
 * @param {string} status
 */
function summarise(execution, status) {
  const sections = {
    stdout: execution?.stdout,
    stderr: execution?.stderr,
    // Pictures and tables are in `results` by MIME type; a model that sees can be given the PNG.
    result: execution?.text?.slice(0, MOST_BYTES),
    error: execution?.error && `${execution.error.name}: ${execution.error.value}`.slice(0, MOST_BYTES),
  };
  const told = Object.entries(sections).map(([name, text]) => text && `${name}:\n${text.trimEnd()}`);
  return [`status: ${status}`, ...told].filter(Boolean).join("\n");
}

// Written down here; a real agent takes them from the model's answers.
const calls = [
  { code: "import math\nprint('thinking')\nmath.comb(10, 3)" },
  { code: "math.sqrt(-1)" },
  { code: "for i in range(20_000): print('line', i)" },
  { code: "print('searching', flush=True)\nwhile True: pass" },
  { code: "math.pi > 3  # after all that, the state is still there" },
];

const sandbox = await Sandbox.create({ resource: { cpu: "1", memory: "512Mi" } });
try {
  const { codes } = await CodeInterpreter.create(sandbox);
  // Started before the first limit begins to count.
  const context = await codes.createContext("python");
  for (const call of calls) {
    console.log(`--- ${RUN_PYTHON.name}(${JSON.stringify(call.code)})`);
    console.log(await runPython(codes, context, call));
  }
} finally {
  await sandbox.kill();
  await sandbox.close();
}
