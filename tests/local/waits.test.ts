import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { Sandbox } from "../../src/sandbox.js";
import { startLocalServer, type LocalServer } from "../../src/local/index.js";

let server: LocalServer;
let sandbox: Sandbox;
beforeAll(async () => {
  server = await startLocalServer({ port: false, pythonShell: "plain" });
  sandbox = await Sandbox.create({ connectionConfig: server.connectionConfig });
});
afterAll(() => server.close());

/** A program that listens after a moment, and prints that it does. */
const listener = (host: string, family: string) => `
import socket, time
time.sleep(0.5)
server = socket.socket(socket.${family})
server.bind(("${host}", 0))
server.listen()
print("port", server.getsockname()[1], "open", flush=True)
time.sleep(60)`;

test.each([
  ["127.0.0.1", "AF_INET"],
  ["0.0.0.0", "AF_INET"],
  ["::", "AF_INET6"],
])("waits for a program that listens on %s", async (host, family) => {
  await using program = await sandbox.commands.start(["python3", "-c", listener(host, family)]);
  const [, port] = await program.waitForOutput(/port (\d+) /);
  await sandbox.waitForPort(Number(port));
});

test("a port on which nothing listens rejects after the time limit, and the check ends", async () => {
  await expect(sandbox.waitForPort(9, { timeoutSeconds: 0.3 })).rejects.toMatchObject({
    code: "WAIT_TIMEOUT",
    message: "No program listened on port 9 within 0.3 s.",
    sandboxId: sandbox.id,
  });
  const { stdout } = await sandbox.commands.run("pgrep -f '[p]roc/net/tcp6' | wc -l");
  expect(stdout.trim()).toBe("0");
});

test("an abort ends the wait for a port with its reason", async () => {
  const controller = new AbortController();
  const waiting = sandbox.waitForPort(9, { signal: controller.signal });
  controller.abort("enough");
  await expect(waiting).rejects.toBe("enough");
});

test("a program that ends instead rejects with its exit code and its output", async () => {
  const program = await sandbox.commands.start("echo no such module >&2; exit 5");
  await expect(program.waitForOutput("ready")).rejects.toMatchObject({
    code: "COMMAND_ENDED",
    message:
      'The command ended with exit code 5 without printing ready. Its last output: "no such module\\n"',
  });
});
