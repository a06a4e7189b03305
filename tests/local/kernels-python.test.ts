import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { LocalClient, type LocalSandbox, startSandbox, until } from "../helpers/local-sandbox.js";
import { describeIf, hasPython, isolationWorks, NO_ISOLATION_REASON, runs } from "../helpers/skips.js";

const hasIPython = hasPython && runs("python3", ["-c", "import IPython"]);
const hasMatplotlib = hasPython && runs("python3", ["-c", "import matplotlib.pyplot"]);

const NO_PYTHON = "no Python 3 can be started (apt-get install python3)";
const NO_IPYTHON = "IPython cannot be imported (pip install ipython)";
const NO_MATPLOTLIB = "matplotlib cannot be imported (pip install matplotlib)";

describeKernel("plain", hasPython, NO_PYTHON);
describeKernel("auto", hasIPython, hasPython ? NO_IPYTHON : NO_PYTHON);

function describeKernel(pythonShell: "plain" | "auto", works: boolean, reason: string): void {
  const name = pythonShell === "plain" ? "the standard library's kernel" : "IPython's kernel";
  describeIf(
    works,
    `local/kernels-python: ${name}`,
    reason,
  )(name, () => {
    let sandbox: LocalSandbox;
    beforeAll(async () => {
      sandbox = await startSandbox({ pythonShell });
    });
    afterAll(async () => sandbox[Symbol.asyncDispose]());

    const run = (code: string, contextId?: string) => sandbox.run("python", code, contextId);
    const text = async (code: string) => (await run(code)).results.at(-1)?.["text"];

    test("the last expression is the result, with the number of the run", async () => {
      const outcome = await run("1 + 1");
      expect(outcome).toMatchObject({ results: [{ text: "2" }], stdout: "", error: undefined });
      expect(outcome.order).toEqual(["init", "execution_count", "result", "execution_complete"]);
      expect((await run("None")).results).toEqual([]);
      expect((await run("5;")).results).toEqual([]);
    });

    test("variables, functions and imports are kept", async () => {
      await run("import math\nx = 2\ndef f(): return math.floor(x * 2.6)");
      expect(await text("f()")).toBe("5");
    });

    test("top-level await works", async () => {
      expect(await text("import asyncio\nawait asyncio.sleep(0.01, 'later')")).toBe("'later'");
    });

    test("standard output and standard error arrive in order, subprocesses included", async () => {
      const outcome = await run(`import sys, subprocess
print("one"); print("two", file=sys.stderr); print("three", end="")
subprocess.run("echo four; echo five >&2", shell=True)
print("six")`);
      expect(outcome).toMatchObject({ stdout: "one\nthreefour\nsix\n", stderr: "two\nfive\n" });
      expect(outcome.order.slice(1, 4)).toEqual(["stdout", "stderr", "stdout"]);
    });

    test("output arrives while the code runs", async () => {
      const contextId = await sandbox.createContext("python");
      const endless = sandbox.startRun("python", "kept = 3\nprint('now')\nwhile True: pass", contextId);
      await endless.until("now");
      await sandbox.interrupt(contextId);
      expect((await endless.outcome).error).toMatchObject({ ename: "KeyboardInterrupt", evalue: "" });
      expect((await run("kept", contextId)).results).toEqual([{ text: "3" }]);
    });

    test.each([
      ["sleep", "import time; time.sleep(60)"],
      ["a subprocess", "import subprocess; subprocess.run(['sleep', '60'])"],
      ["an await", "import asyncio; await asyncio.sleep(60)"],
    ])("an interrupt ends %s", async (_what, code) => {
      const contextId = await sandbox.createContext("python");
      const waiting = sandbox.startRun("python", `print("runs")\n${code}`, contextId);
      await waiting.until("runs");
      await sandbox.interrupt(contextId);
      expect((await waiting.outcome).error?.ename).toBe("KeyboardInterrupt");
    });

    test.each([
      ["catches it", "except KeyboardInterrupt:\n    print('caught')"],
      ["catches everything", "except:\n    pass"],
    ])("a repeated interrupt ends code that %s, too, and keeps the state", async (_what, handler) => {
      const contextId = await sandbox.createContext("python");
      const code = `import time\nkept = 5\nprint("runs")\nwhile True:\n  try:\n    time.sleep(0.01)\n  ${handler}`;
      const endless = sandbox.startRun("python", code, contextId);
      await endless.until("runs");
      const state: { isOver: boolean } = { isOver: false };
      const outcome = endless.outcome.finally(() => (state.isOver = true));
      while (!state.isOver) await sandbox.interrupt(contextId);
      expect((await outcome).error).toMatchObject({ ename: "KeyboardInterrupt", evalue: "" });
      expect((await run("kept", contextId)).results).toEqual([{ text: "5" }]);
      expect((await run("import sys; sys.gettrace()", contextId)).results).toEqual([]);
    });

    test("tracebacks have no frames of the kernel", async () => {
      const contextId = await sandbox.createContext("python");
      const endless = sandbox.startRun("python", "print('runs')\nwhile True: pass", contextId);
      await endless.until("runs");
      await sandbox.interrupt(contextId);
      const refused = await run("input()");
      const chained = await run(
        "try:\n    input()\nexcept Exception as error:\n    raise ValueError from error",
      );
      const threaded = await run(
        "import threading\nthread = threading.Thread(target=lambda: 1 / 0)\nthread.start()\nthread.join()",
      );
      expect(threaded.stderr).toContain("ZeroDivisionError");
      for (const { error, stderr } of [await endless.outcome, refused, chained, threaded]) {
        expect(`${error?.traceback ?? ""}${stderr}`).not.toMatch(/python_(runner|channel|attribution|plain)/);
      }
    });

    test("errors have a name, a value and the user's line", async () => {
      const { error, isComplete } = await run("def f():\n    return 1 / 0\nf()");
      expect(isComplete).toBe(true);
      expect(error).toMatchObject({ ename: "ZeroDivisionError", evalue: "division by zero" });
      expect(error?.traceback).toMatch(/line 2|----> 2|2/);
      expect(error?.traceback).toContain("1");
      expect(error?.traceback).not.toContain("python_plain");
    });

    test("syntax errors, exits and input() end the run, not the context", async () => {
      await run("kept = 'kept'");
      expect((await run("def (")).error?.ename).toBe("SyntaxError");
      expect((await run("import sys; sys.exit(3)")).error).toMatchObject({
        ename: "SystemExit",
        evalue: "3",
      });
      expect((await run("input('name? ')")).error?.ename).toBe("StdinNotImplementedError");
      expect(await text("kept")).toBe("'kept'");
    });

    test.each(["sys.stdin.read()", "sys.stdin.readline()", "list(sys.stdin)", "sys.stdin.buffer.read()"])(
      "%s is refused, since an empty input would look like a real one",
      async (code) => {
        const { error } = await run(`import sys\n${code}`);
        expect(error).toMatchObject({ ename: "StdinNotImplementedError" });
        expect(error?.evalue).toContain("Standard input is not available");
      },
    );

    test("exit() and exit(2) end the run, not the context", async () => {
      await run("kept = 'kept'");
      expect((await run("exit(2)")).error).toMatchObject({ ename: "SystemExit", evalue: "2" });
      expect((await run("quit()")).error).toMatchObject({ ename: "SystemExit" });
      expect(await text("kept")).toBe("'kept'");
    });

    test("all parts of a run that awaits have a running loop", async () => {
      const code = `import asyncio
async def later(): return "done"
task = asyncio.create_task(later())
await task`;
      expect(await text(code)).toBe("'done'");
    });

    test("all runs share one event loop, so another run can await a task", async () => {
      const started = await run(`import asyncio
steps = []
async def work():
    for step in range(3):
        await asyncio.sleep(0.01)
        steps.append(step)
    return "done"
task = asyncio.create_task(work())
future = asyncio.get_running_loop().create_future()
future.set_result("set")`);
      expect(started).toMatchObject({ error: undefined, stderr: "" });
      expect(await text("await task + await future")).toBe("'doneset'");
    });

    test("tasks continue between runs", async () => {
      const contextId = await sandbox.createContext("python");
      await run(
        `import asyncio, pathlib
async def work():
    await asyncio.sleep(0.01)
    pathlib.Path("/tmp/task-is-done").touch()
task = asyncio.create_task(work())`,
        contextId,
      );
      await sandbox.run("bash", "until [ -e /tmp/task-is-done ]; do sleep 0.01; done");
      expect((await run("task.done()", contextId)).results).toEqual([{ text: "True" }]);
    });

    test("a run that awaits shows the output of earlier runs' tasks", async () => {
      const contextId = await sandbox.createContext("python");
      const wait = `import asyncio
gate = asyncio.Event()
async def work():
    await gate.wait()
    print("worked")
task = asyncio.create_task(work())`;
      await run(wait, contextId);
      expect(await run("gate.set(); await task", contextId)).toMatchObject({
        stdout: "worked\n",
        stderr: "",
      });
    });

    test.each([
      ["asyncio.run", "asyncio.run(work())"],
      ["a loop of the code's own", "asyncio.new_event_loop().run_until_complete(work())"],
      ["the current loop", "asyncio.get_event_loop().run_until_complete(work())"],
      [
        "a loop that is closed afterwards",
        "l = asyncio.get_event_loop(); v = l.run_until_complete(work()); l.close(); v",
      ],
    ])("%s works in code that does not await, and tasks can be started after it", async (_what, code) => {
      const define = "import asyncio\nasync def work():\n    await asyncio.sleep(0)\n    return 'worked'\n";
      expect(await text(define + code)).toBe("'worked'");
      expect(await text("asyncio.run(work())\ntask = asyncio.create_task(work())\n1")).toBe("1");
      expect(await text("await task")).toBe("'worked'");
    });

    test("a task that calls exit ends neither the process nor a later run", async () => {
      await run(
        "kept = 7\nimport asyncio\nasync def leave(): raise SystemExit(3)\ntask = asyncio.create_task(leave())",
      );
      expect(await text("kept")).toBe("7");
    });

    test("an interrupt cancels the awaited task, whose finally block belongs to the run", async () => {
      const contextId = await sandbox.createContext("python");
      const code = `import asyncio
async def work():
    try:
        print("runs")
        await asyncio.sleep(60)
    finally:
        print("cleaned up")
await work()`;
      const waiting = sandbox.startRun("python", code, contextId);
      await waiting.until("runs");
      await sandbox.interrupt(contextId);
      expect(await waiting.outcome).toMatchObject({
        stdout: "runs\ncleaned up\n",
        error: { ename: "KeyboardInterrupt" },
      });
    });

    test("an object that has every attribute is shown as text only", async () => {
      const { results } = await run("from unittest.mock import MagicMock\nMagicMock(name='m')");
      expect(results.map(Object.keys)).toEqual([["text"]]);
    });

    test("the error of a failing representation is printed, and the others are shown", async () => {
      const { results, stderr, error } = await run(`class Half:
    def _repr_html_(self): raise ValueError("no html")
    def _repr_latex_(self): raise NotImplementedError
    def _repr_markdown_(self): return "# m"
    def __repr__(self): return "Half"
Half()`);
      expect(results).toEqual([{ text: "Half", "text/markdown": "# m" }]);
      if (pythonShell === "plain") expect(stderr).toContain("ValueError: no html");
      if (pythonShell === "plain") expect(error).toBeUndefined();
    });

    test("lines of processes that print concurrently are not mixed", async () => {
      const { stdout } = await run(`import multiprocessing
def work(n):
    for _ in range(200): print("worker", n, "prints", "a line")
with multiprocessing.get_context("fork").Pool(4) as pool: pool.map(work, range(4), 1)
print("all")`);
      const lines = stdout.trimEnd().split("\n");
      expect(new Set(lines)).toEqual(
        new Set([0, 1, 2, 3].map((n) => `worker ${n} prints a line`).concat("all")),
      );
      expect(lines).toHaveLength(801);
    });

    test("a forked process prints an unfinished line once", async () => {
      const { stdout } = await run(`import os, sys
if os.fork() == 0:
    print("child", end="|"); sys.stdout.buffer.write(b"bytes|"); print("end", end="")
else:
    os.wait(); print("|parent")`);
      expect(stdout).toBe("child|bytes|end|parent\n");
    });

    if (pythonShell === "auto") {
      test("an interrupt before the code begins is all that a run shows", async () => {
        const created = await sandbox.createContext("python");
        await run(
          `shell = get_ipython()
original = shell.run_cell_async
def interrupted(*arguments, **options):
    del shell.run_cell_async
    kept = original(*arguments, **options)
    raise KeyboardInterrupt
shell.run_cell_async = interrupted`,
          created,
        );
        const outcome = await run("print('never')", created);
        expect(outcome).toMatchObject({ stdout: "", stderr: "", error: { ename: "KeyboardInterrupt" } });
        expect((await run("'next'", created)).results).toMatchObject([{ text: "'next'" }]);
      });

      test("an interrupted shell command ends the run", async () => {
        const contextId = await sandbox.createContext("python");
        const waiting = sandbox.startRun("python", "!echo runs; sleep 60\nprint('after')", contextId);
        await waiting.until("runs");
        await sandbox.interrupt(contextId);
        expect(await waiting.outcome).toMatchObject({
          stdout: "runs\n",
          error: { ename: "KeyboardInterrupt" },
        });
        expect((await run("!exit 3\n_exit_code", contextId)).results).toEqual([{ text: "3" }]);
      });
    }

    test("values are shown by MIME type, also by display", async () => {
      const outcome = await run(`class Rich:
    def _repr_html_(self): return "<b>"
    def _repr_png_(self): return b"\\x89PNG"
    def _repr_svg_(self): return "<svg/>"
    def _repr_markdown_(self): return "# m"
    def _repr_latex_(self): return "$x$"
    def _repr_json_(self): return {"a": [1, None]}
    def __repr__(self): return "Rich"
display(Rich())
Rich()`);
      const bundle = {
        text: "Rich",
        "text/html": "<b>",
        "image/png": "iVBORw==",
        "image/svg+xml": "<svg/>",
        "text/markdown": "# m",
        "text/latex": "$x$",
        "application/json": { a: [1, null] },
      };
      expect(
        outcome.results.map((result) => ({ ...result, "image/png": trim(result["image/png"]) })),
      ).toEqual([bundle, bundle]);
      expect(outcome.order).toEqual(["init", "result", "execution_count", "result", "execution_complete"]);
    });

    test("any character arrives, and half of one becomes a replacement character", async () => {
      const outcome = await run(`import os, sys
print("é€😀\\0|")
os.write(1, b"\\xe2\\x82")
"😀"`);
      expect(outcome.stdout).toBe("é€😀\0|\n\ufffd");
      expect(outcome.results).toEqual([{ text: "'😀'" }]);
      expect((await run("print('\\ud800')")).error).toBeUndefined();
    });

    test("half a character in the code becomes a replacement character, as in execd", async () => {
      const { results, stderr } = await run("hex(ord('\ud83d'))");
      expect({ results, stderr }).toEqual({ results: [{ text: "'0xfffd'" }], stderr: "" });
    });

    test("output of an earlier run is dropped, and a note says so once", async () => {
      await run(`import subprocess, threading, time
def loop():
    while True:
        print("late")
        time.sleep(0.005)
threading.Thread(target=loop, daemon=True).start()
subprocess.Popen("while true; do echo late; sleep 0.01; done", shell=True)
import os
os.system("(sleep 0.05; echo late) &")`);
      const wait = "import time; time.sleep(0.2); print('own')";
      const outcome = await run(wait);
      expect(outcome.stdout).toBe("own\n");
      expect(outcome.stderr).toMatch(/^Note: code of an earlier run printed after that run had ended;.*\n$/);
      expect(await run(wait)).toMatchObject({ stdout: "own\n", stderr: "" });
    });

    test("a thread pool prints into the run that uses it", async () => {
      await run(
        "from concurrent.futures import ThreadPoolExecutor\npool = ThreadPoolExecutor(1)\npool.submit(int)",
      );
      expect((await run("pool.submit(print, 'pooled').result()")).stdout).toBe("pooled\n");
    });

    test("the end of the process is reported, and the context starts a new one", async () => {
      await run("gone = 1");
      const { error, stdout } = await run("print('last', flush=True)\nimport os\nos._exit(4)");
      expect(stdout).toBe("last\n");
      expect(error).toMatchObject({ ename: "KernelDied" });
      expect(error?.evalue).toContain("exit status 4");
      expect((await run("gone")).error?.ename).toBe("NameError");
    });

    if (pythonShell === "auto") {
      test("IPython's terminal is not loaded, and is there for code that needs it", async () => {
        const loaded = await text(
          'import sys\n[name for name in sys.modules if name.startswith("prompt_toolkit")]',
        );
        expect(loaded).toBe("[]");
        expect(await text("import IPython\nIPython.embed.__name__")).toContain("embed");
        const used =
          "from IPython.terminal.embed import InteractiveShellEmbed\nInteractiveShellEmbed.__name__";
        expect(await text(used)).toBe("'InteractiveShellEmbed'");
      });
    }

    describeIf(
      hasMatplotlib,
      `local/kernels-python: figures, ${name}`,
      NO_MATPLOTLIB,
    )("matplotlib", () => {
      test("figures are results", async () => {
        const { results } = await run("import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()");
        expect(results.some((result) => String(result["image/png"]).startsWith("iVBORw0KGgo"))).toBe(true);
      });
    });
  });
}

describeIf(
  hasPython && isolationWorks,
  "local/kernels-python: a broken IPython",
  hasPython ? NO_ISOLATION_REASON : NO_PYTHON,
)("an IPython that does not start", () => {
  test("is replaced by the standard library's kernel, and the sandbox's log says why", async () => {
    await using client = await LocalClient.start({ pythonShell: "auto" });
    const sandbox = await client.create({ env: { PYTHONPATH: "/workspace/modules" } });
    await sandbox.upload("/workspace/modules/IPython/__init__.py", "raise RuntimeError('no config')");
    await until(
      async () => {
        // The first ones may take kernels that were started before the upload.
        const context = await sandbox.createContext("python");
        const { results } = await sandbox.run("python", "1 + 1", context);
        expect(results).toEqual([{ text: "2" }]);
        return (await client.send("GET", `${sandbox.path}/diagnostics/logs`)).text();
      },
      (log) => log.includes("Python: IPython does not start: RuntimeError('no config')\n"),
    );
  });
});

/** IPython ends base64 with a newline. */
function trim(value: unknown): unknown {
  return typeof value === "string" ? value.trim() : value;
}
