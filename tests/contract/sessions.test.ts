import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { SandboxApiException } from "../../src/errors.js";

import { Commands } from "../../src/services/commands.js";
import { findExchange, loadFixture, type Exchange } from "../helpers/fixtures.js";
import { disableNet, replay, restoreNet } from "../helpers/replay.js";
import { linkTo } from "../helpers/link.js";
import { failureOf } from "../helpers/promises.js";

const origin = "http://sandbox.test:44772";
const exchanges = loadFixture("execd-session");

/** The output and exit code of each label's recorded run. */
const RUNS: Readonly<Record<string, readonly [stdout: string, exitCode: number]>> = {
  pwd: ["/workspace\n", 0],
  cd: ["", 0],
  "pwd persisted": ["/var\n", 0],
  export: ["", 0],
  "export persisted": ["[1][]\n/tmp/execd_bash_2482741318.sh: line 43: f: command not found\n", 127],
  "cwd override": ["/tmp\n", 0],
  "pwd after override (override sticks)": ["/tmp\n", 0],
  "blank lines dropped": ["a\nb\n", 0],
  crlf: ["a\nb\n", 0],
  "no newline": ["abc\n", 0],
  "stderr merged": ["o\ne\n", 0],
  "exit code 7": ["", 7],
  "exit builtin": ["", 4],
  "pwd after exit (state of that run lost)": ["/tmp\n", 0],
  false: ["", 1],
  "not found": ["/tmp/execd_bash_2549824287.sh: line 43: nosuch_zz: command not found\n", 127],
  "after timeout": ["ok\n", 0],
  "timeout 0": ["x\n", 0],
  "multi-line export": ["", 0],
  "multi-line read": ["$'l1\\nl2'|\n", 0],
  // The server takes such a line for its own marker and drops it.
  "marker injection": ["", 0],
  unicode: ["世界 🎉\n", 0],
  "invalid utf8": ["a\ufffd\n", 0],
  "no output": ["", 0],
  stdin: ["rc=0\n", 0],
  "concurrent in same session": ["quick\n", 0],
  slow: ["slow-done\n", 0],
  "slow then session deleted": ["", -1],
};

/** The error of each label's call. A call that the SDK would not send is replayed anyway. */
const FAILURES: Readonly<Record<string, readonly [status: number, code: string, message: string]>> = {
  "create bad json": [400, "INVALID_REQUEST_BODY", "error parsing request"],
  "cwd missing": [400, "INVALID_REQUEST_BODY", "working directory does not exist: /nope"],
  "empty cmd": [400, "INVALID_REQUEST_BODY", "RunInSessionRequest.Command"],
  "timeout 500ms": [200, "RUNTIME_ERROR", "error running in session. timeout after 500ms"],
  "delete again": [404, "CONTEXT_NOT_FOUND", "not found"],
  "run after delete": [500, "RUNTIME_ERROR", "context not found"],
  "after interrupt": [500, "RUNTIME_ERROR", "context not found"],
};

/** The number of exchanges of each label whose call is neither a run nor a failure. */
const OTHERS: Readonly<Record<string, number>> = {
  "create no body": 1,
  "create {}": 3,
  "create cwd new dir (auto mkdir -p)": 1,
  "create cwd relative": 1,
  "delete running": 1,
  "long line 17MB": 1,
};

const EXCLUDED: Readonly<Record<string, string>> = {
  "GET session (no such route)": "execd has no such route, and the SDK no such method",
  "interrupt idle session (closes it!)":
    "the SDK refuses to interrupt a session: tests/unit/services/sessions.test.ts",
};

beforeEach(disableNet);
afterEach(restoreNet);

const commands = (): Commands => new Commands(linkTo(origin));

test("every exchange is replayed, or left out for a reason", () => {
  const counts = new Map<string, number>();
  for (const { label } of exchanges) counts.set(label, (counts.get(label) ?? 0) + 1);
  const once = Object.fromEntries([RUNS, FAILURES, EXCLUDED].flatMap(Object.keys).map((label) => [label, 1]));
  expect(Object.fromEntries(counts)).toEqual({ ...once, ...OTHERS });
});

