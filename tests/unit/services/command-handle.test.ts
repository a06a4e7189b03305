import { describe, expect, test } from "@jest/globals";
import { InvalidArgumentException } from "../../../src/errors.js";
import { Commands } from "../../../src/services/commands.js";
import { bareFrame } from "../../helpers/wire.js";
import { errorResponse, FakeExecd } from "../../helpers/fake-server.js";
import { failureOf, settle } from "../../helpers/promises.js";

const started = { id: "c1", content: "sleep 9", started_at: "2026-11-23T16:45:06Z" };
const running = { ...started, running: true };
const ended = { ...started, running: false, exit_code: 3, finished_at: "2026-11-23T16:45:07Z" };
const init = bareFrame({ type: "init", text: "c1" });
const complete = bareFrame({ type: "execution_complete" });
const notRunning = () =>
  errorResponse(500, "RUNTIME_ERROR", { message: "command session c1 is not running" });

/** An execd with a sequence of responses for each kind of request. */
function execd(responses: Readonly<Record<string, readonly (() => Response)[]>>): FakeExecd {
  const counts = new Map<string, number>();
  return new FakeExecd(({ line }) => {
    const kind = Object.keys(responses).find((prefix) => line.startsWith(prefix)) ?? "";
    const count = counts.get(kind) ?? 0;
    counts.set(kind, count + 1);
    const response = responses[kind]?.at(Math.min(count, responses[kind].length - 1));
    if (response === undefined) throw new RangeError(`Unexpected request: ${line}`);
    return response();
  });
}

describe("commands.start", () => {
  test("runs the command in the background and resolves to a handle with its id", async () => {
    const server = execd({ "POST /command": [() => new Response(init + complete)] });
    const handle = await new Commands(server.link).start("sleep 9", { cwd: "/tmp" });
    expect(handle.id).toBe("c1");
    expect(server.requests[0]?.body).toEqual({ command: "sleep 9", cwd: "/tmp", background: true });
  });

  test("rejects if the response has no id", async () => {
    const server = execd({ "POST /command": [() => new Response(complete)] });
    expect(await failureOf(new Commands(server.link).start("sleep 9"))).toMatchObject({
      code: "UNEXPECTED_RESPONSE",
    });
  });

  test("refuses a blank command, and attach a blank id", async () => {
    const commands = new Commands(execd({}).link);
    expect(await failureOf(commands.start(" "))).toBeInstanceOf(InvalidArgumentException);
    expect(() => commands.attach("")).toThrow(InvalidArgumentException);
  });
});

describe("a handle", () => {
  test("waits until the command has ended", async () => {
    const server = execd({
      "GET /command/status/": [() => Response.json(running), () => Response.json(ended)],
    });
    expect(await new Commands(server.link).attach("c1").wait()).toMatchObject({
      isRunning: false,
      exitCode: 3,
    });
    expect(server.lines).toHaveLength(2);
  });

  test("stops waiting at an abort, with the abort's reason", async () => {
    const server = execd({ "GET /command/status/": [() => Response.json(running)] });
    const reason = new Error("enough");
    const waiting = new Commands(server.link).attach("c1").wait({ signal: abortedLater(reason) });
    expect(await failureOf(waiting)).toBe(reason);
  });

  test("kills the command", async () => {
    const server = execd({ "DELETE /command": [() => new Response()] });
    await new Commands(server.link).attach("c1").kill();
    expect(server.lines).toEqual(["DELETE /command?id=c1"]);
  });

  test("kills the command when it is disposed of", async () => {
    const server = execd({ "DELETE /command": [() => new Response()] });
    {
      await using handle = new Commands(server.link).attach("c1");
      expect(handle.id).toBe("c1");
    }
    expect(server.lines).toEqual(["DELETE /command?id=c1"]);
  });

  test("succeeds in killing a command that has ended", async () => {
    const server = execd({
      "DELETE /command": [notRunning],
      "GET /command/status/": [() => Response.json(ended)],
    });
    await new Commands(server.link).attach("c1").kill();
    expect(server.lines).toEqual(["DELETE /command?id=c1", "GET /command/status/c1"]);
  });

  test("sends the kill again if the server does not know a command yet that has just started", async () => {
    const server = execd({
      "DELETE /command": [notRunning, () => new Response()],
      "GET /command/status/": [() => Response.json(running)],
    });
    await new Commands(server.link).attach("c1").kill();
    expect(server.lines.filter((line) => line.startsWith("DELETE"))).toHaveLength(2);
  });

  test("rejects if the command continues", async () => {
    const server = execd({
      "DELETE /command": [notRunning],
      "GET /command/status/": [() => Response.json(running)],
    });
    expect(await failureOf(new Commands(server.link).attach("c1").kill())).toMatchObject({
      code: "RUNTIME_ERROR",
    });
  });
});

describe("a command as a list of arguments", () => {
  const oldServer = () =>
    execd({
      "POST /command": [
        () =>
          errorResponse(400, "INVALID_REQUEST_BODY", {
            message:
              "invalid request, validation error Key: 'RunCommandRequest.Command' Error:Field validation for 'Command' failed on the 'required' tag",
          }),
        () => new Response(init + complete),
      ],
    });

  test("is sent as argv", async () => {
    const server = execd({ "POST /command": [() => new Response(init + complete)] });
    await new Commands(server.link).run(["printf", "%s", "it's"]);
    expect(server.requests.map(({ body }) => body)).toEqual([{ argv: ["printf", "%s", "it's"] }]);
  });

  test("is quoted for the shell on servers that do not know argv, which are asked once", async () => {
    const server = oldServer();
    const commands = new Commands(server.link);
    await commands.run(["printf", "%s", "it's"]);
    await commands.run(["ls"]);
    expect(server.requests.map(({ body }) => body)).toEqual([
      { argv: ["printf", "%s", "it's"] },
      { command: "exec 'printf' '%s' 'it'\\''s'" },
      { command: "exec 'ls'" },
    ]);
  });

  test.each<[string, unknown]>([
    ["no program", []],
    ["an empty program", ["", "a"]],
    ["a number", ["sleep", 1]],
    ["NUL", ["echo", "a\0b"]],
  ])("is refused with %s before anything is sent", async (_, command) => {
    const server = execd({});
    expect(await failureOf(new Commands(server.link).run(command as never))).toBeInstanceOf(
      InvalidArgumentException,
    );
    expect(server.lines).toEqual([]);
  });
});

describe("a long command", () => {
  test.each([
    ["a script of 128 KiB", "x".repeat(128 * 1_024)],
    ["a script with characters of several bytes", "€".repeat(44_000)],
    ["a list of arguments", ["echo", "x".repeat(128 * 1_024)]],
  ])("is rejected before it is sent, with advice: %s", async (_, command) => {
    const server = execd({});
    const error = await failureOf(new Commands(server.link).run(command));
    expect(error).toBeInstanceOf(InvalidArgumentException);
    expect(String(error)).toMatch(/at most 131071 bytes long; got \d+\..*files\.writeFile/);
    expect(server.lines).toEqual([]);
  });

  test("is sent up to the limit", async () => {
    const server = execd({ "POST /command": [() => new Response(init + complete)] });
    await new Commands(server.link).run("x".repeat(128 * 1_024 - 1));
    expect(server.lines).toEqual(["POST /command"]);
  });
});

function abortedLater(reason: unknown): AbortSignal {
  const controller = new AbortController();
  void settle().then(() => controller.abort(reason));
  return controller.signal;
}
