import { describe, expect, test } from "@jest/globals";
import { InvalidArgumentException, SandboxApiException } from "../../../src/errors.js";
import type { ExecutionEvent } from "../../../src/execution/event.js";
import { Commands } from "../../../src/services/commands.js";
import { CommandSession } from "../../../src/services/sessions.js";
import { expectExecution } from "../../helpers/expect-execution.js";
import { errorResponse, FakeExecd, LiveBody } from "../../helpers/fake-server.js";
import { failureOf, settle } from "../../helpers/promises.js";
import { complete, init, stdout } from "../../helpers/scripted-run.js";
import { bareFrame, toWire } from "../../helpers/wire.js";

const framesOf = (...events: readonly ExecutionEvent[]): string =>
  events.map((event) => bareFrame(toWire(event))).join("");
const whole = (text: string): string => framesOf(init("s1"), stdout(text), complete);
const created = (): Response => Response.json({ session_id: "s1" });

/** Responds to runs with bodies that the test writes, in order, and to everything else with success. */
function withRuns(...bodies: readonly LiveBody[]): FakeExecd {
  let next = 0;
  return new FakeExecd(({ line }) => {
    if (line === "POST /session") return created();
    if (!line.endsWith("/run")) return new Response(null);
    const body = bodies[next++];
    if (body === undefined) throw new Error("one run too many");
    return body.response;
  });
}

describe("a session", () => {
  test("runs commands, by its object or its id", async () => {
    const execd = new FakeExecd(({ line }) =>
      line === "POST /session" ? created() : new Response(whole("hi")),
    );
    const commands = new Commands(execd.link);
    const session = await commands.createSession({ cwd: "/work" });
    expect(session).toBeInstanceOf(CommandSession);
    expect(session.id).toBe("s1");
    await expectExecution(session.run("echo hi", { cwd: "/tmp" })).toBe({ stdout: "hi\n", exitCode: 0 });
    await expectExecution(commands.attachSession(session.id).run("echo hi")).toPrint("hi\n");
    expect(execd.requests).toMatchObject([
      { line: "POST /session", body: { cwd: "/work" } },
      { line: "POST /session/s1/run", body: { command: "echo hi", cwd: "/tmp" } },
      { line: "POST /session/s1/run", body: { command: "echo hi" } },
    ]);
  });

  test("needs an id in the response", async () => {
    const execd = new FakeExecd(() => Response.json({}));
    expect(await failureOf(new Commands(execd.link).createSession())).toMatchObject({
      error: { code: "UNEXPECTED_RESPONSE" },
    });
  });

  test("is deleted at the end of its scope", async () => {
    const execd = withRuns();
    {
      await using session = await new Commands(execd.link).createSession();
      expect(session.id).toBe("s1");
    }
    expect(execd.lines).toEqual(["POST /session", "DELETE /session/s1"]);
  });

  test("that does not exist any more is an error when it is deleted, but not at the end of its scope", async () => {
    const gone = (): Response => errorResponse(404, "CONTEXT_NOT_FOUND", { message: "session s1 not found" });
    const execd = new FakeExecd(({ line }) => (line === "POST /session" ? created() : gone()));
    await using session = await new Commands(execd.link).createSession();
    const failure = await failureOf(session.delete());
    expect(failure).toBeInstanceOf(SandboxApiException);
    expect(failure).toMatchObject({ statusCode: 404, error: { code: "CONTEXT_NOT_FOUND" } });
  });

  test("that cannot be deleted for another reason is an error there", async () => {
    const execd = new FakeExecd(({ line }) =>
      line === "POST /session" ? created() : errorResponse(500, "RUNTIME_ERROR", { message: "stuck" }),
    );
    const session = await new Commands(execd.link).createSession();
    expect(await failureOf(session[Symbol.asyncDispose]())).toMatchObject({ message: "stuck" });
  });
});

