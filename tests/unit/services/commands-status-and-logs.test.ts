import { describe, expect, test } from "@jest/globals";
import { InvalidArgumentException, SandboxApiException } from "../../../src/errors.js";
import { Commands } from "../../../src/services/commands.js";
import { errorResponse, FakeExecd, LiveBody } from "../../helpers/fake-server.js";
import { collect, failureOf } from "../../helpers/promises.js";

const started = { id: "c1", content: "sleep 9", started_at: "2026-11-23T16:45:06.147406881Z" };
const running = { ...started, running: true };
const ended = { ...started, running: false, exit_code: 0, finished_at: "2026-11-23T16:45:07Z" };
const unknown = (): Response =>
  errorResponse(404, "INVALID_REQUEST_BODY", { message: "command not found: c1" });

function log(text: string | Uint8Array<ArrayBuffer>, cursor?: number): Response {
  const headers = cursor === undefined ? {} : { "EXECD-COMMANDS-TAIL-CURSOR": String(cursor) };
  return new Response(text, { headers });
}

function bytesOf(text: string, start: number, end: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new TextEncoder().encode(text)).slice(start, end);
}

/** An execd with a sequence of responses for each kind of request. The last one is repeated. */
function scripted(answers: {
  status: readonly (() => Response)[];
  logs: readonly (() => Response)[];
}): FakeExecd {
  const counts = { status: 0, logs: 0 };
  return new FakeExecd(({ line }) => {
    const kind = line.includes("/status/") ? "status" : "logs";
    const answer = answers[kind].at(Math.min(counts[kind], answers[kind].length - 1));
    counts[kind] += 1;
    if (answer === undefined) throw new Error(`nothing to answer to ${line}`);
    return answer();
  });
}

describe("the status of a command", () => {
  const statusOf = (body: unknown) =>
    new Commands(new FakeExecd(() => Response.json(body)).link).getStatus("c1");

  test("has dates, and no exit code while it runs", async () => {
    expect(await statusOf(running)).toEqual({
      id: "c1",
      command: "sleep 9",
      isRunning: true,
      exitCode: null,
      signal: undefined,
      error: undefined,
      startedAt: new Date("2026-11-23T16:45:06.147Z"),
      finishedAt: undefined,
    });
  });

  test("distinguishes a signal from an exit code", async () => {
    expect(await statusOf({ ...ended, exit_code: -1, error: "signal: killed" })).toMatchObject({
      exitCode: -1,
      signal: "killed",
    });
    expect(await statusOf({ ...ended, exit_code: -1, error: "signal: aborted (core dumped)" })).toMatchObject(
      {
        signal: "aborted",
      },
    );
    expect(await statusOf({ ...ended, exit_code: 137, error: "exit status 137" })).toMatchObject({
      exitCode: 137,
      signal: undefined,
      error: "exit status 137",
    });
  });

  test("treats null like a missing field", async () => {
    const nulls = { id: null, content: null, error: null };
    expect(await statusOf({ ...running, ...nulls })).toMatchObject({
      id: "c1",
      command: "",
      error: undefined,
    });
    expect(await statusOf({ ...running, exit_code: null, finished_at: null, error: "" })).toMatchObject({
      exitCode: null,
      finishedAt: undefined,
      error: undefined,
    });
  });

  test("that is invalid is refused", async () => {
    const failure = await failureOf(statusOf({ id: "c1", content: "ls" }));
    expect(failure).toMatchObject({ error: { code: "UNEXPECTED_RESPONSE" }, sandboxId: "sandbox-1" });
  });

  test("is requested again while the server does not know the command yet", async () => {
    const execd = new FakeExecd((_, count) => (count < 3 ? unknown() : Response.json(running)));
    expect(await new Commands(execd.link).getStatus("c1")).toMatchObject({ isRunning: true });
    expect(execd.lines).toEqual(Array<string>(3).fill("GET /command/status/c1"));
  });

  test("of an unknown command is requested five times, and is then an error", async () => {
    const execd = new FakeExecd(unknown);
    const failure = await failureOf(new Commands(execd.link).getStatus("c1"));
    expect(failure).toBeInstanceOf(SandboxApiException);
    expect(failure).toMatchObject({ statusCode: 404, message: "command not found: c1" });
    expect(execd.requests).toHaveLength(5);
  });

  test("of an unknown command is not requested after an abort", async () => {
    const execd = new FakeExecd(unknown);
    const reason = new Error("enough");
    const controller = new AbortController();
    const asking = new Commands(execd.link).getStatus("c1", { signal: controller.signal });
    controller.abort(reason);
    expect(await failureOf(asking)).toBe(reason);
  });

  test("needs an id", async () => {
    const execd = new FakeExecd(unknown);
    expect(await failureOf(new Commands(execd.link).getStatus(" "))).toBeInstanceOf(InvalidArgumentException);
    expect(execd.requests).toEqual([]);
  });
});

