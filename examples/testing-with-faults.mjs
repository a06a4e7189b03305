// @ts-check
// Testing your own program against a sandbox that misbehaves, with a local server inside the test's process. The same
// works in jest and vitest, whose `test` and `afterAll` stand in for `test` and `after`.
//
// It needs no server beside it: node --test examples/testing-with-faults.mjs
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { CodeInterpreter, isSandboxException, Sandbox } from "opensandbox-code-interpreter";
import { startLocalServer } from "opensandbox-code-interpreter/local";

/** @import { Codes } from "opensandbox-code-interpreter" */
/** @import { Faults } from "opensandbox-code-interpreter/local" */

const server = await startLocalServer({ port: false }); // no port: it is reached through its `fetch`
after(() => server.close());

/**
 * The program under test: the result, or what to tell the user.
 *
 * @param {Codes} codes
 * @param {number} timeoutSeconds
 */
async function ask(codes, timeoutSeconds) {
  try {
    const { stdout, error } = await codes.run("print('x' * 100)\nprint('42')", { timeoutSeconds });
    return error === undefined ? stdout.trim().split("\n").at(-1) : `failed: ${error.name}`;
  } catch (error) {
    if (!isSandboxException(error)) throw error;
    // A run is never sent twice by the SDK: only the caller knows whether that does harm.
    return error.isRetryable ? "try again" : `unknown: ${error.error.code}`;
  }
}

/**
 * Runs the program in a sandbox with these faults and returns its outcome.
 *
 * @param {Faults} faults
 */
async function askWith(faults, timeoutSeconds = 20) {
  const sandbox = await Sandbox.create({ connectionConfig: server.connectionConfig });
  try {
    server.setFaults(sandbox.id, faults);
    const { codes } = await CodeInterpreter.create(sandbox);
    return await ask(codes, timeoutSeconds);
  } finally {
    server.setFaults(sandbox.id, {});
    await sandbox.kill();
    await sandbox.close();
  }
}

test("a sandbox that behaves gives the answer", async () => {
  assert.equal(await askWith({}), "42");
});

test("completion that comes before the output loses nothing", async () => {
  assert.equal(await askWith({ earlyCompletion: true }), "42");
});

test("a stream that is cut, cleanly or not, is never taken for a result", async () => {
  assert.equal(await askWith({ cutAtByte: 150 }), "unknown: STREAM_BROKEN");
  assert.equal(await askWith({ cutAtByte: 150, cutCleanly: true }), "unknown: STREAM_CUT");
});

test("a busy context can be tried again", async () => {
  assert.equal(await askWith({ busy: true }), "try again");
});

test("a stream that falls silent ends at the deadline", async () => {
  assert.equal(await askWith({ stallAtByte: 150 }, 0.5), "unknown: RUN_TIMEOUT");
});
