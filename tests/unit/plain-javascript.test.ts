import { describe, expect, test } from "@jest/globals";
import { CodeInterpreter } from "../../src/code-interpreter.js";
import { ConnectionConfig } from "../../src/connection.js";
import { InvalidArgumentException } from "../../src/errors.js";
import { Run } from "../../src/execution/run.js";
import { SandboxManager } from "../../src/sandbox-manager.js";
import { Sandbox } from "../../src/sandbox.js";
import { IsolatedSession } from "../../src/services/isolated/isolated-session.js";
import { CommandSession } from "../../src/services/sessions.js";
import { RetryPolicy } from "../../src/retry-policy.js";
import { FACADE_CALLS } from "../helpers/facade-calls.js";
import { FakeLifecycle, ID } from "../helpers/fake-server.js";

/** The objects of a call, and the value of any type in the place of its options. */
interface Given {
  readonly options: never;
  readonly sandbox: Sandbox;
  readonly interpreter: CodeInterpreter;
  readonly manager: SandboxManager;
  readonly session: CommandSession;
  readonly isolated: IsolatedSession;
}

const next = (iterable: AsyncIterable<unknown>): Promise<unknown> => iterable[Symbol.asyncIterator]().next();

/** Every public method that takes options, by the names of `FACADE_CALLS`. */
const CALLS: Readonly<Record<string, (given: Given) => unknown>> = {
  "Sandbox.create": ({ options }) => Sandbox.create(options),
  "Sandbox.connect": ({ options }) => Sandbox.connect(options),
  "Sandbox.getOrCreate": ({ options }) => Sandbox.getOrCreate("agent-1", options),
  "Sandbox.resume": ({ options }) => Sandbox.resume(options),
  "Sandbox.prototype.capabilities": ({ sandbox, options }) => sandbox.capabilities(options),
  "Sandbox.prototype.getInfo": ({ sandbox, options }) => sandbox.getInfo(options),
  "Sandbox.prototype.isHealthy": ({ sandbox, options }) => sandbox.isHealthy(options),
  "Sandbox.prototype.getMetrics": ({ sandbox, options }) => sandbox.getMetrics(options),
  "Sandbox.prototype.waitUntilReady": ({ sandbox, options }) => sandbox.waitUntilReady(options),
  "Sandbox.prototype.pause": ({ sandbox, options }) => sandbox.pause(options),
  "Sandbox.prototype.resume": ({ sandbox, options }) => sandbox.resume(options),
  "Sandbox.prototype.renew": ({ sandbox, options }) => sandbox.renew(900, options),
  "Sandbox.prototype.patchMetadata": ({ sandbox, options }) => sandbox.patchMetadata({ a: "b" }, options),
  "Sandbox.prototype.waitForPort": ({ sandbox, options }) => sandbox.waitForPort(8080, options),
  "Sandbox.prototype.getEndpoint": ({ sandbox, options }) => sandbox.getEndpoint(8080, options),
  "Sandbox.prototype.getSignedEndpoint": ({ sandbox, options }) =>
    sandbox.getSignedEndpoint(8080, 4_102_444_800, options),
  "Sandbox.prototype.createSnapshot": ({ sandbox, options }) => sandbox.createSnapshot(options),
  "Sandbox.prototype.fork": ({ sandbox, options }) => sandbox.fork(options),
  "Sandbox.prototype.getDiagnostics": ({ sandbox, options }) => sandbox.getDiagnostics("logs", options),
  "Sandbox.prototype.kill": ({ sandbox, options }) => sandbox.kill(options),

  "SandboxManager.create": ({ options }) => SandboxManager.create(options),
  "SandboxManager.prototype.listSandboxInfos": ({ manager, options }) =>
    manager.listSandboxInfos({}, options),
  "SandboxManager.prototype.getSandboxInfo": ({ manager, options }) => manager.getSandboxInfo(ID, options),
  "SandboxManager.prototype.killSandbox": ({ manager, options }) => manager.killSandbox(ID, options),
  "SandboxManager.prototype.pauseSandbox": ({ manager, options }) => manager.pauseSandbox(ID, options),
  "SandboxManager.prototype.resumeSandbox": ({ manager, options }) => manager.resumeSandbox(ID, options),
  "SandboxManager.prototype.renewSandbox": ({ manager, options }) => manager.renewSandbox(ID, 900, options),
  "SandboxManager.prototype.patchSandboxMetadata": ({ manager, options }) =>
    manager.patchSandboxMetadata(ID, { a: "b" }, options),
  "SandboxManager.prototype.createSnapshot": ({ manager, options }) => manager.createSnapshot(ID, options),
  "SandboxManager.prototype.getSnapshot": ({ manager, options }) => manager.getSnapshot("s", options),
  "SandboxManager.prototype.listSnapshots": ({ manager, options }) => manager.listSnapshots({}, options),
  "SandboxManager.prototype.deleteSnapshot": ({ manager, options }) => manager.deleteSnapshot("s", options),
  "SandboxManager.prototype.createTemplate": ({ manager, options }) => manager.createTemplate(options),
  "SandboxManager.prototype.getTemplate": ({ manager, options }) => manager.getTemplate("t", options),
  "SandboxManager.prototype.listTemplates": ({ manager, options }) => manager.listTemplates({}, options),
  "SandboxManager.prototype.deleteTemplate": ({ manager, options }) => manager.deleteTemplate("t", options),

  "CodeInterpreter.create": ({ sandbox, options }) => CodeInterpreter.create(sandbox, options),

  "CodeInterpreter.launch": ({ options }) => CodeInterpreter.launch(options),
  "Codes.prototype.run": ({ interpreter, options }) => interpreter.codes.run("1", options),
  "Codes.prototype.runStream": ({ interpreter, options }) =>
    next(interpreter.codes.runStream({ code: "1" }, options)),
  "Codes.prototype.createContext": ({ interpreter, options }) =>
    interpreter.codes.createContext("python", options),
  "Codes.prototype.getContext": ({ interpreter, options }) => interpreter.codes.getContext("c", options),
  "Codes.prototype.listContexts": ({ interpreter, options }) =>
    interpreter.codes.listContexts("python", options),
  "Codes.prototype.deleteContext": ({ interpreter, options }) =>
    interpreter.codes.deleteContext("c", options),
  "Codes.prototype.deleteContexts": ({ interpreter, options }) =>
    interpreter.codes.deleteContexts("python", options),
  "Codes.prototype.interrupt": ({ interpreter, options }) => interpreter.codes.interrupt("c", options),

  "Commands.prototype.run": ({ sandbox, options }) => sandbox.commands.run("ls", options),
  "Commands.prototype.runStream": ({ sandbox, options }) => next(sandbox.commands.runStream("ls", options)),
  "Commands.prototype.interrupt": ({ sandbox, options }) => sandbox.commands.interrupt("c", options),
  "Commands.prototype.getStatus": ({ sandbox, options }) => sandbox.commands.getStatus("c", options),
  "Commands.prototype.getLogs": ({ sandbox, options }) => sandbox.commands.getLogs("c", options),
  "Commands.prototype.followLogs": ({ sandbox, options }) => next(sandbox.commands.followLogs("c", options)),
  "Commands.prototype.createSession": ({ sandbox, options }) => sandbox.commands.createSession(options),
  "Commands.prototype.start": ({ sandbox, options }) => sandbox.commands.start("ls", options),
  "CommandHandle.prototype.status": ({ sandbox, options }) => sandbox.commands.attach("c").status(options),
  "CommandHandle.prototype.logs": ({ sandbox, options }) => sandbox.commands.attach("c").logs(options),
  "CommandHandle.prototype.follow": ({ sandbox, options }) =>
    next(sandbox.commands.attach("c").follow(options)),
  "CommandHandle.prototype.wait": ({ sandbox, options }) => sandbox.commands.attach("c").wait(options),
  "CommandHandle.prototype.waitForOutput": ({ sandbox, options }) =>
    sandbox.commands.attach("c").waitForOutput("ready", options),
  "CommandHandle.prototype.kill": ({ sandbox, options }) => sandbox.commands.attach("c").kill(options),
  "Terminals.prototype.create": ({ sandbox, options }) => sandbox.terminals.create(options),
  "Terminals.prototype.get": ({ sandbox, options }) => sandbox.terminals.get("t", options),
  "Terminals.prototype.delete": ({ sandbox, options }) => sandbox.terminals.delete("t", options),
  "CredentialVault.prototype.create": ({ sandbox, options }) =>
    sandbox.credentialVault.create({ credentials: [], bindings: [] }, options),
  "CredentialVault.prototype.get": ({ sandbox, options }) => sandbox.credentialVault.get(options),
  "CredentialVault.prototype.patch": ({ sandbox, options }) => sandbox.credentialVault.patch({}, options),
  "CredentialVault.prototype.delete": ({ sandbox, options }) => sandbox.credentialVault.delete(options),
  "CredentialVault.prototype.listCredentials": ({ sandbox, options }) =>
    sandbox.credentialVault.listCredentials(options),
  "CredentialVault.prototype.getCredential": ({ sandbox, options }) =>
    sandbox.credentialVault.getCredential("a", options),
  "CredentialVault.prototype.listBindings": ({ sandbox, options }) =>
    sandbox.credentialVault.listBindings(options),
  "CredentialVault.prototype.getBinding": ({ sandbox, options }) =>
    sandbox.credentialVault.getBinding("a", options),
  "Egress.prototype.get": ({ sandbox, options }) => sandbox.egress.get(options),
  "Egress.prototype.replace": ({ sandbox, options }) => sandbox.egress.replace({}, options),
  "Egress.prototype.patch": ({ sandbox, options }) =>
    sandbox.egress.patch([{ action: "allow", target: "a" }], options),
  "Egress.prototype.delete": ({ sandbox, options }) => sandbox.egress.delete(["a"], options),
  "Isolated.prototype.capabilities": ({ sandbox, options }) => sandbox.isolated.capabilities(options),
  "Isolated.prototype.create": ({ sandbox, options }) => sandbox.isolated.create(options),
  "Isolated.prototype.list": ({ sandbox, options }) => sandbox.isolated.list(options),
  "Isolated.prototype.runOnce": ({ sandbox, options }) => sandbox.isolated.runOnce("ls", options),
  "Isolated.prototype.withSession": ({ sandbox, options }) =>
    sandbox.isolated.withSession(options, () => undefined),
  "IsolatedSession.prototype.run": ({ isolated, options }) => isolated.run("ls", options),
  "IsolatedSession.prototype.start": ({ isolated, options }) => isolated.start("ls", options),
  "IsolatedSession.prototype.getRun": ({ isolated, options }) => isolated.getRun("r", options),
  "IsolatedSession.prototype.getRunLogs": ({ isolated, options }) => isolated.getRunLogs("r", options),
  "IsolatedSession.prototype.getInfo": ({ isolated, options }) => isolated.getInfo(options),
  "IsolatedSession.prototype.delete": ({ isolated, options }) => isolated.delete(options),
  "CommandSession.prototype.run": ({ session, options }) => session.run("ls", options),
  "CommandSession.prototype.delete": ({ session, options }) => session.delete(options),

  "Files.prototype.readFile": ({ sandbox, options }) => sandbox.files.readFile("f", options),
  "Files.prototype.readBytes": ({ sandbox, options }) => sandbox.files.readBytes("f", options),
  "Files.prototype.readBytesStream": ({ sandbox, options }) => sandbox.files.readBytesStream("f", options),
  "Files.prototype.writeFiles": ({ sandbox, options }) =>
    sandbox.files.writeFiles([{ path: "f", data: "" }], options),
  "Files.prototype.writeFile": ({ sandbox, options }) => sandbox.files.writeFile("f", "", options),
  "Files.prototype.deleteFile": ({ sandbox, options }) => sandbox.files.deleteFile("f", options),
  "Files.prototype.getInfo": ({ sandbox, options }) => sandbox.files.getInfo("f", options),
  "Files.prototype.exists": ({ sandbox, options }) => sandbox.files.exists("f", options),
  "Files.prototype.upload": ({ sandbox, options }) => sandbox.files.upload("f", "f", options),
  "Files.prototype.download": ({ sandbox, options }) => sandbox.files.download("f", "f", options),
  "Files.prototype.deleteFiles": ({ sandbox, options }) => sandbox.files.deleteFiles(["f"], options),
  "Files.prototype.deleteDirectories": ({ sandbox, options }) =>
    sandbox.files.deleteDirectories(["f"], options),
  "Files.prototype.getFileInfo": ({ sandbox, options }) => sandbox.files.getFileInfo(["f"], options),
  "Files.prototype.search": ({ sandbox, options }) => sandbox.files.search("f", options),
  "Files.prototype.listDirectory": ({ sandbox, options }) => sandbox.files.listDirectory("f", options),
  "Files.prototype.createDirectories": ({ sandbox, options }) =>
    sandbox.files.createDirectories(["f"], options),
  "Files.prototype.moveFiles": ({ sandbox, options }) =>
    sandbox.files.moveFiles([{ src: "f", dest: "g" }], options),
  "Files.prototype.replaceContents": ({ sandbox, options }) =>
    sandbox.files.replaceContents([{ path: "f", oldContent: "a", newContent: "b" }], options),
  "Files.prototype.setPermissions": ({ sandbox, options }) =>
    sandbox.files.setPermissions([{ path: "f", mode: "644" }], options),

  "Metrics.prototype.getMetrics": ({ sandbox, options }) => sandbox.metrics.getMetrics(options),
  "Metrics.prototype.watch": ({ sandbox, options }) => next(sandbox.metrics.watch(options)),
  "Health.prototype.ping": ({ sandbox, options }) => sandbox.health.ping(options),
  "Health.prototype.isHealthy": ({ sandbox, options }) => sandbox.health.isHealthy(options),
};
const WITHOUT_OPTIONS = /\.(close|attach|attachSession|\[asyncDispose\])$/;
/** Values that callers in JavaScript pass instead of options, such as a language in the wrong place. */
const NO_OPTIONS: readonly unknown[] = [null, "go", 5, true, [], () => undefined];

