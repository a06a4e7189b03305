// @ts-check
// What fails and how: the user's code (data), bad arguments, a server's answer, the network; and what is tried again.
//
// In one terminal: npx opensandbox-code-interpreter serve
// In another, after the two `export` lines that it prints: node examples/errors-and-retries.mjs
import {
  CodeInterpreter,
  InvalidArgumentException,
  isSandboxException,
  Sandbox,
  SandboxApiException,
  SandboxConnectionException,
  SandboxManager,
} from "opensandbox-code-interpreter";

const sandbox = await Sandbox.create();
try {
  const { codes, files } = await CodeInterpreter.create(sandbox);

  // The code's own failure is an outcome like any other.
  const { error, stdout } = await codes.run("print('so far so good')\nint('x')");
  console.log("data:", stdout.trim(), "then", error?.name, "-", error?.value);

  // Everything else is thrown, as one family of classes.
  await tell(() => codes.run("   "));
  await tell(() => files.readFile("/no/such/file"));
  await tell(() => codes.getContext("nobody"));
} finally {
  await sandbox.kill();
  await sandbox.close();
}
await tell(() => sandbox.commands.run("true"));

// Requests that may be repeated are, with growing waits; a run never is, since it may have begun.
const overloaded = SandboxManager.create({
  connectionConfig: {
    fetch: () => Promise.resolve(new Response("busy", { status: 503 })), // an overloaded gateway
    retryPolicy: {
      maxRetries: 2,
      initialBackoffMillis: 20,
      maxBackoffMillis: 50,
      onRetry: ({ attempt, method, path, error }) =>
        console.log("retry", attempt, "of", method, path, "after", error.code),
    },
  },
});
await tell(() => overloaded.listSandboxInfos());
await overloaded.close();

/**
 * Prints what a call fails with.
 *
 * @param {() => PromiseLike<unknown>} call
 */
async function tell(call) {
  try {
    await call();
    console.log("nothing failed");
  } catch (exception) {
    if (!isSandboxException(exception)) throw exception;
    const { code, message } = exception.error;
    if (exception instanceof InvalidArgumentException) console.log("your mistake:", message);
    else if (exception instanceof SandboxApiException)
      console.log("the server says:", exception.statusCode, code);
    else if (exception instanceof SandboxConnectionException) console.log("the network:", code);
    else console.log("the SDK:", code);
  }
}
