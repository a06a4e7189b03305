import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { InvalidArgumentException, SandboxApiException } from "../../src/errors.js";
import { Commands } from "../../src/services/commands.js";
import { findExchange, loadFixture, type Exchange } from "../helpers/fixtures.js";
import { disableNet, replay, restoreNet } from "../helpers/replay.js";
import { linkTo } from "../helpers/link.js";
import { collect, failureOf } from "../helpers/promises.js";

const origin = "http://sandbox.test:44772";
const recorded = loadFixture("execd-command");
const exchanges = recorded.filter(({ label }) => /^(?:bg |background|status|logs|interrupt)/.test(label));

/** The recorded status of each label. */
const STATUSES: Readonly<Record<string, object>> = {
  "status running": { isRunning: true, exitCode: null, finishedAt: undefined },
  "status after interrupt": {
    isRunning: false,
    exitCode: -1,
    signal: "terminated",
    error: "signal: terminated",
    startedAt: new Date("2026-11-23T16:45:06.147Z"),
    finishedAt: new Date("2026-11-23T16:45:06.555Z"),
  },
  "status after client disconnect": {
    command: "sleep 3; echo after-disconnect > /workspace/disc_32203",
    isRunning: true,
    exitCode: null,
  },
  "status later": { isRunning: false, exitCode: 0, signal: undefined, error: undefined },
  "bg status": { command: "echo l1; echo e1 >&2; sleep 1; echo l2; exit 4", isRunning: true, exitCode: null },
  "bg status done": { isRunning: false, exitCode: 4, signal: undefined, error: "exit status 4" },
  "bg timeout status": { isRunning: false, exitCode: -1, signal: "killed" },
  "bg status after interrupt": { isRunning: false, exitCode: -1, signal: "terminated" },
};

/** The recorded log of each label, with the cursor it starts at. */
const LOGS: Readonly<Record<string, readonly [from: number, text: string, cursor: number]>> = {
  "bg logs": [0, "l1\ne1\n", 6],
  "bg logs cursor=0": [0, "l1\ne1\nl2\n", 9],
  "bg logs cursor=tail": [9, "", 9],
  "bg logs cursor=3": [3, "e1\nl2\n", 9],
  "bg logs cursor=9999": [9_999, "", 9_999],
};

/** The options of each background command, other than `background`. */
const STARTS: Readonly<Record<string, object>> = {
  background: {},
  "background timeout": { timeoutSeconds: 0.3 },
  "background uid bad": { uid: 65_534 },
  "background interrupt": {},
};

/** The error of each label's call. */
const FAILURES: Readonly<Record<string, readonly [status: number, code: string, message: string]>> = {
  "logs of foreground": [400, "INVALID_REQUEST_BODY", "is not running in background"],
  "interrupt finished": [500, "RUNTIME_ERROR", "is not running"],
  "interrupt unknown": [500, "RUNTIME_ERROR", "no such session"],
  "status unknown": [404, "INVALID_REQUEST_BODY", "command not found: nope"],
  "background cwd missing": [400, "INVALID_REQUEST_BODY", "working directory does not exist: /nope"],
};

/** Requests that the SDK refuses to send. */
const REFUSED: Readonly<Record<string, (commands: Commands) => PromiseLike<unknown>>> = {
  "interrupt missing id": (commands) => commands.interrupt(""),
  "bg logs cursor=-1": (commands) => commands.getLogs("c1", { cursor: -1 }),
  "bg logs cursor=abc": (commands) => commands.getLogs("c1", { cursor: Number("abc") }),
};

beforeEach(disableNet);
afterEach(restoreNet);

const commands = (): Commands => new Commands(linkTo(origin));

test("every exchange is replayed, or refused before it is sent", () => {
  const covered = [STATUSES, LOGS, STARTS, FAILURES, REFUSED].flatMap(Object.keys);
  expect([...covered, "bg status immediately after init"].sort()).toEqual(
    exchanges.map(({ label }) => label).sort(),
  );
});

describe("a status", () => {
  test.each(Object.keys(STATUSES))("%s", async (label) => {
    const exchange = findExchange(exchanges, label);
    replay(exchange, { origin });
    const status = await commands().getStatus(idOf(exchange));
    expect(status).toMatchObject({ id: idOf(exchange), ...STATUSES[label] });
    expect(status.isRunning).toBe(status.finishedAt === undefined);
  });

  test("bg status immediately after init: a 404 is asked about again", async () => {
    const exchange = findExchange(exchanges, "bg status immediately after init");
    const tooEarly = replay(exchange, { origin });
    const { response } = findExchange(exchanges, "bg status");
    const inTime = replay({ ...exchange, response }, { origin });
    expect(await commands().getStatus(idOf(exchange))).toMatchObject({ isRunning: true });
    expect([tooEarly.isDone(), inTime.isDone()]).toEqual([true, true]);
  });
});

