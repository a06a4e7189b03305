// Shows what the SDK does, from end to end, on a local server: `npm run quickstart` (which builds dist/ first).
import { CodeInterpreter, isSandboxException, Sandbox } from "../dist/index.mjs";
import { startLocalServer } from "../dist/local/index.mjs";

/** Prints the next step. Output of programs in the sandbox is on separate lines. */
const say = (text) => console.log(`→ ${text}`);

say("Starting a local OpenSandbox server: no Docker, no account.");
const server = await start();
say(`It listens at ${server.url}; sandboxes are isolated by: ${server.isolation}.`);

try {
  await runTheMainJob(server.connectionConfig);
} finally {
  await server.close();
}
say("Done. To do the same on a real server, change the domain: see README.md.");

async function runTheMainJob(connectionConfig) {
  say("Creating a sandbox …");
  const sandbox = await Sandbox.create({
    connectionConfig,
    onProgress: ({ phase, elapsedMillis }) => say(`  ${phase} after ${elapsedMillis} ms`),
  });
  const interpreter = await CodeInterpreter.create(sandbox);
  const { codes } = interpreter;

  say("Running Python in it; output comes as it is printed:");
  for await (const event of codes.run('print("Hello, World!")')) {
    if (event.type === "stdout") process.stdout.write(event.text);
  }

  say("A loop that prints a line every 0.2 s, with the time at which each line arrived:");
  const began = performance.now();
  await codes.run("import time\nfor i in range(3):\n    print('step', i, flush=True)\n    time.sleep(0.2)", {
    handlers: {
      onStdout: ({ text }) => console.log(`${text.trimEnd()}  (${Math.round(performance.now() - began)} ms)`),
    },
  });

  say("State is kept between runs: after x = 41, x + 1 is");
  await codes.run("x = 41");
  console.log((await codes.run("x + 1")).text);

  say("An error in the code is returned as data:");
  const { error } = await codes.run("1 / 0");
  console.log(`${error.name}: ${error.value}`);

  say("An endless loop is interrupted at its first output, and its state is kept:");
  const endless = codes.run("n = 0\nwhile True:\n    n += 1\n    if n == 1: print('looping …', flush=True)");
  for await (const event of endless) {
    if (event.type !== "stdout") continue;
    process.stdout.write(event.text);
    endless.interrupt().catch(() => undefined); // The run itself reports how it ended.
  }
  console.log(`${(await endless).error?.name}; n > 0 is ${(await codes.run("n > 0")).text}`);

  say("A shell command in the same sandbox:");
  const command = await interpreter.commands.run("echo sandbox files live in $PWD; exit 3");
  process.stdout.write(command.stdout);
  console.log(`exit code ${command.exitCode}`);

  say("Killing the sandbox.");
  await sandbox.kill();
}

async function start() {
  try {
    return await startLocalServer();
  } catch (error) {
    // The programs above are trusted, so they may run without isolation.
    if (!isSandboxException(error) || error.error.code !== "NO_ISOLATION") throw error;
    say(
      `This machine cannot isolate sandboxes, so these programs run without isolation: ${error.message.split(/(?<=\.) /)[0]} ${remedy(error)}`,
    );
    return await startLocalServer({ isolation: "none" });
  }
}

function remedy({ message }) {
  return /not installed/.test(message) ? "To isolate them: apt-get install bubblewrap." : "";
}
