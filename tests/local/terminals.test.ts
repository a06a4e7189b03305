import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { Sandbox, type Terminal, type TerminalOutput } from "../../src/index.js";
import { startLocalServer, type LocalServer } from "../../src/local/index.js";
import { until } from "../helpers/local-sandbox.js";
import { RecordedWebSocket, sockets } from "../helpers/recorded-web-socket.js";
import { describeIf, hasPython, isolationWorks, NO_ISOLATION_REASON } from "../helpers/skips.js";

const isPossible = isolationWorks && hasPython;
const describeTerminals = describeIf(isPossible, "local/terminals", `${NO_ISOLATION_REASON}, or no Python`);
const MIB = 2 ** 20;

let server: LocalServer;
let sandbox: Sandbox;

beforeAll(async () => {
  if (!isPossible) return;
  server = await startLocalServer({ pythonShell: "plain" });
  sandbox = await createSandbox();
});
afterAll(async () => {
  if (isPossible) await server.close();
});

function createSandbox(): Promise<Sandbox> {
  const connectionConfig = { ...server.connectionConfig, webSocket: RecordedWebSocket };
  return Sandbox.create({ connectionConfig });
}

/** Reads until the output contains a text, and returns all of it. */
async function readUntil(terminal: Terminal, expected: string): Promise<string> {
  let text = "";
  const signal = AbortSignal.timeout(20_000);
  for await (const { data } of terminal.output({ signal })) {
    text += Buffer.from(data).toString("latin1");
    if (text.includes(expected)) return text;
  }
  throw new Error(`"${expected}" did not come in ${JSON.stringify(text)}`);
}

/** Reads to the end. */
async function readAll(terminal: Terminal): Promise<TerminalOutput[]> {
  const items: TerminalOutput[] = [];
  for await (const item of terminal.output()) items.push(item);
  return items;
}

function textOf(items: readonly TerminalOutput[]): string {
  return Buffer.concat(items.map(({ data }) => data)).toString("latin1");
}

function cutConnection(): void {
  sockets.at(-1)?.terminate();
}