describe("the log of a command", () => {
  test("continues where the last part ended", async () => {
    const execd = new FakeExecd(({ line }) => (line.endsWith("=0") ? log("l1\n", 3) : log("l2\n", 6)));
    const commands = new Commands(execd.link);
    const first = await commands.getLogs("c1");
    expect(first).toEqual({ text: "l1\n", bytes: bytesOf("l1\n", 0, 3), cursor: 3 });
    expect(await commands.getLogs("c1", { cursor: first.cursor })).toMatchObject({ text: "l2\n", cursor: 6 });
    expect(execd.lines).toEqual(["GET /command/c1/logs?cursor=0", "GET /command/c1/logs?cursor=3"]);
  });

  test.each([
    ["é", 1],
    ["世", 1],
    ["世", 2],
    ["🎉", 1],
    ["🎉", 3],
  ])("leaves %s for the next part when only %d of its bytes have arrived", async (character, length) => {
    const answer = log(bytesOf(`ab${character}`, 0, 2 + length), 12 + length);
    const commands = new Commands(new FakeExecd(() => answer).link);
    expect(await commands.getLogs("c1", { cursor: 10 })).toEqual({
      text: "ab",
      bytes: bytesOf("ab", 0, 2),
      cursor: 12,
    });
  });

  test("returns whole characters, and invalid bytes, at once", async () => {
    const bytes = new Uint8Array([...bytesOf("🎉", 0, 4), 0xff, 0x80, 0x80, 0x80]);
    const commands = new Commands(new FakeExecd(() => log(bytes, 8)).link);
    expect(await commands.getLogs("c1")).toEqual({ text: "🎉\ufffd\ufffd\ufffd\ufffd", bytes, cursor: 8 });
  });

  test("counts bytes if the server sends no cursor", async () => {
    const commands = new Commands(new FakeExecd(() => log("héllo")).link);
    expect(await commands.getLogs("c1", { cursor: 4 })).toMatchObject({ cursor: 10 });
  });

  test.each([-1, 1.5, Number.NaN])("refuses the cursor %d", async (cursor) => {
    const execd = new FakeExecd(() => log(""));
    expect(await failureOf(new Commands(execd.link).getLogs("c1", { cursor }))).toBeInstanceOf(
      InvalidArgumentException,
    );
    expect(execd.requests).toEqual([]);
  });

  test("of a command in the foreground is refused at once", async () => {
    const message = "command c1 is not running in background";
    const execd = new FakeExecd(() => errorResponse(400, "INVALID_REQUEST_BODY", { message: message }));
    expect(await failureOf(new Commands(execd.link).getLogs("c1"))).toMatchObject({
      statusCode: 400,
      message,
    });
    expect(execd.requests).toHaveLength(1);
  });
});

