import { beforeEach, describe, expect, test } from "@jest/globals";
import { CodeInterpreter } from "../../src/code-interpreter.js";
import { InvalidArgumentException } from "../../src/errors.js";
import { Sandbox } from "../../src/sandbox.js";
import { FakeLifecycle, ID } from "../helpers/fake-server.js";
import { failureOf } from "../helpers/promises.js";
import { complete, init } from "../helpers/scripted-run.js";
import { toWire } from "../helpers/wire.js";

const KILL = `DELETE /sandboxes/${ID}`;
let server: FakeLifecycle;
beforeEach(() => {
  server = new FakeLifecycle();
  const events = [init(), complete].map((event) => `${JSON.stringify(toWire(event))}\n\n`);
  server.on("POST /code", () => new Response(events.join("")));
});

describe("CodeInterpreter.launch", () => {
  test("creates a sandbox with the given options", async () => {
    const interpreter = await CodeInterpreter.launch({
      connectionConfig: server.config(),
      env: { A: "1" },
      timeoutSeconds: 60,
    });
    expect(interpreter.id).toBe(ID);
    expect(server.only("POST /sandboxes").body).toMatchObject({ env: { A: "1" }, timeout: 60 });
  });

  test.each([undefined, false, true])(
    "kills the sandbox when disposed of: killOnDispose %s",
    async (given) => {
      {
        await using interpreter = await CodeInterpreter.launch({
          connectionConfig: server.config(),
          killOnDispose: given,
        });
        await interpreter.codes.run("1");
      }
      expect(server.routes.at(-1)).toBe(KILL);
    },
  );

  test("leaves no sandbox behind when it fails", async () => {
    server.on("GET /ping", () => Response.json({ code: "X", message: "no" }, { status: 401 }));
    expect(await failureOf(CodeInterpreter.launch({ connectionConfig: server.config() }))).toMatchObject({
      code: "X",
    });
    expect(server.routes.at(-1)).toBe(KILL);
  });
});

describe("CodeInterpreter.create", () => {
  test("leaves the sandbox as it is when disposed of", async () => {
    const sandbox = await Sandbox.connect({ sandboxId: ID, connectionConfig: server.config() });
    {
      await using interpreter = await CodeInterpreter.create(sandbox);
      await interpreter.codes.run("1");
    }
    expect(server.routes).not.toContain(KILL);
    expect(await sandbox.isHealthy()).toBe(true);
  });

  test("refuses anything but a sandbox", async () => {
    for (const value of [undefined, ID, {}]) {
      expect(await failureOf(CodeInterpreter.create(value as never))).toBeInstanceOf(
        InvalidArgumentException,
      );
    }
  });
});

describe("codes.runStream", () => {
  const bodyOf = async (...input: Parameters<CodeInterpreter["codes"]["runStream"]>): Promise<unknown> => {
    const sandbox = await Sandbox.connect({ sandboxId: ID, connectionConfig: server.config() });
    const { codes } = await CodeInterpreter.create(sandbox);
    const types: string[] = [];
    for await (const { type } of codes.runStream(...input)) types.push(type);
    expect(types).toEqual(["init", "execution_complete"]);
    return server.only("POST /code").body;
  };

  test.each<[string, Parameters<CodeInterpreter["codes"]["runStream"]>, object]>([
    ["code alone", ["1"], { code: "1", context: { language: "python" } }],
    ["code and a language", ["1", { language: "go" }], { code: "1", context: { language: "go" } }],
    [
      "code and a context",
      ["1", { context: { id: "c", language: "bash" } }],
      { code: "1", context: { id: "c", language: "bash" } },
    ],
    [
      "a request, as in C#",
      [{ code: "1", context: { language: "java" } }],
      { code: "1", context: { language: "java" } },
    ],
  ])("takes %s", async (_, input, body) => {
    expect(await bodyOf(...input)).toEqual(body);
  });

  test.each<[string, unknown, unknown]>([
    ["a language and a context", "1", { language: "go", context: { id: "c", language: "bash" } }],
    ["a language beside a request", { code: "1" }, { language: "go" }],
    ["handlers, which a stream does not call", "1", { handlers: {} }],
    ["a bound, since a stream keeps nothing", "1", { maxOutputBytes: 5 }],
    ["blank code", " ", {}],
    ["code with half a character", "s = '\ud83d'", {}],
  ])("refuses %s", async (_, code, options) => {
    expect(await failureOf(bodyOf(code as never, options as never))).toBeInstanceOf(InvalidArgumentException);
    expect(server.routes).not.toContain("POST /code");
  });
});