async function given(server: FakeLifecycle): Promise<Omit<Given, "options">> {
  const connectionConfig = server.config();
  const sandbox = await Sandbox.connect({ sandboxId: ID, connectionConfig, skipHealthCheck: true });
  return {
    sandbox,
    interpreter: await CodeInterpreter.create(sandbox),
    manager: SandboxManager.create({ connectionConfig }),
    session: new CommandSession("s", sandbox.link, new Set()),
    isolated: new IsolatedSession(sandbox.link, "s"),
  };
}

/** What a call gives or throws; in a box, as a promise would be awaited. */
function begin(call: () => unknown): { readonly isThrown: boolean; readonly value: unknown } {
  try {
    return { isThrown: false, value: call() };
  } catch (error) {
    return { isThrown: true, value: error };
  }
}

/** What a call comes to. */
async function failureOf(call: () => unknown): Promise<unknown> {
  try {
    return await call();
  } catch (error) {
    return error;
  }
}

describe("a value other than an object as options", () => {
  test("every method that takes options is tested", () => {
    const all = Object.keys(FACADE_CALLS).filter((name) => !WITHOUT_OPTIONS.test(name));
    expect(Object.keys(CALLS).sort()).toEqual(all.sort());
  });

  test.each(Object.entries(CALLS))("%s refuses it, and sends nothing", async (name, call) => {
    const server = new FakeLifecycle();
    const world = await given(server);
    const before = server.routes.length;
    for (const options of NO_OPTIONS) {
      const outcome = begin(() => call({ ...world, options: options as never }));
      // Only a method that returns no promise may throw.
      expect(outcome.isThrown).toBe(name === "SandboxManager.create");
      const error = await failureOf(() => outcome.value);
      expect(error).toBeInstanceOf(InvalidArgumentException);
      expect(String(error)).toContain("options must be an object; got ");
    }
    expect(server.routes).toHaveLength(before);
  });

  test.each([
    ["new ConnectionConfig", (it: never) => new ConnectionConfig(it), "connectionConfig"],
    ["ConnectionConfig.from", (it: never) => ConnectionConfig.from(it), "connectionConfig"],
    ["ConnectionConfig.with", (it: never) => new ConnectionConfig().with(it), "overrides"],
    ["new RetryPolicy", (it: never) => new RetryPolicy(it), "retryPolicy"],
    ["retryPolicy", (it: never) => new ConnectionConfig({ retryPolicy: it }), "retryPolicy"],
    ["connectionConfig", (it: never) => SandboxManager.create({ connectionConfig: it }), "connectionConfig"],
  ])("%s refuses it", (_, construct, named) => {
    for (const options of NO_OPTIONS) {
      const construction = () => construct(options as never);
      expect(construction).toThrow(InvalidArgumentException);
      expect(construction).toThrow(`${named} must be an object; got `);
    }
  });

  test.each<[string, string, (given: Given) => unknown]>([
    ["a filter", "filter", ({ manager, options }) => manager.listSandboxInfos(options)],
    ["a filter of snapshots", "filter", ({ manager, options }) => manager.listSnapshots(options)],
    ["a request", "request", ({ interpreter, options }) => next(interpreter.codes.runStream(options))],
    ["a context", "context", ({ interpreter, options }) => interpreter.codes.run("1", { context: options })],
    [
      "a context of a stream",
      "context",
      ({ interpreter, options }) => next(interpreter.codes.runStream({ code: "1", context: options })),
    ],
    ["a range", "range", ({ sandbox, options }) => sandbox.files.readBytes("f", { range: options })],
    ["lines", "lines", ({ sandbox, options }) => sandbox.files.readFile("f", { lines: options })],
    ["a page's options", "options", async ({ manager, options }) => await nextPage(manager, options)],
    ["an interrupt's options", "options", ({ options }) => endedRun().interrupt(options)],
  ])("%s is rejected too, and named in the error", async (_, named, call) => {
    const server = new FakeLifecycle();
    server.on("GET /sandboxes", () =>
      Response.json({ items: [], pagination: { page: 1, hasNextPage: true } }),
    );
    const world = await given(server);
    // Code may be a string instead of a request.
    const values = NO_OPTIONS.filter((value) => named !== "request" || typeof value !== "string");
    for (const options of values) {
      const error = await failureOf(() => call({ ...world, options: options as never }));
      expect(error).toBeInstanceOf(InvalidArgumentException);
      expect(String(error)).toContain(`${named} must be an object; got `);
    }
  });

  test("null and other values instead of a part of a new sandbox's options are refused", async () => {
    const objects = ["networkPolicy", "credentialProxy", "lifecycle", "metadata", "extensions"] as const;
    for (const field of [...objects, "volumes", "platform"] as const) {
      for (const value of ["deny", 5, true, 10n]) {
        const error = await failureOf(() => Sandbox.create({ [field]: value as never }));
        expect(error).toBeInstanceOf(InvalidArgumentException);
      }
    }
  });
});

