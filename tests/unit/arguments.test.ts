import { describe, expect, test } from "@jest/globals";
import { CodeInterpreter } from "../../src/code-interpreter.js";
import { InvalidArgumentException } from "../../src/errors.js";
import { Sandbox } from "../../src/sandbox.js";
import { FakeLifecycle, ID } from "../helpers/fake-server.js";
import { failureOf } from "../helpers/promises.js";

async function given() {
  const server = new FakeLifecycle();
  const sandbox = await Sandbox.connect({
    sandboxId: ID,
    connectionConfig: server.config(),
    skipHealthCheck: true,
  });
  const { codes } = await CodeInterpreter.create(sandbox);
  return { server, sandbox, codes, before: server.routes.length };
}

describe("an option under another SDK's name", () => {
  const noop = () => undefined;
  test.each<[object, string]>([
    [{ onStdout: noop }, "onStdout is not an option of this SDK; use handlers: { onStdout }."],
    [{ onError: noop }, "use handlers: { onError }."],
    [{ timeout: 5 }, "use timeoutSeconds, or signal: AbortSignal.timeout(milliseconds)."],
    [{ timeoutMs: 5_000 }, "use timeoutSeconds"],
    [{ envs: { A: "1" } }, "envs is not an option of this SDK; use env."],
    [{ workingDirectory: "/tmp" }, "use cwd."],
    [{ apiKey: "key" }, "use connectionConfig.apiKey."],
    [{ healthCheckPollingInterval: 5 }, "use healthCheckPollingIntervalMillis."],
  ])("is refused with the right name before anything is sent: %j", async (options, message) => {
    const { server, sandbox, codes, before } = await given();
    const session = sandbox.commands.attachSession("s");
    for (const call of [
      () => codes.run("1", options),
      () => codes.runStream("1", options)[Symbol.asyncIterator]().next(),
      () => codes.createContext("python", options),
      () => sandbox.commands.run("ls", options),
      () => sandbox.commands.start("ls", options),
      () => session.run("ls", options),
      () => sandbox.files.readFile("/a", options),
      () => Sandbox.create({ connectionConfig: server.config(), ...options }),
      () => CodeInterpreter.launch({ connectionConfig: server.config(), ...options }),
    ]) {
      const error = await failureOf(call());
      expect(error).toBeInstanceOf(InvalidArgumentException);
      expect(String(error)).toContain(message);
    }
    expect(server.routes).toHaveLength(before);
  });

  test("is ignored if it is undefined, as is any other property", async () => {
    const { server, sandbox } = await given();
    const options = { timeout: undefined, onlyMine: 1, toString: 2 };
    server.on("GET /files/info", () =>
      Response.json({ code: "FILE_NOT_FOUND", message: "" }, { status: 404 }),
    );
    expect(await sandbox.files.exists("/a", options as never)).toBe(false);
  });
});

describe("a language", () => {
  test.each([
    ["js", "javascript"],
    ["JS", "javascript"],
    ["Python", "python"],
    ["python3", "python"],
    ["golang", "go"],
    [" bash", "bash"],
  ])("is refused as %j, with the known names", async (language, meant) => {
    const { server, codes, before } = await given();
    for (const call of [
      () => codes.run("1", { language }),
      () => codes.run("1", { context: { id: "c", language } }),
      () => codes.createContext(language),
      () => codes.listContexts(language),
      () => codes.deleteContexts(language),
    ]) {
      const error = await failureOf(call());
      expect(error).toBeInstanceOf(InvalidArgumentException);
      expect(String(error)).toContain(`must be "${meant}" for this language; got "${language}".`);
      expect(String(error)).toContain("Known names: python, javascript, typescript, go, java, bash.");
    }
    expect(server.routes).toHaveLength(before);
  });

  test("that an image may bring is passed on", async () => {
    const { server, codes } = await given();
    server.on("POST /code/context", ({ body }) => Response.json({ id: "c", ...Object(body) }));
    expect(await codes.createContext("ruby")).toEqual({ id: "c", language: "ruby" });
    expect(await codes.createContext("constructor")).toEqual({ id: "c", language: "constructor" });
  });
});

test("code and commands that are not well-formed Unicode are refused: JSON would change them", async () => {
  const { server, codes, sandbox, before } = await given();
  for (const call of [() => codes.run("'\ud800'"), () => sandbox.commands.run("echo '\ud800'")]) {
    const error = await failureOf(call());
    expect(error).toBeInstanceOf(InvalidArgumentException);
    expect(String(error)).toContain("must be well-formed Unicode");
  }
  expect(server.routes).toHaveLength(before);
});