describe("a log", () => {
  test.each(Object.keys(LOGS))("%s", async (label) => {
    const [from, text, cursor] = LOGS[label] ?? [0, "", 0];
    const exchange = findExchange(exchanges, label);
    const replayed = replay(withCursor(exchange, from), { origin });
    const logs = await commands().getLogs(idOf(exchange), { cursor: from });
    expect(logs).toEqual({ text, bytes: new Uint8Array(new TextEncoder().encode(text)), cursor });
    expect(replayed.isDone()).toBe(true);
  });

  test("is followed to the end of the command", async () => {
    const begin = withCursor(findExchange(exchanges, "bg logs"), 0);
    const rest = withCursor(findExchange(exchanges, "bg logs cursor=3"), 6);
    replay(findExchange(exchanges, "bg status"), { origin });
    replay(begin, { origin });
    replay(findExchange(exchanges, "bg status done"), { origin });
    // No recording begins at 6; the one from 3 on contains its text after three bytes.
    const { headers, chunks } = rest.response;
    const tail = chunks.map(([at, text]) => [at, text.slice(3)] as const);
    replay(
      {
        ...rest,
        response: { ...rest.response, headers: { ...headers, "Content-Length": "3" }, chunks: tail },
      },
      { origin },
    );
    const pieces = await collect(commands().followLogs(idOf(begin), { pollingIntervalMillis: 1 }));
    expect(pieces).toEqual(["l1\ne1\n", "l2\n"]);
  });
});

describe("a command in the background", () => {
  test.each(Object.keys(STARTS))("%s", async (label) => {
    const exchange = findExchange(exchanges, label);
    const replayed = replay(exchange, { origin });
    const execution = await commands().run(commandOf(exchange), { background: true, ...STARTS[label] });
    expect(execution.id).toMatch(/^[0-9a-f]{32}$/);
    expect(execution).toMatchObject({ exitCode: undefined, error: undefined, stdout: "", stderr: "" });
    expect(execution.complete?.executionTimeMs).toBe(0);
    expect(replayed.request.body).toEqual(exchange.request.body);
  });
});

describe("a failure", () => {
  test.each(Object.keys(FAILURES))("%s", async (label) => {
    const exchange = findExchange(exchanges, label);
    // The SDK asks several times before it reports a command as unknown.
    replay(label.startsWith("logs") ? withCursor(exchange, 0) : exchange, { origin, times: Infinity });
    const failure = await failureOf(callOf(exchange));
    const [statusCode, code, message] = FAILURES[label] ?? [];
    expect(failure).toBeInstanceOf(SandboxApiException);
    expect(failure).toMatchObject({ statusCode, error: { code }, sandboxId: "sandbox-1" });
    expect(failure).toMatchObject({ message: expect.stringContaining(message ?? "") });
  });
});

describe("refused before it is sent", () => {
  test.each(Object.keys(REFUSED))("%s", async (label) => {
    const replayed = replay(findExchange(exchanges, label), { origin });
    const call = REFUSED[label];
    if (call === undefined) throw new RangeError(label);
    expect(await failureOf(call(commands()))).toBeInstanceOf(InvalidArgumentException);
    expect(replayed.requests).toEqual([]);
  });
});

function callOf(exchange: Exchange): PromiseLike<unknown> {
  const { method, path } = exchange.request;
  if (method === "POST") return commands().run(commandOf(exchange), { background: true, cwd: "/nope" });
  if (method === "DELETE") return commands().interrupt(path.split("=")[1] ?? "");
  return path.endsWith("/logs") ? commands().getLogs(idOf(exchange)) : commands().getStatus(idOf(exchange));
}

/** Adds the cursor, which the SDK always sends. */
function withCursor(exchange: Exchange, cursor: number): Exchange {
  const [path] = exchange.request.path.split("?");
  return { ...exchange, request: { ...exchange.request, path: `${path ?? ""}?cursor=${cursor}` } };
}

function idOf({ request: { path } }: Exchange): string {
  return /^\/command\/(?:status\/)?([^/?]+)/.exec(path)?.[1] ?? "";
}

function commandOf({ request: { body } }: Exchange): string {
  return typeof body === "object" && body !== null && "command" in body ? String(body.command) : "";
}