describeTerminals("a terminal", () => {
  test("runs a shell on a pseudo-terminal of the given size, and reports its exit code", async () => {
    await using terminal = await sandbox.terminals.create({ cols: 100, rows: 30, cwd: "/tmp" });
    expect(terminal.mode).toBe("pty");
    await terminal.write('test -t 0 -a -t 1 && echo "on a $TERM in $PWD"; stty size; exit 4\n');
    const [items, exitCode] = await Promise.all([readAll(terminal), terminal.exited]);
    expect(textOf(items)).toContain("on a xterm-256color in /tmp\r\n30 100\r\n");
    expect(exitCode).toBe(4);
    const { isRunning, outputOffset } = await sandbox.terminals.get(terminal.id);
    expect({ isRunning, outputOffset }).toEqual({ isRunning: false, outputOffset: textOf(items).length });
  });

  test.each([1, 2, 3, 4, 5])("starts a command at the given size (%i)", async () => {
    const size = { cols: 100, rows: 30 };
    await using terminal = await sandbox.terminals.create({ command: "stty size; nope; exit 3", ...size });
    expect(textOf(await readAll(terminal))).toBe("30 100\r\nbash: line 1: nope: command not found\r\n");
    expect(await terminal.exited).toBe(3);
  });

  test("gives the shell job control: keys interrupt, suspend and continue what runs in the foreground", async () => {
    await using terminal = await sandbox.terminals.create();
    // Until it shows its prompt, a shell dies of an interrupt.
    await readUntil(terminal, "$ ");
    // Split, so that the echo of what was typed is not taken for the output.
    const sleeper = `bash -c 'echo up""$1; exec sleep 1000' -`;
    await terminal.write(`${sleeper} 1\n`);
    await readUntil(terminal, "up1\r\n");
    await terminal.write("\x03");
    await readUntil(terminal, "$ ");
    await terminal.write(`echo code $?; ${sleeper} 2\n`);
    expect(await readUntil(terminal, "up2\r\n")).toContain("code 130\r\n");
    await terminal.write("\x1a");
    expect(await readUntil(terminal, "$ ")).toContain("Stopped");
    await terminal.write("fg; echo again $?\n");
    await readUntil(terminal, "- 2\r\n");
    await terminal.write("\x03");
    await readUntil(terminal, "$ ");
    await terminal.write("echo last $?\n");
    await readUntil(terminal, "last ");
  });

  test("tells the program of a new size", async () => {
    const command = "trap 'stty size' WINCH; echo ready; while true; do sleep 0.1; done";
    await using terminal = await sandbox.terminals.create({ command });
    await readUntil(terminal, "ready");
    await terminal.resize(133, 41);
    await readUntil(terminal, "41 133\r\n");
  });

  test("sends signals to its command, and reports -1 for a program that a signal killed", async () => {
    const command = "trap 'echo got it' USR1; echo ready; while true; do sleep 0.1; done";
    await using terminal = await sandbox.terminals.create({ command });
    await readUntil(terminal, "ready");
    await terminal.signal("SIGUSR1");
    await readUntil(terminal, "got it");
    await terminal.signal("SIGKILL");
    expect(await terminal.exited).toBe(-1);
  });

  test("ends with its program, and not with what that left behind", async () => {
    await using terminal = await sandbox.terminals.create({ command: "sleep 1000 & echo left; exit 3" });
    expect(await terminal.exited).toBe(3);
    expect(textOf(await readAll(terminal))).toBe("left\r\n");
  });

  test("keeps bytes and outputs apart with pipes", async () => {
    const command = "echo to stderr >&2; test -t 0 || exec cat";
    await using terminal = await sandbox.terminals.create({ command, mode: "pipe" });
    expect(terminal.mode).toBe("pipe");
    const sent = Buffer.from(Array.from({ length: 3 * MIB }, (_, index) => (index * 7 + (index >> 8)) & 255));
    const writing = terminal.write(sent);
    const received: Record<string, Buffer[]> = { stdout: [], stderr: [] };
    let size = 0;
    for await (const { stream, data } of terminal.output()) {
      received[stream]?.push(Buffer.from(data));
      size += data.length;
      if (size >= sent.length + "to stderr\n".length) break;
    }
    await writing;
    expect(Buffer.concat(received["stderr"] ?? []).toString()).toBe("to stderr\n");
    expect(Buffer.concat(received["stdout"] ?? []).equals(sent)).toBe(true);
  });

  test("is killed with everything in it when it is deleted", async () => {
    const terminal = await sandbox.terminals.create();
    await terminal.write("sleep 7654\n");
    await readUntil(terminal, "sleep 7654\r\n");
    await terminal.kill();
    await until(
      async () => (await sandbox.commands.run("pgrep -f 'sleep 765[4]' || true")).stdout,
      (stdout) => stdout === "",
    );
    await expect(sandbox.terminals.get(terminal.id)).rejects.toMatchObject({
      statusCode: 404,
      error: { code: "CONTEXT_NOT_FOUND" },
    });
    await terminal.kill();
  });

  test("creates its directory, and fails where that is impossible", async () => {
    await using terminal = await sandbox.terminals.create({ cwd: "/tmp/new/one", command: "pwd" });
    expect(textOf(await readAll(terminal))).toBe("/tmp/new/one\r\n");
    await expect(sandbox.terminals.create({ cwd: "/etc/passwd/x" })).rejects.toMatchObject({
      statusCode: 500,
      message:
        "error creating pty session: error creating PTY session work directory: mkdir /etc/passwd: not a directory",
    });
  });

  test("is not found by an unknown id", async () => {
    await expect(sandbox.terminals.attach("unknown")).rejects.toMatchObject({ statusCode: 404 });
    await expect(sandbox.terminals.delete("unknown")).rejects.toMatchObject({ statusCode: 404 });
  });
});

