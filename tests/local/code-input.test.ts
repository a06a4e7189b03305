import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { CodeInterpreter, type ExecutionHandlers, type InputRequest } from "../../src/index.js";
import { startLocalServer, type LocalServer } from "../../src/local/index.js";
import { LocalClient } from "../helpers/local-sandbox.js";
import { describeIf, hasPython, isolationWorks, NO_ISOLATION_REASON } from "../helpers/skips.js";

const isPossible = isolationWorks && hasPython;
const describeInput = describeIf(isPossible, "local/code-input", `${NO_ISOLATION_REASON}, or no Python`);

let server: LocalServer;
let interpreter: CodeInterpreter;

beforeAll(async () => {
  if (!isPossible) return;
  server = await startLocalServer({ port: false });
  interpreter = await CodeInterpreter.launch({ connectionConfig: server.connectionConfig });
});
afterAll(async () => {
  if (isPossible) await server.close();
});

/** Answers from a list, and records what it was asked. */
function answers(...given: readonly string[]) {
  const asked: Omit<InputRequest, "signal">[] = [];
  const rest = [...given];
  const onInput: ExecutionHandlers["onInput"] = ({ prompt, isPassword }) => {
    asked.push({ prompt, isPassword });
    return rest.shift();
  };
  return { asked, handlers: { onInput } };
}

describeInput("code that asks for input", () => {
  test("gets lines from the handler, which sees the prompt, in order with output", async () => {
    const { asked, handlers } = answers("Ada Löv", "", "secret");
    const code = `
name = input("Name? ")
print("hello", name)
empty = input()
import getpass
password = getpass.getpass("Password: ")
(name, empty, password)`;
    const { text, stdout, error } = await interpreter.codes.run(code, { handlers });
    expect({ text, stdout, error }).toEqual({
      text: "('Ada Löv', '', 'secret')",
      stdout: "hello Ada Löv\n",
      error: undefined,
    });
    expect(asked).toEqual([
      { prompt: "Name? ", isPassword: false },
      { prompt: "", isPassword: false },
      { prompt: "Password: ", isPassword: true },
    ]);
  });

  test("reads lines from sys.stdin until the handler returns undefined", async () => {
    const { handlers } = answers("one", "two", "three");
    const code = "import sys; first = sys.stdin.readline(); [first, *sys.stdin]";
    const { text } = await interpreter.codes.run(code, { handlers });
    expect(text).toBe("['one\\n', 'two\\n', 'three\\n']");
    const whole = await interpreter.codes.run("sys.stdin.read(2), sys.stdin.read()", answers("abc", "d"));
    expect(whole.text).toBe("('ab', 'c\\nd\\n')");
  });

  test("gets EOFError if the handler returns undefined", async () => {
    for (const answer of [undefined, Promise.resolve(undefined)]) {
      const { error } = await interpreter.codes.run("input('?')", { handlers: { onInput: () => answer } });
      expect(error).toMatchObject({ name: "EOFError" });
    }
  });

  test("ends with the error of the handler, which interrupts the code and keeps its state", async () => {
    const reason = new Error("nobody is here");
    const wrong: unknown = 5;
    const handlers: readonly [ExecutionHandlers["onInput"], unknown][] = [
      [
        () => {
          throw reason;
        },
        { message: "nobody is here" },
      ],
      [() => wrong as string, { code: "INVALID_ARGUMENT", message: expect.stringContaining("got 5") }],
    ];
    await interpreter.codes.run("survivor = 6");
    for (const [onInput, error] of handlers) {
      const run = interpreter.codes.run("input('?')", { handlers: { onInput } });
      await expect(run).rejects.toMatchObject(error as object);
    }
    await expect(
      interpreter.codes.run("input('?')", { handlers: { onInput: () => Promise.reject(reason) } }),
    ).rejects.toBe(reason);
    expect((await interpreter.codes.run("survivor")).text).toBe("6");
  });

  test("is refused without a handler, and after a run with one", async () => {
    await interpreter.codes.run("input()", answers("x"));
    const { error } = await interpreter.codes.run("input()");
    expect(error?.name).toBe("StdinNotImplementedError");
    const { error: ofStdin } = await interpreter.codes.run("sys.stdin.readline()");
    expect(ofStdin?.name).toBe("StdinNotImplementedError");
  });

  test("is refused outside the main thread, which alone can be interrupted", async () => {
    const code = `
import threading
def ask():
    try: input()
    except Exception as error: print(type(error).__name__)
thread = threading.Thread(target=ask); thread.start(); thread.join()`;
    const { stdout } = await interpreter.codes.run(code, answers("x"));
    expect(stdout).toBe("StdinNotImplementedError\n");
  });

  test("can be interrupted while it waits, keeps its state, and a late answer is not taken for the next one", async () => {
    let late: ((answer: string) => void) | undefined;
    const isDismissed: boolean[] = [];
    const onInput = (request: InputRequest) =>
      new Promise<string>((resolve) => {
        late = resolve;
        request.signal.addEventListener("abort", () => isDismissed.push(true));
        void run.interrupt();
      });
    const run = interpreter.codes.run("kept = 5; input('?')", { handlers: { onInput } });
    expect((await run).error?.name).toBe("KeyboardInterrupt");
    late?.("too late");
    expect(isDismissed).toEqual([true]);
    const { text } = await interpreter.codes.run("kept, input()", answers("in time"));
    expect(text).toBe("(5, 'in time')");
  });

  test("ends with an abort while it waits", async () => {
    const abort = new AbortController();
    const onInput = () =>
      new Promise<string>(() => {
        abort.abort(new Error("enough"));
      });
    const run = interpreter.codes.run("input('?')", { handlers: { onInput }, signal: abort.signal });
    await expect(run).rejects.toThrow("enough");
    expect((await interpreter.codes.run("kept")).text).toBe("5");
  });

  test("is asked with a timeout: other events go on while the handler thinks", async () => {
    const onInput = () => new Promise<string>(() => undefined);
    const run = interpreter.codes.run("print('before'); input('?')", {
      handlers: { onInput },
      timeoutSeconds: 0.5,
    });
    await expect(run).rejects.toMatchObject({ code: "RUN_TIMEOUT", execution: { stdout: "before\n" } });
  });

  test("refuses a handler of another type, and one in the wrong place", async () => {
    const wrong: unknown = "yes";
    const invalid = { code: "INVALID_ARGUMENT" };
    const run = interpreter.codes.run("1", { handlers: { onInput: wrong as ExecutionHandlers["onInput"] } });
    await expect(run).rejects.toMatchObject(invalid);
    const misplaced = { language: "python", onInput: () => "x" };
    await expect(interpreter.codes.run("1", misplaced)).rejects.toThrow("handlers: { onInput }");
    const notSignal: unknown = {};
    const options = { ...answers("x"), signal: notSignal as AbortSignal };
    await expect(interpreter.codes.run("1", options)).rejects.toMatchObject(invalid);
  });

  test("is answered by a request of its own", async () => {
    await using client = await LocalClient.start();
    const sandbox = await client.create();
    const created = await sandbox.send("POST", "/code/context", { body: { language: "python" } });
    const { id } = JSON.parse(created.text) as { readonly id: string };
    const late = await sandbox.send("POST", "/code/input", { body: { context_id: id, id: 1, text: "x" } });
    expect({ status: late.status, body: late.text }).toEqual({
      status: 404,
      body: expect.stringContaining("INPUT_NOT_REQUESTED") as unknown,
    });
  });
});
