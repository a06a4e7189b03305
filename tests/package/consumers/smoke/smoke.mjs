// What must work wherever the main entry can be imported. This file uses nothing of any runtime.

/** A program that prints a line and goes on when that has arrived here, which the file says. */
const WAITING = "import os, time\nprint('first')\nwhile not os.path.exists('/tmp/go'): time.sleep(0.01)";

/** Whether this platform has a WebSocket that sends headers: neither browsers nor Cloudflare Workers do. */
function canSendHeaders() {
  return typeof document === "undefined" && globalThis.navigator?.userAgent !== "Cloudflare-Workers";
}

/**
 * Uses the SDK against a local server; resolves to one result per step. `library` is the main entry; `cutting` leads to a
 * server that cuts every event stream after some bytes.
 */
export async function smoke(library, { connection, cutting }) {
  const { CodeInterpreter, Sandbox, isSandboxException } = library;
  const results = [];
  let sandbox;
  let interpreter;

  const steps = {
    "creates a sandbox": async () => {
      sandbox = await Sandbox.create({ connectionConfig: connection, timeoutSeconds: 300 });
      interpreter = await CodeInterpreter.create(sandbox);
    },
    "runs code, and keeps its state": async () => {
      await interpreter.codes.run("x = 41");
      const execution = await interpreter.codes.run("print('héllo 🎉')\nx + 1");
      equal([execution.text, execution.stdout], ["42", "héllo 🎉\n"]);
    },
    "returns an error in the code as data": async () => {
      equal((await interpreter.codes.run("1 / 0")).error?.name, "ZeroDivisionError");
    },
    "streams output while the code runs": async () => {
      const code = `${WAITING}\nprint('second')`;
      const context = await interpreter.codes.createContext("python");
      const lines = [];
      for await (const event of interpreter.codes.run(code, { context })) {
        if (event.type !== "stdout") continue;
        lines.push(event.text);
        if (lines.length === 1) await sandbox.files.writeFiles([{ path: "/tmp/go", data: "" }]);
      }
      equal(lines.join(""), "first\nsecond\n");
    },
    "interrupts a run, and keeps the state": async () => {
      await interpreter.codes.run("n = 0");
      const run = interpreter.codes.run("while True:\n    n += 1\n    if n == 1: print('looping')");
      for await (const event of run) {
        if (event.type === "stdout") await run.interrupt();
      }
      equal((await run).error?.name, "KeyboardInterrupt");
      equal((await interpreter.codes.run("n > 0")).text, "True");
    },
    "aborts a run with the signal's reason": async () => {
      const controller = new AbortController();
      const reason = new Error("enough");
      const run = interpreter.codes.run("print('on')\nwhile True: pass", {
        signal: controller.signal,
        handlers: { onStdout: () => controller.abort(reason) },
      });
      equal(await rejection(run), reason);
      equal((await interpreter.codes.run("x")).text, "41");
    },
    "runs a command": async () => {
      const execution = await interpreter.commands.run("echo out; echo err >&2; exit 3");
      equal([execution.stdout, execution.stderr, execution.exitCode], ["out\n", "err\n", 3]);
    },
    "opens a terminal and gives a command an input, or says why it cannot": async () => {
      const open = sandbox.terminals.create({ command: "stty size; exit 3", cols: 100, rows: 30 });
      if (!canSendHeaders()) {
        equal((await rejection(open)).code, "NO_WEBSOCKET");
        return;
      }
      const terminal = await open;
      let text = "";
      for await (const bytes of terminal) text += new TextDecoder().decode(bytes);
      equal([text.trim(), await terminal.exited], ["30 100", 3]);
      const { stdout } = await sandbox.commands.run("wc -c", { stdin: new Uint8Array(1_000_000) });
      equal(stdout.trim(), "1000000");
    },
    "reads the files that it writes": async () => {
      const { files } = sandbox;
      // The second version has the same length and the same second of modification.
      for (const data of ["one ", "two "]) {
        await files.writeFiles([{ path: "/tmp/a.txt", data: data.repeat(100) }]);
        equal(await files.readFile("/tmp/a.txt"), data.repeat(100));
      }
      const bytes = Uint8Array.from({ length: 300_000 }, (_, index) => index % 251);
      await files.writeFiles([{ path: "/tmp/b.bin", data: bytes }]);
      const read = await files.readBytes("/tmp/b.bin");
      equal(read.length === bytes.length && read.every((byte, index) => byte === bytes[index]), true);
      const found = await files.search("/tmp", { pattern: "*.bin" });
      equal(
        found.map(({ path }) => path),
        ["/tmp/b.bin"],
      );
      equal(isSandboxException(await rejection(files.readFile("/tmp/missing"))), true);
    },
    "reports a connection that is cut, with the output until then": async () => {
      const other = await Sandbox.create({ connectionConfig: cutting, timeoutSeconds: 300 });
      try {
        const { codes } = await CodeInterpreter.create(other);
        // What has not been read when the connection breaks is lost, so the rest is printed when the first line is here.
        const code = `${WAITING}\nfor i in range(1000): print('line', i)`;
        const onStdout = () => other.files.writeFiles([{ path: "/tmp/go", data: "" }]);
        const error = await rejection(codes.run(code, { handlers: { onStdout } }));
        equal(isSandboxException(error) && ["STREAM_BROKEN", "STREAM_CUT"].includes(error.error.code), true);
        equal(error.execution.stdout.startsWith("first\n"), true);
      } finally {
        await other.kill();
      }
    },
    "kills the sandbox": async () => {
      await sandbox.kill();
      equal(isSandboxException(await rejection(sandbox.getInfo())), true);
    },
  };

  for (const [name, step] of Object.entries(steps)) {
    try {
      await withDeadline(step());
      results.push({ name });
    } catch (error) {
      results.push({ name, failure: String(error?.stack ?? error) });
    }
  }
  return results;
}

/** A step that hangs is a failure of that step, not of the whole suite. */
async function withDeadline(step) {
  let timer;
  const deadline = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("The step did not end within a minute.")), 60_000);
  });
  try {
    await Promise.race([step, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

function equal(actual, expected) {
  const [one, other] = [actual, expected].map((value) =>
    typeof value === "object" ? JSON.stringify(value) : value,
  );
  if (!Object.is(one, other)) throw new Error(`Expected ${String(other)}; got ${String(one)}`);
}

function rejection(promise) {
  return Promise.resolve(promise).then(
    (value) => {
      throw new Error(`Expected a rejection; got ${JSON.stringify(value)}`);
    },
    (error) => error,
  );
}