describe("following a log", () => {
  const follow = (execd: FakeExecd, options = {}) =>
    new Commands(execd.link).followLogs("c1", { pollingIntervalMillis: 1, ...options });

  test("yields the output until the command has ended, including the last of it", async () => {
    const execd = scripted({
      status: [() => Response.json(running), () => Response.json(running), () => Response.json(ended)],
      logs: [() => log("one\n", 4), () => log("", 4), () => log("two\n", 8)],
    });
    expect(await collect(follow(execd))).toEqual(["one\n", "two\n"]);
    // The status is requested first, so that no output between the two requests is missed.
    expect(execd.lines).toEqual([
      "GET /command/status/c1",
      "GET /command/c1/logs?cursor=0",
      "GET /command/status/c1",
      "GET /command/c1/logs?cursor=4",
      "GET /command/status/c1",
      "GET /command/c1/logs?cursor=4",
    ]);
  });

  test("joins characters that were cut between two responses", async () => {
    const text = "a🎉b";
    const execd = scripted({
      status: [() => Response.json(running), () => Response.json(ended)],
      logs: [() => log(bytesOf(text, 0, 3), 3), () => log(bytesOf(text, 3, 6), 6)],
    });
    expect(await collect(follow(execd))).toEqual(["a", "🎉b"]);
  });

  test("yields an incomplete character at the end as a replacement character", async () => {
    const execd = scripted({
      status: [() => Response.json(ended)],
      logs: [() => log(bytesOf("a世", 0, 2), 2)],
    });
    expect(await collect(follow(execd))).toEqual(["a", "\ufffd"]);
  });

  test("requests the rest of a response that was cut without an error", async () => {
    const execd = scripted({
      status: [() => Response.json(ended)],
      logs: [() => log("on", 4), () => log("e\n", 4)],
    });
    expect(await collect(follow(execd))).toEqual(["on", "e\n"]);
    expect(execd.lines.at(-1)).toBe("GET /command/c1/logs?cursor=2");
    const cut = new Commands(new FakeExecd(() => log("on", 4)).link);
    expect(await cut.getLogs("c1")).toMatchObject({ text: "on", cursor: 2 });
  });

  test("retries while the server does not know the command yet", async () => {
    const execd = scripted({
      status: [unknown, () => Response.json(ended)],
      logs: [
        () => errorResponse(400, "INVALID_REQUEST_BODY", { message: "command not found: c1" }),
        () => log("x", 1),
      ],
    });
    expect(await collect(follow(execd))).toEqual(["x"]);
  });

  test("resets a cursor beyond the end if the server reports that", async () => {
    const execd = scripted({
      status: [() => Response.json(running), () => Response.json(ended)],
      logs: [() => log("", 9), () => log("new", 12)],
    });
    expect(await collect(follow(execd, { cursor: 99 }))).toEqual(["new"]);
    expect(execd.lines.at(-1)).toBe("GET /command/c1/logs?cursor=9");
  });

  test("counts bytes if the server sends no cursor", async () => {
    const execd = scripted({
      status: [() => Response.json(running), () => Response.json(ended)],
      logs: [() => log("é"), () => log("b")],
    });
    expect(await collect(follow(execd, { cursor: 5 }))).toEqual(["é", "b"]);
    expect(execd.lines.at(-1)).toBe("GET /command/c1/logs?cursor=7");
  });

  test("starts again with each loop, and sends nothing before", async () => {
    const execd = scripted({ status: [() => Response.json(ended)], logs: [() => log("x", 1)] });
    const pieces = follow(execd);
    expect(execd.requests).toEqual([]);
    expect(await collect(pieces)).toEqual(["x"]);
    expect(await collect(pieces)).toEqual(["x"]);
  });

  test("leaving the loop ends its request", async () => {
    const body = new LiveBody();
    const execd = scripted({ status: [() => Response.json(running)], logs: [() => body.send("x").response] });
    for await (const piece of follow(execd)) {
      expect(piece).toBe("x");
      break;
    }
    expect(execd.requests).toHaveLength(2);
    expect(execd.requests[1]?.signal.aborted).toBe(true);
  });

  test("leaving it while it waits ends the wait without an error", async () => {
    const execd = scripted({ status: [() => Response.json(running)], logs: [() => log("x", 1)] });
    const iterator = follow(execd, { pollingIntervalMillis: 1_000_000 })[Symbol.asyncIterator]();
    expect(await iterator.next()).toEqual({ done: false, value: "x" });
    const waiting = iterator.next();
    expect(await iterator.return?.()).toEqual({ done: true, value: undefined });
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(execd.requests).toHaveLength(2);
  });

  test("rejects with the signal's own reason, even while it waits", async () => {
    const execd = scripted({ status: [() => Response.json(running)], logs: [() => log("x", 1)] });
    const controller = new AbortController();
    const { signal } = controller;
    const iterator = follow(execd, { pollingIntervalMillis: 1_000_000, signal })[Symbol.asyncIterator]();
    await iterator.next();
    const waiting = iterator.next();
    const reason = new Error("enough");
    controller.abort(reason);
    expect(await failureOf(waiting)).toBe(reason);
  });

  test("does not start with an aborted signal", async () => {
    const execd = scripted({ status: [() => Response.json(ended)], logs: [() => log("x", 1)] });
    const reason = new Error("too late");
    expect(await failureOf(collect(follow(execd, { signal: AbortSignal.abort(reason) })))).toBe(reason);
    expect(execd.requests).toEqual([]);
  });

  test.each([0, -5, 1.5, 2 ** 31])("refuses a polling interval of %d ms", async (pollingIntervalMillis) => {
    const execd = new FakeExecd(unknown);
    expect(await failureOf(collect(follow(execd, { pollingIntervalMillis })))).toBeInstanceOf(
      InvalidArgumentException,
    );
    expect(execd.requests).toEqual([]);
  });
});
