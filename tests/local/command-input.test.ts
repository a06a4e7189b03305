import { createHash, randomBytes } from "node:crypto";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { WebSocket } from "ws";
import { Sandbox } from "../../src/index.js";
import { startLocalServer, type LocalServer } from "../../src/local/index.js";
import { until } from "../helpers/local-sandbox.js";
import { RecordedWebSocket, sockets } from "../helpers/recorded-web-socket.js";
import { describeIf, isolationWorks, NO_ISOLATION_REASON } from "../helpers/skips.js";

const describeInput = describeIf(isolationWorks, "local/command-input", NO_ISOLATION_REASON);
const MIB = 2 ** 20;

let server: LocalServer;
let sandbox: Sandbox;

beforeAll(async () => {
  if (!isolationWorks) return;
  server = await startLocalServer({ pythonShell: "plain" });
  const connectionConfig = { ...server.connectionConfig, webSocket: RecordedWebSocket };
  sandbox = await Sandbox.create({ connectionConfig });
});
afterAll(async () => {
  if (isolationWorks) await server.close();
});
afterEach(async () => {
  // What feeds a command ends with the command or its input.
  await until(
    () => Promise.resolve(sockets.filter(({ readyState }) => readyState !== WebSocket.CLOSED).length),
    (open) => open === 0,
  );
  sockets.length = 0;
});