describe("a run never throws synchronously", () => {
  const broken = () => {
    throw new Error("a getter's own");
  };

  test("an error that a getter of the options throws rejects the handle, unchanged", async () => {
    const { interpreter, sandbox, session } = await given(new FakeLifecycle());
    for (const property of ["context", "handlers", "maxOutputBytes", "signal", "background"]) {
      const options = Object.defineProperty({}, property, { get: broken, enumerable: true });
      for (const run of [
        () => interpreter.codes.run("1", options),
        () => sandbox.commands.run("ls", options),
        () => session.run("ls", options),
      ]) {
        const handle = run();
        expect(handle).toBeInstanceOf(Run);
        if (property !== "context" && property !== "background")
          await expect(handle).rejects.toThrow("a getter's own");
      }
    }
  });

  test("nor for a bound that is not a number", async () => {
    const { interpreter } = await given(new FakeLifecycle());
    for (const maxOutputBytes of [Symbol("s"), 10n, Object.create(null)] as never[]) {
      await expect(interpreter.codes.run("1", { maxOutputBytes })).rejects.toThrow(
        "maxOutputBytes must be an integer of at least 1",
      );
    }
  });
});

test("a context in the place of options is refused: the code would run in its language's default context", async () => {
  const server = new FakeLifecycle();
  const { interpreter } = await given(server);
  const before = server.routes.length;
  const context = { id: "c", language: "python" };
  await expect(interpreter.codes.run("1", context)).rejects.toThrow(
    "A context must be passed as { context }.",
  );
  expect(server.routes).toHaveLength(before);
});

