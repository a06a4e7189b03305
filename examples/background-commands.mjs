// @ts-check
// Background commands: start one, follow its output, ask how it does, read its log in pieces, end it.
//
// In one terminal: npx opensandbox-code-interpreter serve
// In another, after the two `export` lines that it prints: node examples/background-commands.mjs
import { Sandbox } from "opensandbox-code-interpreter";

const sandbox = await Sandbox.create();
const { commands } = sandbox;
try {
  const build = await start("for i in 1 2 3; do echo step $i; sleep 0.1; done; exit 4");
  for await (const text of commands.followLogs(build, { pollingIntervalMillis: 50 })) {
    process.stdout.write(text);
  }
  const done = await commands.getStatus(build);
  console.log("running:", done.isRunning, "exit code:", done.exitCode, "error:", done.error);

  // A log can be read again, from any cursor that an earlier reading gave: what is new since then.
  const { text, cursor } = await commands.getLogs(build);
  console.log("read:", JSON.stringify(text));
  console.log("new since then:", JSON.stringify((await commands.getLogs(build, { cursor })).text));

  // What runs in the background outlives the request, and also this program.
  const server = await start("echo listening; exec sleep 600");
  console.log("running:", (await commands.getStatus(server)).isRunning);
  await commands.interrupt(server);
  const ended = await commands.getStatus(server);
  console.log("running:", ended.isRunning, "ended by:", ended.signal);
} finally {
  await sandbox.kill();
  await sandbox.close();
}

/**
 * Starts a command; the run resolves as soon as it has begun.
 *
 * @param {string} command
 */
async function start(command) {
  const { id } = await commands.run(command, { background: true });
  if (id === undefined) throw new Error("The server gave the command no id.");
  return id;
}
