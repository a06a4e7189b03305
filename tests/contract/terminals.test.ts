/**
 * The WebSocket of terminals against a server that says what execd says. The frames are hand-built from the recording
 * of a terminal (June 2026) and from the facts about later servers; the requests are replayed from recordings.
 */
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { WebSocket } from "ws";
import type { ConnectionOptions } from "../../src/connection.js";
import type { SandboxLink } from "../../src/services/link.js";
import { Terminals } from "../../src/services/terminals.js";
import type { Terminal, TerminalOutput } from "../../src/index.js";
import { bodyOf, findExchange, loadFixture } from "../helpers/fixtures.js";
import { linkTo } from "../helpers/link.js";
import { CONNECTED, Execd, TERMINAL_ID as ID } from "../helpers/terminal-server.js";

let execd: Execd;
let url: string;
const links: SandboxLink[] = [];

beforeEach(async () => {
  execd = new Execd();
  url = await execd.listen();
});
afterEach(() => {
  for (const { execd: client } of links.splice(0)) client.close();
  execd.close();
});

function terminalsAt(options: ConnectionOptions = {}): Terminals {
  const link = linkTo(url, { retryPolicy: { maxRetries: 0 }, ...options });
  links.push(link);
  return new Terminals(link);
}

async function readAll(terminal: Terminal): Promise<readonly TerminalOutput[]> {
  const items: TerminalOutput[] = [];
  for await (const item of terminal.output()) items.push(item);
  return items;
}

function shown(items: readonly TerminalOutput[]): readonly string[] {
  return items.map(({ stream, offset, data }) => `${stream} ${offset} ${Buffer.from(data).toString()}`);
}

function output(channel: number, text: string): Buffer {
  return Buffer.concat([Buffer.of(channel), Buffer.from(text)]);
}

function replayed(offset: number, text: string): Buffer {
  const head = Buffer.alloc(9, 3);
  head.writeBigUInt64BE(BigInt(offset), 1);
  return Buffer.concat([head, Buffer.from(text)]);
}

const misc = loadFixture("execd-misc");
function recorded(label: string): readonly [number, string] {
  const exchange = findExchange(misc, label);
  return [exchange.response.status ?? 0, bodyOf(exchange)];
}

describe("recorded requests", () => {
  const OTHER = "60ded17c-1a1f-4208-8cea-ac8f7f8a9e57";

  test("pty create, pty status, pty delete", async () => {
    execd.responses = {
      "POST /pty": recorded("pty create"),
      [`GET /pty/${OTHER}`]: recorded("pty status"),
      [`DELETE /pty/${OTHER}`]: recorded("pty delete"),
    };
    const terminals = terminalsAt();
    const terminal = await terminals.create({ cwd: "/tmp" });
    expect(terminal.id).toBe(OTHER);
    expect(await terminals.get(OTHER)).toEqual({ id: OTHER, isRunning: false, outputOffset: 0 });
    await terminals.delete(OTHER);
  });

  test("pty status unknown, pty create bad cwd", async () => {
    execd.responses = {
      "GET /pty/nope": recorded("pty status unknown"),
      "POST /pty": recorded("pty create bad cwd"),
    };
    await expect(terminalsAt().get("nope")).rejects.toMatchObject({
      statusCode: 404,
      message: "pty session nope not found",
      error: { code: "CONTEXT_NOT_FOUND" },
    });
    await expect(terminalsAt().create({ cwd: "/etc/passwd/x" })).rejects.toMatchObject({ statusCode: 500 });
    expect(execd.handshakes).toEqual([]);
  });
});

