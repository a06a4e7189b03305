// @ts-check
// Stopping work: abort a run, put a limit on one, leave a loop, and put one deadline over many calls.
//
// In one terminal: npx opensandbox-code-interpreter serve
// In another, after the two `export` lines that it prints: node examples/abort-and-deadlines.mjs
import { CodeInterpreter, isSandboxException, Sandbox } from "opensandbox-code-interpreter";

const sandbox = await Sandbox.create({ createTimeoutSeconds: 60, readyTimeoutSeconds: 60 });
try {
  const { codes } = await CodeInterpreter.create(sandbox);
  await codes.run("runs = 0");

  // An abort settles the call at once, with your own reason. The code is interrupted behind it.
  const abort = new AbortController();
  const aborted = codes.run("runs += 1\nprint('begun', flush=True)\nwhile True: pass", {
    signal: abort.signal,
    handlers: { onStdout: () => abort.abort(new Error("the user closed the tab")) },
  });
  console.log("aborted:", await reasonOf(aborted));

  // A limit of one run, from sending; what came until then is in the exception.
  const limited = codes.run("runs += 1\nprint('begun', flush=True)\nwhile True: pass", {
    timeoutSeconds: 3,
  });
  console.log("limited:", await reasonOf(limited), "with", JSON.stringify(limited.execution.stdout));

  // Leaving the loop is enough.
  const left = codes.run("runs += 1\nwhile True: print('line')");
  for await (const event of left) {
    if (event.type === "stdout") break;
  }
  console.log("left:", await reasonOf(left));

  // The next run waits until the one before has really ended, and finds the state as it was.
  console.log("the state survived:", (await codes.run("runs")).text);

  // One deadline over several calls: the one that is under way when the time is over rejects.
  const deadline = AbortSignal.timeout(1_000);
  const work = (async () => {
    const context = await codes.createContext("python", { signal: deadline });
    await codes.run("import time", { context, signal: deadline });
    return await codes.run("time.sleep(60)", { context, signal: deadline });
  })();
  console.log("over the deadline:", await reasonOf(work));

  // A creation can be aborted as well: a sandbox that is created nevertheless is deleted.
  console.log(
    "not created:",
    await reasonOf(Sandbox.create({ signal: AbortSignal.abort(new Error("changed my mind")) })),
  );
} finally {
  await sandbox.kill();
  await sandbox.close();
}

/**
 * Why a call failed: the SDK's code, or what your own signal says.
 *
 * @param {PromiseLike<unknown>} call
 */
async function reasonOf(call) {
  try {
    await call;
    return "it did not fail";
  } catch (error) {
    if (isSandboxException(error)) return error.error.code;
    if (error instanceof DOMException) return error.name;
    return error instanceof Error ? error.message : String(error);
  }
}