function sha256(data: Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

describeInput("the standard input of a command", () => {
  test("takes text and bytes unchanged, in order, and ends", async () => {
    await using command = await sandbox.commands.start("od -An -tx1 -v; echo end", { stdin: true });
    await Promise.all([
      command.stdin.write("é\n"),
      command.stdin.write(Uint8Array.of(0, 1, 255, 13, 10)),
      command.stdin.write(""),
      command.stdin.write("2 3\n"),
      command.stdin.end(),
    ]);
    const { exitCode } = await command.wait();
    const { text } = await command.logs();
    expect({ exitCode, text }).toEqual({
      exitCode: 0,
      text: " c3 a9 0a 00 01 ff 0d 0a 32 20 33 0a\nend\n",
    });
  });

  test("answers a command that asks, again and again", async () => {
    const script = 'while read -r line; do echo "got $line"; done; echo bye';
    await using command = await sandbox.commands.start(["bash", "-c", script], { stdin: true });
    for (const word of ["one", "two"]) {
      await command.stdin.write(`${word}\n`);
      await command.waitForOutput(`got ${word}\n`);
    }
    await command.stdin.end();
    await command.stdin.end();
    expect(await command.wait()).toMatchObject({ isRunning: false, exitCode: 0 });
    expect((await command.logs()).text).toBe("got one\ngot two\nbye\n");
    await expect(command.stdin.write("late")).rejects.toMatchObject({ code: "CLOSED" });
  });

  test("keeps the directory, the environment, the time limit, the id and the exit code of the command", async () => {
    const options = { cwd: "/tmp", env: { GREETING: "it's" }, stdin: true as const };
    await using command = await sandbox.commands.start('echo "$PWD $GREETING $(cat)"; exit 7', options);
    await command.stdin.write("in");
    await command.stdin.end();
    const other = sandbox.commands.attach(command.id);
    expect(await other.wait()).toMatchObject({ exitCode: 7 });
    expect((await other.logs()).text).toBe("/tmp it's in\n");
    expect(other.stdin).toBeUndefined();
    await using slow = await sandbox.commands.start("cat", { stdin: true, timeoutSeconds: 0.5 });
    expect(await slow.wait()).toMatchObject({ exitCode: -1, signal: "killed" });
  });

  test("carries 50 MB through cat while connections are cut", async () => {
    const sent = randomBytes(50_000_000);
    await using command = await sandbox.commands.start("cat > /tmp/copy; sha256sum < /tmp/copy", {
      stdin: true,
    });
    const writing = command.stdin.write(sent);
    let cuts = 0;
    const cutting = (async () => {
      for (const size of [5 * MIB, 20 * MIB, 40 * MIB]) {
        await until(
          async () => (await sandbox.files.getInfo("/tmp/copy")).size,
          (present) => present > size,
        );
        sockets.at(-1)?.terminate();
        cuts++;
      }
    })();
    await Promise.all([writing, cutting]);
    await command.stdin.end();
    expect(await command.wait()).toMatchObject({ exitCode: 0 });
    expect((await command.logs()).text).toBe(`${sha256(sent)}  -\n`);
    expect(cuts).toBe(3);
    expect(sockets).toHaveLength(4);
  }, 120_000);

  test("waits for a command that does not read, until it is aborted, and the command can be killed", async () => {
    await using command = await sandbox.commands.start("echo up; exec sleep 1000", { stdin: true });
    await command.waitForOutput("up");
    const abort = new AbortController();
    const writing = command.stdin.write(new Uint8Array(MIB), { signal: abort.signal });
    await expect(Promise.race([writing, command.status()])).resolves.toMatchObject({ isRunning: true });
    abort.abort(new Error("enough"));
    await expect(writing).rejects.toThrow("enough");
    const waiting = command.stdin.write("more");
    await command.kill();
    await expect(waiting).rejects.toMatchObject({ code: "COMMAND_ENDED" });
    expect(await command.status()).toMatchObject({ isRunning: false, exitCode: -1, signal: "terminated" });
  });

  test("says so when the command ends, or closes its input, before everything is written", async () => {
    await using command = await sandbox.commands.start("head -c 3", { stdin: true });
    const ended = {
      code: "COMMAND_ENDED",
      message: expect.stringContaining("has ended or closed") as unknown,
    };
    await expect(command.stdin.write(new Uint8Array(MIB))).rejects.toMatchObject(ended);
    await expect(command.stdin.write("x")).rejects.toMatchObject(ended);
    await command.stdin.end();
    expect(await command.wait()).toMatchObject({ exitCode: 0 });
    await using deaf = await sandbox.commands.start("exec <&-; echo closed; exec sleep 1000", {
      stdin: true,
    });
    await deaf.waitForOutput("closed");
    await expect(deaf.stdin.write("x")).rejects.toMatchObject(ended);
    expect(await deaf.status()).toMatchObject({ isRunning: true });
  });

  test("is a WritableStream for pipes", async () => {
    const sent = randomBytes(200_000);
    await using command = await sandbox.commands.start("sha256sum", { stdin: true });
    await new Blob([sent]).stream().pipeTo(command.stdin.toWritableStream());
    await command.wait();
    expect((await command.logs()).text).toBe(`${sha256(sent)}  -\n`);
    await using other = await sandbox.commands.start("cat; echo end", { stdin: true });
    const writer = other.stdin.toWritableStream().getWriter();
    await writer.write("part");
    await writer.abort();
    await other.wait();
    expect((await other.logs()).text).toBe("partend\n");
  });

  test("leaves nothing behind", async () => {
    await until(
      async () => (await sandbox.commands.run("ls -A /tmp | grep stdin; pgrep -f '[m]kfifo'")).stdout,
      (stdout) => stdout === "",
    );
  });

  test("refuses what is not input before anything is sent", async () => {
    const invalid = { code: "INVALID_ARGUMENT" };
    const wrong: unknown = 5;
    await expect(sandbox.commands.start("cat", { stdin: wrong as boolean })).rejects.toMatchObject(invalid);
    await expect(sandbox.commands.start(" ", { stdin: true })).rejects.toMatchObject(invalid);
    await expect(sandbox.commands.run("cat", { stdin: wrong as string })).rejects.toMatchObject(invalid);
    await expect(sandbox.commands.run("cat", { stdin: "x", background: true })).rejects.toMatchObject(
      invalid,
    );
    expect(sockets).toEqual([]);
    await using command = await sandbox.commands.start("cat", { stdin: true });
    await expect(command.stdin.write(wrong as string)).rejects.toMatchObject(invalid);
  });
});

describeInput("the input of a run", () => {
  test("reaches the command, whose outputs are kept apart", async () => {
    const script = "echo to stderr >&2; sort";
    const { stdout, stderr, exitCode } = await sandbox.commands.run(script, { stdin: "b\na\n" });
    expect({ stdout, stderr, exitCode }).toEqual({ stdout: "a\nb\n", stderr: "to stderr\n", exitCode: 0 });
    expect((await sandbox.commands.run(["cat", "-"], { stdin: "x y\n" })).stdout).toBe("x y\n");
  });

  test("can come in parts, and ends with the command", async () => {
    let wasEnded = false;
    async function* numbers() {
      try {
        for (let number = 0; ; number++) {
          await Promise.resolve();
          yield `${number}\n`.repeat(1_000);
        }
      } finally {
        wasEnded = true;
      }
    }
    const { stdout } = await sandbox.commands.run("head -n 1001 | tail -n 1", { stdin: numbers() });
    expect(stdout).toBe("1\n");
    await until(
      () => Promise.resolve(wasEnded),
      (ended) => ended,
    );
  });

  test("rejects with the error of its source, and ends the command", async () => {
    async function* broken() {
      yield "first\n";
      await Promise.resolve();
      throw new Error("no more");
    }
    const seen: string[] = [];
    const handlers = { onInit: ({ id }: { readonly id: string }) => void seen.push(id) };
    const run = sandbox.commands.run("cat; exec sleep 1000", { stdin: broken(), handlers });
    await expect(run).rejects.toThrow("no more");
    await until(
      async () => (await sandbox.commands.run("pgrep -f 'sleep 100[0]'")).stdout,
      (stdout) => stdout === "",
    );
  });

  test("stops with the signal of the run, and with a command that cannot be started", async () => {
    const abort = new AbortController();
    const never = new ReadableStream<Uint8Array>();
    const { signal } = abort;
    const run = sandbox.commands.run("echo up; cat", { stdin: never, signal });
    for await (const event of run) {
      if (event.type === "stdout") abort.abort(new Error("stop"));
      if (signal.aborted) break;
    }
    await expect(run).rejects.toThrow();
    await expect(sandbox.commands.run("cat", { stdin: "x", cwd: "/nowhere" })).rejects.toMatchObject({
      statusCode: 400,
    });
  });

  test("leaves no pipe of a command that cannot be started, in the foreground or background", async () => {
    const refused = { statusCode: 400 };
    const cwd = "/nowhere";
    await expect(sandbox.commands.run("cat", { stdin: "x", cwd })).rejects.toMatchObject(refused);
    await expect(sandbox.commands.start("cat", { stdin: true, cwd })).rejects.toMatchObject(refused);
    await until(
      async () => (await sandbox.commands.run("ls -A /tmp | grep stdin")).stdout,
      (stdout) => stdout === "",
    );
  });
});
