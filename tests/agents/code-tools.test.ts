import { afterAll, beforeAll, expect, test } from "@jest/globals";
import {
  createCodeTools,
  type CodeTools,
  type CodeToolsOptions,
  type ToolOutput,
} from "../../src/agents/index.js";
import { Sandbox, SandboxManager } from "../../src/index.js";
import { startLocalServer, type LocalServer } from "../../src/local/index.js";
import {
  describeIf,
  hasPython,
  isolationWorks,
  NO_ISOLATION_REASON,
  pythonModules,
} from "../helpers/skips.js";

const modules = pythonModules("matplotlib", "pandas");

describeIf(
  isolationWorks && hasPython,
  "agents/code-tools",
  isolationWorks ? "there is no python3" : NO_ISOLATION_REASON,
)("code tools on a local server", () => {
  let server: LocalServer;
  let manager: SandboxManager;
  let codeTools: CodeTools;

  const create = (options: CodeToolsOptions = {}) =>
    createCodeTools({ connectionConfig: server.connectionConfig, ...options });
  const run = (code: string, fields: object = {}) => codeTools.execute("run_code", { code, ...fields });
  const sandboxIds = async () => (await manager.listSandboxInfos()).items.map(({ id }) => id);

  beforeAll(async () => {
    server = await startLocalServer({ port: false, pythonShell: "plain" });
    manager = SandboxManager.create({ connectionConfig: server.connectionConfig });
    codeTools = create();
  });
  afterAll(async () => {
    await codeTools.close();
    expect(await sandboxIds()).toEqual([]);
    await manager.close();
    await server.close();
  });

  test("run_code returns what was printed and the last value, and keeps state", async () => {
    expect(await run("x = 6\nprint('hi')\nx * 7")).toEqual({
      text: "hi\n[result]\n42",
      images: [],
      isError: false,
    });
    expect((await run("x")).text).toBe("[result]\n6");
    expect((await run("y = 1")).text).toBe("[no output]");
  });

  test("run_code keeps separate states by name and by language", async () => {
    await run("n = 1", { context: "other" });
    expect((await run("n")).text).toContain("NameError");
    expect((await run("n", { context: "other" })).text).toBe("[result]\n1");
    expect((await run("let n = 2; n + 1", { language: "javascript" })).text).toBe("[result]\n3");
  });

  test("run_code returns an error with the user's frames", async () => {
    const { text, isError } = await run("import json\ndef f(t):\n    return json.loads(t)\nf('{')");
    expect(isError).toBe(true);
    expect(text).toContain("return json.loads(t)");
    expect(text).toMatch(/\[\d library frames\]/);
    expect(text).toMatch(/JSONDecodeError: Expecting property name[^\n]*$/);
    expect(text).not.toContain("\u001b");
  });

  test("run_code lists the files that it created or changed, each time anew", async () => {
    const first = await run("open('one.txt', 'w').write('1' * 1500); open('two.txt', 'w').write('2')");
    expect(first.files?.map(({ path, size }) => `${path} ${size}`).sort()).toEqual([
      "one.txt 1500",
      "two.txt 1",
    ]);
    expect(first.text).toMatch(/\[files created or changed: .*one\.txt \(1\.5 kB\)/);
    expect((await run("1")).files).toBeUndefined();
    expect((await run("open('two.txt', 'w').write('3')")).files).toEqual([{ path: "two.txt", size: 1 }]);
  });

  test("run_code cuts long output in the middle and keeps the complete text in a file", async () => {
    const { text } = await run("for i in range(20_000): print('line', i)");
    expect(Buffer.byteLength(text)).toBeLessThan(21_000);
    expect(text).toMatch(/^line 0\n/);
    expect(text).toContain("bytes left out");
    expect(text).toContain("line 19999");
    const [, path] = /complete in (\S+)\]/.exec(text) ?? [];
    const page = await codeTools.execute("read_file", { path, startLine: 9_001, endLine: 9_002 });
    expect(page.text).toBe(
      "line 9000\nline 9001\n[lines 9001 to 9002 of a file of 208.9 kB; more follows from startLine 9003]".replace(
        "208.9",
        /file of ([\d.]+) kB/.exec(page.text)?.[1] ?? "",
      ),
    );
  });

  test("run_code cuts a long value and a long error too", async () => {
    const value = await run("'x' * 100_000");
    expect(Buffer.byteLength(value.text)).toBeLessThan(21_000);
    expect(value.text).toContain("result has 100.0 kB; complete in ");
    const error = await run("raise ValueError('y' * 100_000)");
    expect(Buffer.byteLength(error.text)).toBeLessThan(21_000);
    expect(error.isError).toBe(true);
  });

  describeIf(
    modules.has("matplotlib"),
    "agents/code-tools: pictures",
    "there is no matplotlib",
  )("pictures", () => {
    test("are returned up to a number, and the rest is mentioned", async () => {
      // IPython shows each figure as its own picture.
      await using withIPython = await startLocalServer({ port: false });
      await using few = create({ maxImages: 1, connectionConfig: withIPython.connectionConfig });
      const code = "import matplotlib.pyplot as plt\nfor _ in range(3):\n    plt.plot([1, 2]); plt.show()";
      const { images, text } = await few.execute("run_code", { code });
      expect(images).toHaveLength(1);
      expect(
        Buffer.from(images[0]?.data ?? "", "base64")
          .subarray(1, 4)
          .toString(),
      ).toBe("PNG");
      expect(text).toMatch(
        /^\[image 1: image\/png, [\d.]+ kB\]\n\[2 more images not shown: a call returns at most 1\]$/,
      );
    });

    test("are read from files", async () => {
      await run("import matplotlib.pyplot as plt\nplt.plot([1]); plt.savefig('p.png'); plt.close()");
      const { images } = await codeTools.execute("read_file", { path: "p.png" });
      expect(images).toMatchObject([{ mediaType: "image/png" }]);
    });
  });

  describeIf(
    modules.has("pandas"),
    "agents/code-tools: tables",
    "there is no pandas",
  )("tables", () => {
    test("are returned as text", async () => {
      const { text } = await run("import pandas as pd\npd.DataFrame({'a': [1, 2]})");
      expect(text).toBe("[result]\n   a\n0  1\n1  2");
    });
  });

  test("an SVG is returned as text, and of too large a picture its size", async () => {
    const svg = await run("class S:\n    def _repr_svg_(self): return '<svg/>'\nS()");
    expect(svg.text).toContain("<svg/>");
    const large = await run("class P:\n    def _repr_png_(self): return b'\\x89PNG' + b'0' * 4_000_000\nP()");
    expect(large.images).toEqual([]);
    expect(large.text).toContain("image/png of 4.0 MB not shown: too large");
  });

  test("run_command returns both streams and the exit code", async () => {
    const result = await codeTools.execute("run_command", { command: "echo out; echo err >&2; exit 3" });
    expect(result).toEqual({ text: "out\n[stderr]\nerr\n[exit code 3]", images: [], isError: true });
    expect((await codeTools.execute("run_command", { command: "pwd", cwd: "/tmp" })).text).toBe("/tmp");
  });

  test("files are written, read and listed; missing and unreadable ones are described", async () => {
    const written = await codeTools.execute("write_file", { path: "d/a.txt", content: "one\ntwo\n" });
    expect(written).toMatchObject({ text: "[wrote d/a.txt, 8 B]", isError: false });
    expect((await codeTools.execute("read_file", { path: "d/a.txt" })).text).toBe("one\ntwo");
    expect((await codeTools.execute("list_files", { path: "d" })).text).toBe("[/workspace/d]\na.txt (8 B)");
    expect(await codeTools.execute("read_file", { path: "d/b.txt" })).toMatchObject({ isError: true });
    expect((await codeTools.execute("read_file", { path: "d" })).text).toBe(
      "d is a directory; use list_files.",
    );
    await run("open('z.bin', 'wb').write(b'a\\0b')");
    expect((await codeTools.execute("read_file", { path: "z.bin" })).text).toContain("is a binary file");
    // The model wrote it itself.
    expect((await run("1")).files).toBeUndefined();
  });

  test("a run that takes too long is interrupted and keeps its state", async () => {
    await using quick = create({ timeoutSeconds: 2 });
    await quick.execute("run_code", { code: "kept = 1" });
    const { text, isError } = await quick.execute("run_code", {
      code: "print('begun', flush=True)\nwhile True: pass",
    });
    expect({ text, isError }).toEqual({
      text: "begun\n[stopped after 2 s: variables are kept]",
      isError: true,
    });
    expect((await quick.execute("run_code", { code: "kept" })).text).toBe("[result]\n1");
  });

  test("a kernel that does not react is reset, and the model is told", async () => {
    await using quick = create({ timeoutSeconds: 5 });
    // The interrupt must not come before the code has begun to ignore it.
    await quick.execute("run_code", { code: "import signal" });
    const code = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass";
    expect((await quick.execute("run_code", { code })).text).toContain(
      "its context was reset: its variables are lost",
    );
    expect((await quick.execute("run_code", { code: "1 + 1" })).text).toBe("[result]\n2");
  });

  test("an abort rejects with its reason, interrupts the kernel and keeps the state", async () => {
    const aborting = new AbortController();
    const reason = new Error("the user closed the tab");
    const printed: ToolOutput[] = [];
    const running = codeTools.execute(
      "run_code",
      { code: "alive = 1\nprint('begun', flush=True)\nwhile True: pass" },
      {
        signal: aborting.signal,
        onOutput: (output) => {
          printed.push(output);
          aborting.abort(reason);
        },
      },
    );
    await expect(running).rejects.toBe(reason);
    expect(printed.map(({ text }) => text).join("")).toBe("begun\n");
    expect((await run("alive")).text).toBe("[result]\n1");
  });

  test("reset_context forgets variables and leaves files", async () => {
    await run("gone = 1; open('stays.txt', 'w').write('1')");
    expect((await codeTools.execute("reset_context", { language: "python" })).isError).toBe(false);
    expect((await run("gone")).text).toContain("NameError");
    expect((await codeTools.execute("read_file", { path: "stays.txt" })).text).toBe("1");
  });

  test("parallel first calls share one sandbox, and runs in one context take turns", async () => {
    const before = await sandboxIds();
    await using parallel = create();
    const results = await Promise.all(
      [1, 2, 3, 4].map((n) =>
        parallel.execute("run_code", { code: `seen = globals().get('seen', []) + [${n}]\nlen(seen)` }),
      ),
    );
    expect(results.map(({ text }) => text).sort()).toEqual([1, 2, 3, 4].map((n) => `[result]\n${n}`));
    expect(await sandboxIds()).toHaveLength(before.length + 1);
  });

  test("a sandbox that has ended is replaced, and the model is told", async () => {
    await using expiring = create({ logger: silent });
    await expiring.execute("run_code", { code: "x = 1" });
    await manager.killSandbox((await expiring.interpreter()).id);
    const { text } = await expiring.execute("run_code", { code: "'x' in globals()" });
    expect(text).toBe(
      "[The sandbox expired and was replaced by a new one: variables, files and installed packages are lost]\n[result]\nFalse",
    );
  });

  test("a sandbox that ends during a run is an error, and the next call gets a new one", async () => {
    await using expiring = create({ logger: silent });
    const { id } = await expiring.interpreter();
    const result = await expiring.execute(
      "run_code",
      { code: "print('begun', flush=True)\nimport time; time.sleep(60)" },
      { onOutput: () => void manager.killSandbox(id) },
    );
    expect(result).toMatchObject({ isError: true });
    expect(result.text).toContain("The sandbox ended while this was running.");
    expect((await expiring.execute("run_code", { code: "1" })).text).toMatch(
      /^\[The sandbox expired.*\]\n\[result\]\n1$/,
    );
  });

  test("a given sandbox is used and not killed", async () => {
    await using sandbox = await Sandbox.create({
      connectionConfig: server.connectionConfig,
      killOnDispose: true,
    });
    const given = createCodeTools({ sandbox });
    expect((await given.execute("run_code", { code: "1 + 1" })).text).toBe("[result]\n2");
    await given.close();
    expect(await sandbox.isHealthy()).toBe(true);
  });

  test("a context that was deleted elsewhere is created anew, and the model is told", async () => {
    await using sandbox = await Sandbox.create({
      connectionConfig: server.connectionConfig,
      killOnDispose: true,
    });
    const given = createCodeTools({ sandbox });
    await given.execute("run_code", { code: "x = 1" });
    await (await given.interpreter()).codes.deleteContexts("python");
    expect((await given.execute("run_code", { code: "'x' in globals()" })).text).toBe(
      "[The state of python no longer existed and was created anew: its variables are lost]\n[result]\nFalse",
    );
    expect((await given.execute("run_code", { code: "1" })).text).toBe("[result]\n1");
    await given.close();
  });

  test("a function creates the sandbox, from the options that it gets", async () => {
    await using made = create({
      create: (options) => Sandbox.create({ ...options, env: { COLOUR: "red" } }),
    });
    expect((await made.execute("run_command", { command: "echo $COLOUR" })).text).toBe("red");
  });

  test("approve refuses calls, with a reason", async () => {
    const asked: unknown[] = [];
    await using careful = create({
      approve: (call) => {
        asked.push(call);
        return call.tool === "run_command" ? "no shell today" : call.tool === "run_code";
      },
    });
    expect(await careful.execute("run_command", { command: "ls" })).toMatchObject({
      text: "This call of run_command was not approved: no shell today",
      isError: true,
    });
    expect((await careful.execute("list_files", {})).text).toBe("This call of list_files was not approved.");
    expect((await careful.execute("run_code", { code: 1 })).text).toBe("[result]\n1");
    expect(asked).toContainEqual({ tool: "run_code", input: { code: "1" } });
  });

  test("close ends what is running and the sandbox; later calls are refused", async () => {
    const closing = create();
    const { id } = await closing.interpreter();
    let begin: () => void = () => undefined;
    const begun = new Promise<void>((resolve) => (begin = resolve));
    const running = closing.execute(
      "run_code",
      { code: "print('begun', flush=True)\nimport time; time.sleep(60)" },
      { onOutput: () => begin() },
    );
    const refused = expect(running).rejects.toThrow("The code tools are closed.");
    await begun;
    await closing.close();
    await refused;
    expect(await sandboxIds()).not.toContain(id);
    await expect(closing.execute("run_code", { code: "1" })).rejects.toThrow("The code tools are closed.");
  });
});

const silent = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