describeTerminals("a connection that breaks", () => {
  test("is reported, and reconnecting continues where reading stopped", async () => {
    const command = "for i in $(seq 1 400); do echo line $i; sleep 0.005; done; echo done; sleep 100";
    await using first = await sandbox.terminals.create({ command, mode: "pipe" });
    let text = await readUntil(first, "line 20\n");
    cutConnection();
    await expect(first.exited).rejects.toMatchObject({ error: { code: "STREAM_CUT" } });
    await expect(first.write("x")).rejects.toMatchObject({ error: { code: "STREAM_CUT" } });
    // What had arrived before the cut was not read, and comes again.
    await using second = await first.reconnect();
    text += await readUntil(second, "line 100\n");
    cutConnection();
    await using third = await second.reconnect();
    text += await readUntil(third, "done\n");
    expect(text).toBe(Array.from({ length: 400 }, (_, index) => `line ${index + 1}\n`).join("") + "done\n");
  });

  test("shows by its offset what the server no longer had", async () => {
    const command = `read go; head -c ${3 * MIB} /dev/zero | tr '\\0' x; echo; echo done; read end`;
    await using first = await sandbox.terminals.create({ command, mode: "pipe" });
    cutConnection();
    await expect(first.exited).rejects.toMatchObject({ error: { code: "STREAM_CUT" } });
    await using second = await first.reconnect();
    await second.write("\n");
    second.close();
    await until(
      () => sandbox.terminals.get(first.id),
      ({ outputOffset }) => outputOffset === 3 * MIB + 6,
    );
    await using third = await second.reconnect({ offset: 0 });
    const [item] = await takeFirst(third);
    expect(item?.offset).toBe(2 * MIB + 6);
    expect(item?.data.length).toBe(MIB);
  });

  test("does not start a program again that ended meanwhile; attaching does", async () => {
    await using first = await sandbox.terminals.create({
      command: "echo once; read x; exit 5",
      mode: "pipe",
    });
    await readUntil(first, "once");
    await first.write("\n");
    cutConnection();
    await until(
      () => sandbox.terminals.get(first.id),
      ({ isRunning }) => !isRunning,
    );
    await expect(first.reconnect()).rejects.toMatchObject({
      code: "TERMINAL_ENDED",
      message: expect.stringContaining("has ended with exit code 5.") as unknown,
    });
    expect(await sandbox.terminals.get(first.id)).toMatchObject({ isRunning: false, exitCode: 5 });
    await using again = await sandbox.terminals.attach(first.id, { offset: first.offset, mode: "pipe" });
    expect(await readUntil(again, "once")).toBe("once\n");
  });

  test("resolves the exit code though nobody reads", async () => {
    await using terminal = await sandbox.terminals.create({
      command: `head -c ${20 * MIB} /dev/zero; echo end; exit 6`,
      mode: "pipe",
    });
    expect(await terminal.exited).toBe(6);
    const items = await readAll(terminal);
    const size = items.reduce((sum, { data }) => sum + data.length, 0);
    // 8 MiB are kept, of which the first tells by its offset how many came before.
    expect(size).toBeLessThanOrEqual(8 * MIB);
    expect(size).toBeGreaterThan(7 * MIB);
    expect((items[0]?.offset ?? 0) + size).toBe(20 * MIB + 4);
    expect(textOf(items.slice(-1))).toMatch(/end\n$/);
  });

  test("ends when the sandbox is closed, and when the server is", async () => {
    const other = await createSandbox();
    const [one, two] = await Promise.all([other.terminals.create(), sandbox.terminals.create()]);
    await other.close();
    await expect(one.exited).rejects.toMatchObject({ error: { code: "CLOSED" } });
    await expect(readUntil(one, "nothing")).rejects.toMatchObject({ error: { code: "CLOSED" } });
    await expect(other.terminals.create()).rejects.toMatchObject({ error: { code: "CLOSED" } });
    const third = await createSandbox();
    const three = await third.terminals.create();
    const reading = readUntil(three, "nothing");
    // The server cuts the connection before it responds.
    await Promise.all([expect(reading).rejects.toMatchObject({ error: { code: "CLOSED" } }), third.kill()]);
    await expect(three.exited).rejects.toMatchObject({ error: { code: "CLOSED" } });
    await two.kill();
    expect(await two.exited).toBe(-1);

    const own = await startLocalServer({ pythonShell: "plain" });
    const connectionConfig = { ...own.connectionConfig, webSocket: RecordedWebSocket };
    const last = await (await Sandbox.create({ connectionConfig })).terminals.create();
    await own.close();
    await expect(last.exited).rejects.toMatchObject({ error: { code: "STREAM_CUT" } });
    await expect(last.reconnect()).rejects.toMatchObject({ name: "SandboxConnectionException" });
  });

  test("makes its program wait, if its client does not read", async () => {
    await using terminal = await sandbox.terminals.create({ command: "exec yes", mode: "pipe" });
    sockets.at(-1)?.pause();
    const offset = async () => (await sandbox.terminals.get(terminal.id)).outputOffset;
    let before = -1;
    const stalled = await until(offset, (now) => {
      const hasStalled = now === before && now > 0;
      before = now;
      return hasStalled;
    });
    expect(stalled).toBeLessThan(20 * MIB);
    sockets.at(-1)?.resume();
    await until(offset, (now) => now > stalled + MIB);
  });
});

