/**
 * The standard input of commands against a server that says what execd says. Its frames and responses are hand-built from
 * the recordings of terminals and commands (June 2026).
 */
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { Commands } from "../../src/services/commands.js";
import type { SandboxLink } from "../../src/services/link.js";
import { linkTo } from "../helpers/link.js";
import { until } from "../helpers/local-sandbox.js";
import { CONNECTED, Execd, TERMINAL_ID } from "../helpers/terminal-server.js";

const COMMAND = "b45213e24c2d4fb1be08fcb003593463";
const STARTED = [
  `{"type":"init","text":"${COMMAND}","timestamp":1}`,
  '{"type":"execution_complete","execution_time":1,"timestamp":2}',
].join("\n\n");

let execd: Execd;
let link: SandboxLink;
let commands: Commands;

beforeEach(async () => {
  execd = new Execd();
  link = linkTo(await execd.listen(), { retryPolicy: { maxRetries: 0 }, requestTimeoutSeconds: 0.5 });
  commands = new Commands(link);
  execd.responses = {
    "POST /pty": [201, `{"session_id":"${TERMINAL_ID}"}`],
    [`GET /pty/${TERMINAL_ID}`]: [200, '{"running":true,"output_offset":8}'],
    [`DELETE /pty/${TERMINAL_ID}`]: [200, ""],
    "POST /command": [200, `${STARTED}\n\n`],
  };
  execd.onConnect = (client) => {
    client.send(CONNECTED.replace("pty", "pipe"));
    if (execd.handshakes.at(-1)?.url?.includes("since") !== true) client.send(printed("ready\n"));
  };
});
afterEach(() => {
  link.execd.close();
  execd.close();
});

function printed(text: string): Buffer {
  return Buffer.from(`\u0001${text}`);
}

/** Returns the parts that arrived: their numbers, sizes and data. */
function parts(): readonly string[] {
  return execd.received.filter((message) => typeof message !== "string").map(String);
}

test.each([
  ["has no terminals", 404, "404 page not found"],
  ["has no terminals on its system", 501, '{"code":"NOT_SUPPORTED","message":"PTY is not supported"}'],
])("is not supported by a server that %s, and the command is not started", async (_name, status, body) => {
  execd.responses = { ...execd.responses, "POST /pty": [status, body] };
  const unsupported = {
    code: "NOT_SUPPORTED",
    message: expect.stringContaining("execd of June 2026") as unknown,
    cause: { statusCode: status },
  };
  await expect(commands.start("cat", { stdin: true })).rejects.toMatchObject(unsupported);
  await expect(commands.run("cat", { stdin: "x" })).rejects.toMatchObject(unsupported);
  expect(execd.requests).toEqual(["POST /pty", "POST /pty"]);
});

test("is not supported by a server that ignores the command of a terminal: its shell gets no data", async () => {
  execd.onConnect = (client) => client.send(CONNECTED);
  await expect(commands.start("cat", { stdin: true })).rejects.toMatchObject({ code: "NOT_SUPPORTED" });
  expect(parts()).toEqual([]);
  expect(execd.requests).not.toContain("POST /command");
});

test("sends the next part when the last one is confirmed, and joins what waits", async () => {
  const { stdin } = await commands.start("cat", { stdin: true });
  execd.onMessage = (client, message) => {
    if (typeof message !== "string")
      client.send(printed(`${String(message).slice(1).split(" ")[0] ?? ""}\n`));
  };
  await Promise.all([stdin.write("a"), stdin.write("b\n"), stdin.write("c"), stdin.end()]);
  expect(parts()).toEqual(["\0" + "1 1\na", "\0" + "2 3\nb\nc", "\0" + "3 0\n"]);
});

test("sends a part that was not confirmed again after a broken connection, with its number", async () => {
  const { stdin } = await commands.start("cat", { stdin: true });
  execd.onMessage = (client, message) => {
    if (typeof message === "string") return;
    // The first half of the line came before the cut.
    if (execd.handshakes.length === 1) client.send(printed("1"), () => client.terminate());
    else if (parts().length === 2) client.send(printed("\n"));
    else client.send(printed("2\n"));
  };
  await stdin.write("data");
  await stdin.end();
  expect(parts()).toEqual(["\0" + "1 4\ndata", "\0" + "1 4\ndata", "\0" + "2 0\n"]);
  expect(execd.handshakes[1]?.url).toBe(`/pty/${TERMINAL_ID}/ws?since=7&takeover=1`);
});

test("fails when the terminal is gone after a broken connection", async () => {
  const { stdin } = await commands.start("cat", { stdin: true });
  execd.responses = {
    ...execd.responses,
    [`GET /pty/${TERMINAL_ID}`]: [404, '{"code":"CONTEXT_NOT_FOUND"}'],
  };
  execd.onMessage = (client) => client.terminate();
  await expect(stdin.write("data")).rejects.toMatchObject({ statusCode: 404 });
  await expect(stdin.end()).rejects.toMatchObject({ statusCode: 404 });
});

test("deletes what feeds the command if the command is refused", async () => {
  execd.responses = {
    ...execd.responses,
    "POST /command": [400, '{"code":"INVALID_REQUEST_BODY","message":"no"}'],
  };
  await expect(commands.start("cat", { stdin: true })).rejects.toMatchObject({ statusCode: 400 });
  await expect(commands.run("cat", { stdin: "x" })).rejects.toMatchObject({ statusCode: 400 });
  await until(
    () => Promise.resolve(execd.requests.filter((request) => request.startsWith("DELETE /pty")).length),
    (deletions) => deletions === 2,
  );
});