test("a value that cannot be converted to text is named by its type", async () => {
  const { sandbox } = await given(new FakeLifecycle());
  const odd = Object.create(null) as never;
  await expect(sandbox.commands.run("ls", { timeoutSeconds: odd })).rejects.toThrow("got object.");
  expect(() => new RetryPolicy({ maxRetries: odd })).toThrow("object.");
  expect(() => new RetryPolicy({ initialBackoffMillis: Symbol("s") as never })).toThrow("symbol.");
  expect(() => new ConnectionConfig({ protocol: 10n as never })).toThrow("got bigint.");
  await expect(sandbox.files.readFile("f", { encoding: 10n as never })).rejects.toThrow("got bigint.");
});

test("isHealthy rejects for an invalid signal", async () => {
  const { sandbox } = await given(new FakeLifecycle());
  await expect(sandbox.isHealthy({ signal: "soon" as never })).rejects.toThrow(InvalidArgumentException);
});

async function nextPage(manager: SandboxManager, options: never): Promise<unknown> {
  return await (await manager.listSandboxInfos()).nextPage(options);
}

function endedRun(): Run {
  const run = new Run({
    kind: "code",
    source: () => {
      throw new InvalidArgumentException("It has ended.");
    },
  });
  run.catch(() => undefined);
  return run;
}
