// @ts-check
// The quick start: a sandbox, a context, code that keeps its state, output and results, and the end of the sandbox.
//
// In one terminal: npx opensandbox-code-interpreter serve
// In another, after the two `export` lines that it prints: node examples/quick-start.mjs
import {
  CodeInterpreter,
  ConnectionConfig,
  isSandboxException,
  Sandbox,
  SupportedLanguage,
} from "opensandbox-code-interpreter";

// Both are what the SDK takes by itself; they stand here to show where another server would be named.
const connectionConfig = new ConnectionConfig({
  domain: process.env["OPEN_SANDBOX_DOMAIN"],
  apiKey: process.env["OPEN_SANDBOX_API_KEY"],
});

try {
  const sandbox = await Sandbox.create({
    connectionConfig,
    env: { PYTHON_VERSION: "3" },
    timeoutSeconds: 15 * 60, // it ends by itself then, also where this program dies before it can kill it
  });
  try {
    const interpreter = await CodeInterpreter.create(sandbox);
    const context = await interpreter.codes.createContext(SupportedLanguage.Python);

    const first = await interpreter.codes.run("answer = 6 * 7\nprint('Hello, World!')", { context });
    for (const { text } of first.logs.stdout) process.stdout.write(text);

    const second = await interpreter.codes.run("answer", { context });
    for (const { text } of second.results) console.log("the answer is", text);

    const third = await interpreter.codes.run("answer / 0", { context });
    console.log("and over zero:", third.error?.name, "-", third.error?.value);
  } finally {
    await sandbox.kill();
    await sandbox.close();
  }
} catch (exception) {
  if (!isSandboxException(exception)) throw exception;
  console.error(`Sandbox error [${exception.error.code}]: ${exception.error.message}`);
  process.exitCode = 1;
}
