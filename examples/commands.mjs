// @ts-check
// Commands: exit codes, both outputs, environment, a time limit, and output while it comes.
//
// In one terminal: npx opensandbox-code-interpreter serve
// In another, after the two `export` lines that it prints: node examples/commands.mjs
import { isSandboxException, Sandbox } from "opensandbox-code-interpreter";

const sandbox = await Sandbox.create();
const { commands } = sandbox;
try {
  const greeting = await commands.run('echo "$GREETING from $PWD"; echo careful >&2', {
    cwd: "/tmp",
    env: { GREETING: "hello" },
  });
  console.log("stdout:", greeting.stdout.trim());
  console.log("stderr:", greeting.stderr.trim());
  console.log("exit code:", greeting.exitCode);

  // A failed command does not throw: check its exit code, or the signal that ended it.
  const failed = await commands.run("echo half-way; exit 3");
  console.log("failed:", failed.exitCode, "after", failed.stdout.trim());
  const killed = await commands.run("kill -KILL $$");
  console.log("killed by:", killed.signal);

  // Line by line, as it comes: the handle is a promise and an iterable.
  const run = commands.run("for i in 1 2 3; do echo step $i; sleep 0.05; done");
  for await (const event of run) {
    if (event.type === "stdout") console.log("came:", event.text);
  }
  console.log("lines in all:", (await run).logs.stdout.length);

  // Interrupted, a command resolves with what it had printed.
  const endless = commands.run("echo begun; sleep 60");
  for await (const event of endless) {
    if (event.type === "stdout") void endless.interrupt().catch(console.error);
  }
  const { stdout, signal } = await endless;
  console.log("interrupted:", stdout.trim(), "and then", signal);

  try {
    await commands.run("echo begun; sleep 60", { timeoutSeconds: 1 });
  } catch (error) {
    if (!isSandboxException(error)) throw error;
    console.log("too slow:", error.error.code, "after", error.execution?.stdout.trim());
  }
} finally {
  await sandbox.kill();
  await sandbox.close();
}