describe("a connection, hand-built from the recorded frames", () => {
  test("reads output and exit code of a server before viewers, and asks with the headers of the endpoint", async () => {
    execd.onConnect = (client) => {
      client.send(replayed(0, "before"));
      client.send(CONNECTED);
      client.send(output(1, "cmd\r\n"));
      client.send('{"type":"exit","exit_code":4}\n');
      client.close(1000, "process exited");
    };
    const terminal = await terminalsAt({ sandboxHeaders: { "x-execd-access-token": "t" } }).attach(ID);
    expect(await terminal.exited).toBe(4);
    expect(shown(await readAll(terminal))).toEqual(["stdout 0 before", "stdout 6 cmd\r\n"]);
    expect(execd.handshakes[0]?.url).toBe(`/pty/${ID}/ws`);
    expect(execd.handshakes[0]?.headers).toMatchObject({ "x-execd-access-token": "t" });
    expect(execd.handshakes[0]?.headers).not.toHaveProperty("open-sandbox-api-key");
  });

  test("reads what comes after the exit code, which may overtake the last output", async () => {
    execd.onConnect = (client) => {
      client.send(CONNECTED);
      client.send('{"type":"exit","exit_code":0}\n');
      client.send(output(1, "late"));
      client.close(1000, "process exited");
    };
    expect(shown(await readAll(await terminalsAt().attach(ID)))).toEqual(["stdout 0 late"]);
  });

  test("tells the outputs of pipes apart", async () => {
    execd.onConnect = (client) => {
      client.send(CONNECTED.replace('"pty"', '"pipe"'));
      client.send(output(1, "o\n"));
      client.send(output(2, "e\n"));
      client.send('{"type":"exit","exit_code":5}\n');
      client.close(1000, "process exited");
    };
    const terminal = await terminalsAt().attach(ID, { mode: "pipe" });
    expect(shown(await readAll(terminal))).toEqual(["stdout 0 o\n", "stderr 2 e\n"]);
    expect(execd.handshakes[0]?.url).toBe(`/pty/${ID}/ws?pty=0`);
  });

  test("sends input, sizes and signals in the recorded frames", async () => {
    execd.responses = { "POST /pty": [201, `{"session_id":"${ID}"}`] };
    const terminal = await terminalsAt().create({ cols: 120, rows: 40 });
    await terminal.write("echo hi\n");
    await terminal.write(Uint8Array.of(0, 255));
    await terminal.signal("SIGINT");
    terminal.close();
    while (execd.clients > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(execd.received).toEqual([
      '{"type":"resize","cols":120,"rows":40}',
      Buffer.from("\0echo hi\n"),
      Buffer.of(0, 0, 255),
      '{"type":"signal","signal":"SIGINT"}',
    ]);
  });

  test("has a command set the size before it starts, and leaves another one as it is", async () => {
    execd.responses = { "POST /pty": [201, `{"session_id":"${ID}"}`] };
    const terminals = terminalsAt();
    for (const options of [{ cols: 120 }, { mode: "pipe" as const, cols: 120 }, {}]) {
      (await terminals.create({ command: "htop", ...options })).close();
    }
    const sized = '[ "$(stty size 2>/dev/null)" = "24 80" ] && stty rows 24 cols 120; htop';
    expect(execd.bodies).toEqual([sized, "htop", "htop"].map((command) => JSON.stringify({ command })));
  });

  test("asks for a replay, a take-over or a view by the query", async () => {
    const terminals = terminalsAt();
    await terminals.attach(ID, { offset: 17, takeOver: true });
    await terminals.attach(ID, { viewer: true });
    expect(execd.handshakes.map((request) => request.url)).toEqual([
      `/pty/${ID}/ws?since=17&takeover=1`,
      `/pty/${ID}/ws?mode=viewer`,
    ]);
  });

  test("shows a jump of the offset, where a viewer was too slow", async () => {
    execd.onConnect = (client) => {
      client.send(replayed(0, "ab"));
      client.send(CONNECTED.replace("}", ',"role":"viewer"}'));
      client.send(replayed(1000, "cd"));
      client.send('{"type":"exit","exit_code":0}\n');
      client.close(1000, "process exited");
    };
    const terminal = await terminalsAt().attach(ID, { viewer: true });
    expect(shown(await readAll(terminal))).toEqual(["stdout 0 ab", "stdout 1000 cd"]);
  });

  test("ignores what a later version may send", async () => {
    execd.onConnect = (client) => {
      client.send('{"type":"welcome"}');
      client.send(CONNECTED);
      client.send(output(9, "?"));
      client.send('{"type":"exit","exit_code":0}\n');
      client.close(1000, "process exited");
    };
    expect(await readAll(await terminalsAt().attach(ID))).toEqual([]);
  });
});

describe("a failure", () => {
  test.each([
    [409, "ALREADY_CONNECTED"],
    [409, "VIEWER_REQUIRES_RUNNING_SESSION"],
    [404, "CONTEXT_NOT_FOUND"],
  ])("of a handshake is the server's: %s %s", async (status, code) => {
    execd.refusal = status;
    execd.responses = { [`GET /pty/${ID}/ws`]: [status, JSON.stringify({ code, message: "no" })] };
    await expect(terminalsAt().attach(ID)).rejects.toMatchObject({ statusCode: status, error: { code } });
    expect(execd.requests).toEqual([`GET /pty/${ID}/ws`]);
  });

  test("of a handshake without a reason of the server's is one of the connection", async () => {
    execd.refusal = 502;
    execd.responses = { [`GET /pty/${ID}/ws`]: [400, "Bad Request"] };
    await expect(terminalsAt().attach(ID)).rejects.toMatchObject({
      name: "SandboxConnectionException",
      error: { code: "CONNECTION" },
    });
  });

  test("to start the program rejects with the server's error, and the terminal is deleted", async () => {
    execd.responses = { "POST /pty": [201, `{"session_id":"${ID}"}`], [`DELETE /pty/${ID}`]: [200, ""] };
    execd.onConnect = (client) => {
      client.send('{"type":"error","error":"pty start: no such file","code":"START_FAILED"}\n');
      client.terminate();
    };
    await expect(terminalsAt().create()).rejects.toMatchObject({
      statusCode: 200,
      message: "pty start: no such file",
      error: { code: "START_FAILED" },
    });
    while (!execd.requests.includes(`DELETE /pty/${ID}`)) await new Promise((r) => setTimeout(r, 5));
  });

  test.each([
    ["a cut", (client: WebSocket) => client.terminate(), "STREAM_CUT"],
    ["a server that shuts down", (client: WebSocket) => client.close(1001), "STREAM_CUT"],
    ["a take-over", (client: WebSocket) => client.close(4001, "TAKEN_OVER"), "TAKEN_OVER"],
    ["text that is not JSON", (client: WebSocket) => client.send("{"), "STREAM_MALFORMED"],
    ["a replay without an offset", (client: WebSocket) => client.send(Buffer.of(3, 0)), "STREAM_MALFORMED"],
  ])("ends reading, writing and the wait for the exit code: %s", async (_, fail, code) => {
    execd.onConnect = (client) => {
      client.send(CONNECTED);
      client.send(output(1, "last"), () => fail(client));
    };
    const terminal = await terminalsAt().attach(ID);
    await expect(terminal.exited).rejects.toMatchObject({ error: { code } });
    const reader = terminal.output();
    expect((await reader.next()).value).toMatchObject({ offset: 0 });
    await expect(reader.next()).rejects.toMatchObject({ error: { code } });
    await expect(terminal.write("x")).rejects.toMatchObject({ error: { code } });
    expect(terminal.offset).toBe(4);
  });

  test("is a server that does not greet, and one that falls silent", async () => {
    execd.onConnect = () => undefined;
    await expect(terminalsAt({ requestTimeoutSeconds: 0.1 }).attach(ID)).rejects.toMatchObject({
      name: "SandboxTimeoutException",
      error: { code: "REQUEST_TIMEOUT" },
    });
    execd.onConnect = (client) => client.send(CONNECTED);
    const terminal = await terminalsAt({ streamIdleTimeoutSeconds: 0.2 }).attach(ID);
    await expect(terminal.exited).rejects.toMatchObject({
      name: "SandboxTimeoutException",
      error: { code: "STREAM_STALLED" },
    });
    expect(execd.received).toEqual(['{"type":"ping"}']);
  });

  test("is not a server that only responds to pings", async () => {
    execd.onMessage = (client) => client.send('{"type":"pong"}\n');
    const terminal = await terminalsAt({ streamIdleTimeoutSeconds: 0.2 }).attach(ID);
    while (execd.received.length < 4) await new Promise((resolve) => setTimeout(resolve, 20));
    terminal.close();
  });

  test("leaves nothing open, and nor does an abort", async () => {
    execd.onConnect = () => undefined;
    const controller = new AbortController();
    const attaching = terminalsAt().attach(ID, { signal: controller.signal });
    setTimeout(() => controller.abort(new Error("enough")), 50);
    await expect(attaching).rejects.toThrow("enough");
    while (execd.clients > 0) await new Promise((resolve) => setTimeout(resolve, 5));

    execd.onConnect = (client) => client.send(CONNECTED);
    const terminal = await terminalsAt().attach(ID);
    const reading = terminal.output({ signal: AbortSignal.timeout(20) }).next();
    await expect(reading).rejects.toMatchObject({ name: "TimeoutError" });
    const rest = readAll(terminal);
    terminal.close();
    expect(await rest).toEqual([]);
    await expect(terminal.exited).rejects.toMatchObject({ error: { code: "CLOSED" } });
    await expect(terminal.resize(80, 24)).rejects.toMatchObject({ error: { code: "CLOSED" } });
    while (execd.clients > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  });
});

describe("a wrong argument is refused before anything is sent:", () => {
  // Callers in plain JavaScript may pass anything.
  const wrong = (value: unknown) => value as never;

  test.each<[string, (terminals: Terminals) => Promise<unknown>]>([
    ["cwd", (terminals) => terminals.create({ cwd: " " })],
    ["command", (terminals) => terminals.create({ command: wrong(["ls"]) })],
    ["cols", (terminals) => terminals.create({ cols: 0 })],
    ["rows", (terminals) => terminals.create({ rows: 1.5 })],
    ["mode", (terminals) => terminals.create({ mode: wrong("tty") })],
    ["options", (terminals) => terminals.create(wrong("bash"))],
    ["timeout", (terminals) => terminals.create(wrong({ timeout: 3 }))],
    ["id", (terminals) => terminals.attach("")],
    ["offset", (terminals) => terminals.attach(ID, { offset: -1 })],
    ["takeOver", (terminals) => terminals.attach(ID, { takeOver: wrong(1) })],
    ["viewer", (terminals) => terminals.attach(ID, { viewer: wrong("yes") })],
    ["id", (terminals) => terminals.get(wrong(undefined))],
    ["id", (terminals) => terminals.delete(wrong(7))],
  ])("%s", async (name, call) => {
    await expect(call(terminalsAt())).rejects.toMatchObject({
      name: "InvalidArgumentException",
      message: expect.stringMatching(new RegExp(`^${name} `)),
    });
    expect([...execd.requests, ...execd.handshakes]).toEqual([]);
  });

  test.each<[string, (terminal: Terminal) => Promise<unknown>]>([
    ["data", (terminal) => terminal.write(wrong(5))],
    ["cols", (terminal) => terminal.resize(-1, 5)],
    ["rows", (terminal) => terminal.resize(5, wrong(undefined))],
    ["name", (terminal) => terminal.signal("INT")],
    ["offset", (terminal) => terminal.reconnect({ offset: -5 })],
  ])("%s of a terminal", async (name, call) => {
    const terminal = await terminalsAt().attach(ID);
    await expect(call(terminal)).rejects.toMatchObject({
      name: "InvalidArgumentException",
      message: expect.stringMatching(new RegExp(`^${name} `)),
    });
    expect(execd.received).toEqual([]);
  });
});

test("says so if the WebSocket of the platform takes no headers", async () => {
  execd.responses = { "POST /pty": [201, `{"session_id":"${ID}"}`] };
  class WithoutHeaders extends WebSocket {
    constructor() {
      super("ws://127.0.0.1:1/");
      this.on("error", () => undefined);
      this.terminate();
      throw new SyntaxError("The protocol header token is invalid.");
    }
  }
  const terminals = terminalsAt({ webSocket: WithoutHeaders });
  await expect(terminals.create()).rejects.toMatchObject({ code: "NO_WEBSOCKET" });
});