describeTerminals("several clients", () => {
  test("take a terminal over only if they say so", async () => {
    await using first = await sandbox.terminals.create();
    await first.write("echo he''llo\n");
    await readUntil(first, "hello\r\n");
    await expect(sandbox.terminals.attach(first.id)).rejects.toMatchObject({
      statusCode: 409,
      error: { code: "ALREADY_CONNECTED" },
    });
    await using second = await sandbox.terminals.attach(first.id, { takeOver: true });
    await readUntil(second, "hello\r\n");
    await expect(first.exited).rejects.toMatchObject({ error: { code: "TAKEN_OVER" } });
    expect(first.wasTakenOver).toBe(true);
    await expect(first.write("x")).rejects.toMatchObject({ error: { code: "TAKEN_OVER" } });
    await expect(first.reconnect()).rejects.toMatchObject({ error: { code: "ALREADY_CONNECTED" } });
    await second.write("echo still he''re\n");
    await readUntil(second, "still here\r\n");
  });

  test("watch it as viewers, which see everything and can do nothing", async () => {
    const made = await sandbox.terminals.create({ command: "read a; echo got $a; read b", mode: "pipe" });
    await using holder = made;
    const viewers = await Promise.all([1, 2].map(() => sandbox.terminals.attach(made.id, { viewer: true })));
    await holder.write("it\n");
    for (const viewer of viewers) {
      expect(await readUntil(viewer, "got it\n")).toBe("got it\n");
      for (const act of [viewer.write("x"), viewer.resize(90, 40), viewer.signal("SIGTERM")])
        await expect(act).rejects.toMatchObject({ error: { code: "READ_ONLY" } });
    }
    await using second = await sandbox.terminals.attach(made.id, { takeOver: true });
    await second.write("x\n");
    expect(await Promise.all([second, ...viewers].map(({ exited }) => exited))).toEqual([0, 0, 0]);
    await expect(sandbox.terminals.attach(made.id, { viewer: true })).rejects.toMatchObject({
      statusCode: 409,
      error: { code: "VIEWER_REQUIRES_RUNNING_SESSION" },
    });
  });

  test("are refused on the wire, too, if they are viewers and send something", async () => {
    await using holder = await sandbox.terminals.create({ command: "cat", mode: "pipe" });
    await using viewer = await sandbox.terminals.attach(holder.id, { viewer: true });
    const socket = sockets.at(-1);
    const texts: unknown[] = [];
    socket?.on(
      "message",
      (data, isBinary) => isBinary || texts.push(JSON.parse((data as Buffer).toString())),
    );
    for (let count = 0; count < 5; count++) socket?.send(Buffer.of(0, 65));
    await expect(viewer.exited).rejects.toMatchObject({ error: { code: "READ_ONLY" } });
    expect(texts).toHaveLength(5);
    await holder.write("B");
    expect(await readUntil(holder, "B")).toBe("B");
  });
});

test("a server without a port has no terminals, and says so", async () => {
  await using own = await startLocalServer({ port: false, isolation: isolationWorks ? "auto" : "none" });
  await using sandboxOfOwn = await Sandbox.create({ connectionConfig: own.connectionConfig });
  const { terminals } = (await sandboxOfOwn.capabilities()).all;
  expect(terminals).toMatchObject({ isAvailable: false, reason: expect.stringContaining("has no port") });
  await expect(sandboxOfOwn.terminals.create({ mode: "pipe" })).rejects.toMatchObject({
    code: "NO_WEBSOCKET",
    message: expect.stringContaining("has no port") as unknown,
  });
});

async function takeFirst(terminal: Terminal): Promise<TerminalOutput[]> {
  for await (const item of terminal.output()) return [item];
  return [];
}