describe("a run", () => {
  test.each(Object.keys(RUNS))("%s", async (label) => {
    const exchange = findExchange(exchanges, label);
    const replayed = replay(exchange, { origin });
    const execution = await run(exchange);
    const [stdout, exitCode] = RUNS[label] ?? [];
    expect(execution).toMatchObject({ id: sessionOf(exchange), stdout, stderr: "", exitCode });
    expect(execution.signal).toBe(exitCode === -1 ? "killed" : undefined);
    expect(execution.error?.name).toBe(exitCode === 0 ? undefined : "CommandExecError");
    const { command, cwd } = fieldsOf(exchange);
    expect(replayed.request.body).toEqual({ command, ...(cwd !== undefined && { cwd }) });
  });

  test("returns the output before the server's time limit", async () => {
    const exchange = findExchange(exchanges, "timeout 500ms");
    replay(exchange, { origin });
    expect(await failureOf(run(exchange))).toMatchObject({ execution: { stdout: "s\n", exitCode: null } });
  });

  test("whose line is too long for the server hangs until it is interrupted", async () => {
    const exchange = findExchange(exchanges, "long line 17MB");
    const pings = exchange.response.chunks.filter(([, text]) => text.includes('"ping"')).length;
    replay(exchange, { origin });
    const hanging = run(exchange);
    const failure = failureOf(hanging);
    let seen = 0;
    for await (const { type } of hanging) {
      if (type === "ping") seen += 1;
      if (seen === pings) break;
    }
    await hanging.interrupt();
    expect(pings).toBeGreaterThan(5);
    expect(await failure).toMatchObject({ error: { code: "RUN_CANCELLED" } });
  });
});

describe("a failure", () => {
  test.each(Object.keys(FAILURES))("%s", async (label) => {
    const exchange = findExchange(exchanges, label);
    replay(exchange, { origin });
    const failure = await failureOf(callOf(exchange));
    const [statusCode, code, message] = FAILURES[label] ?? [];
    expect(failure).toBeInstanceOf(SandboxApiException);
    expect(failure).toMatchObject({ statusCode, error: { code }, sandboxId: "sandbox-1" });
    expect(failure).toMatchObject({ message: expect.stringContaining(message ?? "") });
  });
});

describe("creating and deleting", () => {
  const creations = exchanges.filter(
    ({ label, response }) => label.startsWith("create") && response.status === 200,
  );

  test.each(creations.map((exchange, index) => [exchange.label, index] as const))(
    "%s (%d)",
    async (_, index) => {
      const exchange = creations[index];
      if (exchange === undefined) throw new RangeError();
      const replayed = replay(exchange, { origin });
      const session = await commands().createSession(fieldsOf(exchange));
      expect({ session_id: session.id }).toEqual(JSON.parse(exchange.response.chunks[0]?.[1] ?? ""));
      expect(replayed.request.body).toEqual(exchange.request.body ?? {});
    },
  );

  test("delete running", async () => {
    const exchange = findExchange(exchanges, "delete running");
    const replayed = replay(exchange, { origin });
    await commands().attachSession(sessionOf(exchange)).delete();
    expect(replayed.isDone()).toBe(true);
  });
});

function run(exchange: Exchange) {
  const { command = "", cwd } = fieldsOf(exchange);
  // Replays what the SDK would not send. With a deadline, the client's would be reached before the server's.
  return commands()
    .attachSession(sessionOf(exchange))
    .run(command === "" ? "true" : command, { cwd });
}

function callOf(exchange: Exchange): PromiseLike<unknown> {
  const { method, path } = exchange.request;
  if (method === "DELETE") return commands().attachSession(sessionOf(exchange)).delete();
  return path === "/session" ? commands().createSession() : run(exchange);
}

function sessionOf({ request }: Exchange): string {
  return request.path.split("/")[2] ?? "";
}

function fieldsOf({ request: { body } }: Exchange): { command?: string; cwd?: string } {
  return typeof body === "object" && body !== null ? { ...body } : {};
}