describe("runs in a session", () => {
  test("take turns, until the response of the one before has ended", async () => {
    const [first, second] = [new LiveBody(), new LiveBody().send(whole("2"))];
    second.end();
    const execd = withRuns(first, second);
    const commands = new Commands(execd.link);
    const runs = [commands.attachSession("s1").run("one"), commands.attachSession("s1").run("two")];
    first.send(whole("1"));
    await settle();
    expect(execd.requests).toHaveLength(1);
    first.end();
    expect((await Promise.all(runs)).map((execution) => execution.stdout)).toEqual(["1\n", "2\n"]);
  });

  test("of other sessions, and other commands, do not wait", async () => {
    const [first, second] = [new LiveBody(), new LiveBody().send(whole("2"))];
    second.end();
    const commands = new Commands(withRuns(first, second).link);
    const slow = commands.attachSession("s1").run("one");
    await expectExecution(commands.attachSession("s2").run("two")).toPrint("2\n");
    first.send(whole("1")).end();
    await expectExecution(slow).toPrint("1\n");
  });

  test("are interrupted by ending their request: nothing else is sent", async () => {
    const [first, second] = [new LiveBody(), new LiveBody().send(whole("2"))];
    second.end();
    first.send(framesOf(init("s1"), stdout("begun")));
    const execd = withRuns(first, second);
    const commands = new Commands(execd.link);
    const run = commands.attachSession("s1").run("sleep 9");
    for await (const { type } of run) {
      if (type !== "stdout") continue;
      await run.interrupt();
      break;
    }
    expect(execd.requests[0]?.signal.aborted).toBe(true);
    expect(await failureOf(run)).toMatchObject({
      error: { code: "RUN_CANCELLED" },
      execution: { stdout: "begun\n", exitCode: null },
    });
    await expectExecution(commands.attachSession("s1").run("two")).toPrint("2\n");
    expect(execd.lines).toEqual(["POST /session/s1/run", "POST /session/s1/run"]);
  });

  test("that are aborted reject with the signal's reason and end their request", async () => {
    const execd = withRuns(new LiveBody().send(framesOf(init("s1"))));
    const controller = new AbortController();
    const run = new Commands(execd.link).attachSession("s1").run("sleep 9", {
      signal: controller.signal,
      handlers: {
        onInit: () => {
          controller.abort("enough");
        },
      },
    });
    expect(await failureOf(run)).toBe("enough");
    expect(execd.lines).toEqual(["POST /session/s1/run"]);
    expect(execd.requests[0]?.signal.aborted).toBe(true);
  });

  test("have a deadline, and a later one on the server", async () => {
    const execd = withRuns(new LiveBody().send(framesOf(init("s1"))));
    const run = new Commands(execd.link).attachSession("s1").run("sleep 9", { timeoutSeconds: 0.01 });
    expect(await failureOf(run)).toMatchObject({ error: { code: "RUN_TIMEOUT" } });
    expect(execd.requests).toMatchObject([{ body: { command: "sleep 9", timeout: 2_010 } }]);
    expect(execd.requests[0]?.signal.aborted).toBe(true);
  });

  test("that the server kills have the signal", async () => {
    const killed = { ename: "CommandExecError", evalue: "-1", traceback: ["signal: killed"] };
    const execd = new FakeExecd(() => new Response(bareFrame({ type: "error", error: killed })));
    expect(await new Commands(execd.link).attachSession("s1").run("kill -9 $$")).toMatchObject({
      exitCode: -1,
      signal: "killed",
    });
  });

  test.each([
    ["  ", {}],
    ["ls", { cwd: "" }],
    ["ls", { timeoutSeconds: 0 }],
    ["ls", { handlers: { onStdout: 1 as never } }],
  ])("are refused before anything is sent: %j, %j", async (command, options) => {
    const execd = withRuns();
    const run = new Commands(execd.link).attachSession("s1").run(command, options);
    expect(await failureOf(run)).toBeInstanceOf(InvalidArgumentException);
    expect(execd.requests).toEqual([]);
  });
});

describe("a session's id", () => {
  test("must not be blank", () => {
    expect(() => new Commands(withRuns().link).attachSession(" ")).toThrow(InvalidArgumentException);
  });

  test("is not interrupted, as that would delete the session", async () => {
    const execd = withRuns(new LiveBody().send(framesOf(init("s2"))));
    const commands = new Commands(execd.link);
    const { id } = await commands.createSession();
    expect(await failureOf(commands.interrupt(id))).toBeInstanceOf(InvalidArgumentException);
    const run = commands.attachSession("s2").run("sleep 9");
    await settle();
    expect(await failureOf(commands.interrupt("s2"))).toBeInstanceOf(InvalidArgumentException);
    expect(execd.lines).toEqual(["POST /session", "POST /session/s2/run"]);
    const ended = failureOf(run);
    await run.interrupt();
    expect(await ended).toMatchObject({ error: { code: "RUN_CANCELLED" } });
  });
});
