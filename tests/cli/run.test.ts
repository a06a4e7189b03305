import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import path from "node:path";
import { describe, expect, test } from "@jest/globals";
import { languageOf } from "../../src/cli/languages.js";
import { endingOf } from "../../src/cli/exit-code.js";
import { encodeInline, terminalMode } from "../../src/cli/pictures.js";
import { planProgram } from "../../src/cli/program-plan.js";
import { SandboxManager } from "../../src/index.js";
import { HOST, startWeb } from "../helpers/network-rules.js";
import { describeIf, hasPython, isolationWorks, NO_ISOLATION_REASON } from "../helpers/skips.js";
import { call, start, temporaryFolder, useServer } from "./command.js";
import { onTerminal, plainText } from "./terminal.js";

const PNG =
  "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEElEQVR4nGP8zwACTGCSAQANHQEDgslx/wAAAABJRU5ErkJggg==";

test.each([
  [{ file: "a.py", code: "" }, "python"],
  [{ file: "a.mjs", code: "" }, "javascript"],
  [{ file: "dir.d/A.JAVA", code: "" }, "java"],
  [{ file: "a.go", code: "" }, "go"],
  [{ file: "tool", code: "#!/usr/bin/env -S python3.12 -u\n" }, "python"],
  [{ file: "tool", code: "#!/bin/sh\n" }, "bash"],
  [{ file: "a.py", code: "", language: "ts" }, "typescript"],
  [{ file: undefined, code: "#!/usr/bin/node\n" }, "javascript"],
  [{ file: undefined, code: "1" }, "python"],
])("the language of %j is %s", (program, language) => {
  expect(languageOf(program)).toBe(language);
});

test.each([
  ["SystemExit", "3", 3],
  ["SystemExit", "", 0],
  ["SystemExit", "None", 0],
  ["SystemExit", "-1", 255],
  ["SystemExit", "a message", 1],
  ["", "127", 127],
  ["ExitError", "exit status 4", 4],
  ["ERROR", "exit status 2", 2],
  ["KernelDied", "the JavaScript process has ended (exit status 0); the context's variables are lost", 0],
  ["KernelDied", "the Bash process has ended (signal: killed); the context's variables are lost", 137],
  ["ValueError", "exit", 1],
])("an error %s with the value %j is the exit code %d", (name, value, exitCode) => {
  expect(endingOf({ name, value, traceback: [], timestamp: 0 }).exitCode).toBe(exitCode);
});

test("Go gets its arguments in front of its first declaration, on the same line", () => {
  const code = '// func in a comment\npackage main\n\nimport "fmt"\n\nfunc main() { fmt.Println("x") }\n';
  const plan = planProgram({ language: "go", code, name: "a.go", arguments: ["1"] });
  expect(plan.code.split("\n")).toHaveLength(code.split("\n").length);
  expect(plan.code).toMatch(/^import programArguments "os"; .*\{"a\.go", "1"\}.* func main\(\)/m);
});

describe("pictures in the terminal", () => {
  const bytes = Buffer.from(PNG, "base64");

  test("are encoded for kitty and iTerm2", async () => {
    expect(await encodeInline(bytes, "image/png", "kitty")).toBe(`\x1b_Ga=T,f=100,m=0;${PNG}\x1b\\`);
    expect(await encodeInline(bytes, "image/png", "iterm")).toBe(
      `\x1b]1337;File=inline=1;size=${bytes.length}:${PNG}\x07`,
    );
    expect(await encodeInline(bytes, "image/png", "none")).toBeUndefined();
  });

  test.each([
    [{ TERM: "xterm-kitty" }, "kitty"],
    [{ TERM_PROGRAM: "iTerm.app" }, "iterm"],
    [{ TERM_PROGRAM: "iTerm.app", TMUX: "/tmp/x" }, "none"],
    [{ TERM: "xterm-256color" }, "none"],
  ])("a terminal with %j has %s", (env, mode) => {
    expect(terminalMode(env)).toBe(mode);
  });
});

describeIf(
  isolationWorks && hasPython,
  "cli/run",
  NO_ISOLATION_REASON,
)("run", () => {
  const { env, connection } = useServer();

  test.each([
    ["a.py", "import sys\nprint(*sys.argv[1:], sep='|')\nprint('err', file=sys.stderr)\nsys.exit(3)", 3],
    [
      "a.js",
      "console.log(process.argv.slice(2).join('|'));\nconsole.error('err');\nprocess.exitCode = 3;\nvoid 0;",
      3,
    ],
    [
      "a.ts",
      "const all: string[] = process.argv.slice(2);\nconsole.log(all.join('|'));\nconsole.error('err');\nprocess.exit(3);",
      3,
    ],
    ["a.sh", 'echo "$1|$2"\necho err >&2\nexit 3', 3],
  ])("%s gets its arguments, and its output and exit code come out", async (name, code, exitCode) => {
    const cwd = temporaryFolder();
    writeFileSync(path.join(cwd, name), code);
    const ended = await call(["run", name, "--", "a b", "-c"], { cwd, env: env() });
    expect(ended).toEqual({ exitCode, stdout: "a b|-c\n", stderr: "err\n" });
  });

  test("takes code from -e and from standard input", async () => {
    const code = "import sys; print(sys.argv, end='')";
    const [given, piped] = await Promise.all([
      call(["run", "-e", code, "x"], { env: env() }),
      call(["run", "-", "x"], { env: env(), input: code }),
    ]);
    expect(given).toEqual({ exitCode: 0, stdout: "['-c', 'x']", stderr: "" });
    expect(piped).toEqual({ exitCode: 0, stdout: "['-', 'x']", stderr: "" });
  });

  test("an error of the program is on stderr and exits with 1; values are on stderr, too", async () => {
    const { exitCode, stdout, stderr } = await call(["run", "-e", "display = 2\nprint('out')\n1 / 0"], {
      env: env(),
    });
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "out\n" });
    expect(stderr).toMatch(/ZeroDivisionError: division by zero\n$/);
    // The cell that sets the arguments is not counted.
    expect(stderr).not.toContain("In[2]");
    expect(stderr).not.toContain("\x1b");
    expect(await call(["run", "-e", "2 + 2"], { env: env() })).toEqual({
      exitCode: 0,
      stdout: "",
      stderr: "4\n",
    });
  });

  test("prints one line of JSON for each event with -o json", async () => {
    const { stdout } = await call(["run", "-o", "json", "-e", "print('x'); 6 * 7"], { env: env() });
    const events = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { readonly type: string });
    expect(events).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ type: "stdout", text: "x\n" }),
        expect.objectContaining({ type: "result", results: { "text/plain": "42" } }),
      ]),
    );
    expect(events.at(-1)).toEqual({ type: "exit", exitCode: 0 });
  });

  test("saves pictures beside the program, and overwrites nothing", async () => {
    const cwd = temporaryFolder();
    const code = `import base64\nclass P:\n    def _repr_png_(self): return base64.b64decode("${PNG}")\nP()`;
    writeFileSync(path.join(cwd, "plot.py"), code);
    writeFileSync(path.join(cwd, "plot-1.png"), "mine");
    const { stderr } = await call(["run", "plot.py"], { cwd, env: env() });
    expect(stderr).toBe("Saved plot-2.png\n");
    expect(readFileSync(path.join(cwd, "plot-1.png"), "utf8")).toBe("mine");
    expect(readFileSync(path.join(cwd, "plot-2.png")).toString("base64")).toBe(PNG);
  });

  test.each([
    ["kitty", ["--images", "auto"], { TERM: "xterm-kitty" }, `\x1b_Ga=T,f=100,m=0;${PNG}\x1b\\`],
    ["iTerm2", [], { TERM_PROGRAM: "iTerm.app" }, `\x1b]1337;File=inline=1;size=`],
    ["sixels, when asked", ["--images", "sixel"], {}, `"1;1;2;2#`],
  ])("shows pictures on a terminal with %s", async (_, args, terminal, shown) => {
    const code = `import base64\nclass P:\n    def _repr_png_(self): return base64.b64decode("${PNG}")\nP()`;
    const { exitCode, transcript } = await onTerminal(["run", ...args, "-e", code], [], {
      env: { ...env(), ...terminal },
    });
    expect(exitCode).toBe(0);
    expect(transcript).toContain(shown);
    expect(transcript).toContain("Saved result-1.png");
  });

  test("shows how far the transfer of a folder is on a terminal, and copies it byte for byte", async () => {
    const cwd = temporaryFolder();
    mkdirSync(path.join(cwd, "data/below"), { recursive: true });
    const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 256));
    writeFileSync(path.join(cwd, "data/one.bin"), bytes);
    writeFileSync(path.join(cwd, "data/below/two.bin"), bytes);
    const args = ["run", "--upload", "data", "--download", "data:copy", "-e", "None"];
    const { exitCode, transcript } = await onTerminal(args, [], { cwd, env: env() });
    expect(exitCode).toBe(0);
    for (const title of ["Uploading data", "Downloading data"]) {
      expect(transcript).toMatch(new RegExp(`${title}  █{24} 100 %  600 kB`));
    }
    expect(readFileSync(path.join(cwd, "copy/below/two.bin"))).toEqual(bytes);
  });

  test("copies files in and out, and leaves no sandbox behind", async () => {
    const cwd = temporaryFolder();
    writeFileSync(path.join(cwd, "in.txt"), "données");
    const code = "open('out.txt', 'w').write(open('in.txt').read().upper())";
    const args = ["run", "--upload", "in.txt", "--download", "out.txt:copy.txt", "-e", `_ = ${code}`];
    expect(await call(args, { cwd, env: env() })).toEqual({ exitCode: 0, stdout: "", stderr: "" });
    expect(readFileSync(path.join(cwd, "copy.txt"), "utf8")).toBe("DONNÉES");
    expect(readdirSync(cwd).sort()).toEqual(["copy.txt", "in.txt"]);
    const page = await SandboxManager.create({ connectionConfig: connection() }).listSandboxInfos();
    expect(page).toMatchObject({ pagination: { totalItems: 0 } });
  });

  test("Ctrl-C interrupts the program, kills the sandbox and exits with 130", async () => {
    const code = "import time\nprint('begun', flush=True)\ntime.sleep(60)";
    const { child, printed, ended } = start(["run", "-e", code], { env: env() });
    await printed("begun");
    child.kill("SIGINT");
    const { exitCode, stderr } = await ended;
    expect(exitCode).toBe(130);
    expect(stderr).toContain("KeyboardInterrupt");
    const page = await SandboxManager.create({ connectionConfig: connection() }).listSandboxInfos();
    expect(page).toMatchObject({ pagination: { totalItems: 0 } });
  });

  test("a second Ctrl-C on the terminal leaves at once", async () => {
    const code =
      "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nprint('begun', flush=True)\nwhile True: pass";
    const { exitCode, transcript } = await onTerminal(
      ["run", "-e", code],
      [
        { expect: "begun", send: "\x03" },
        { expect: "Press Ctrl-C again to leave at once.", send: "\x03" },
      ],
      { env: env() },
    );
    expect(exitCode).toBe(130);
    expect(plainText(transcript)).toMatch(/to leave at once\.\n(\^C)?$/);
    const manager = SandboxManager.create({ connectionConfig: connection() });
    // Leaving at once does not wait for the end of the sandbox.
    for await (const { id } of await manager.listSandboxInfos()) await manager.killSandbox(id);
    await manager.close();
  });

  test.each([
    ["deny", "not reached\n"],
    ["allow", "reached\n"],
  ])("--network %s on this machine", async (mode, printed) => {
    const listener = createServer().listen(0, "127.0.0.1");
    await once(listener, "listening");
    const { port } = listener.address() as AddressInfo;
    const code = `import socket
try:
    socket.create_connection(("127.0.0.1", ${port}), 5).close()
    print("reached")
except OSError:
    print("not reached")`;
    expect(await call(["run", "--network", mode, "-e", code])).toMatchObject({
      exitCode: 0,
      stdout: printed,
    });
    listener.close();
  });

  test("--network with hosts reaches these only, on this machine", async () => {
    const web = await startWeb();
    const code = `import urllib.request
for url in ["${web.url}", "http://10.0.0.1/"]:
    try:
        print(urllib.request.urlopen(url).read().decode().strip())
    except OSError as error:
        print(error)`;
    const { exitCode, stdout, stderr } = await call(["run", "--network", `*.example, ${HOST}`, "-e", code]);
    web.server.close();
    expect(stdout).toBe("hello\nHTTP Error 403: Denied by the network policy\n");
    expect(exitCode).toBe(0);
    expect(stderr).toContain(`isolated by bubblewrap, network only to *.example, ${HOST}.`);
  });

  test("a time limit is a failure of 70 that says which option to raise", async () => {
    const { exitCode, stderr } = await call(["run", "--timeout", "1", "-e", "while True: pass"], {
      env: env(),
    });
    expect(exitCode).toBe(70);
    expect(stderr).toContain("Raise --timeout");
  });

  test("--keep leaves the sandbox, in which exec and files then work by --sandbox", async () => {
    const cwd = temporaryFolder();
    const given = { cwd, env: env() };
    const kept = await call(["run", "--keep", "-e", "_ = open('kept.txt', 'w').write('kept')"], given);
    const [, id = ""] = /^Sandbox (\S+) keeps running until /.exec(kept.stderr) ?? [];
    const sandbox = ["--sandbox", id];
    const [shown, failed, read, listed, pulled, all, info] = await Promise.all([
      call(["exec", ...sandbox, "--", "cat", "kept.txt"], given),
      call(["exec", ...sandbox, "echo a; echo b >&2; exit 9"], given),
      call(["files", ...sandbox, "cat", "kept.txt"], given),
      call(["files", ...sandbox, "ls", "-o", "json"], given),
      call(["files", ...sandbox, "pull", "kept.txt", "here.txt"], given),
      call(["sandboxes", "ls", "-o", "json"], given),
      call(["sandboxes", "info", id], given),
    ]);
    expect(shown).toMatchObject({ stdout: "kept\n" });
    expect(failed).toEqual({ exitCode: 9, stdout: "a\n", stderr: "b\n" });
    expect(read).toMatchObject({ stdout: "kept" });
    expect(JSON.parse(listed.stdout)).toMatchObject({ type: "file", size: 4 });
    expect(pulled).toMatchObject({ exitCode: 0 });
    expect(JSON.parse(all.stdout)).toMatchObject({ id });
    expect(info).toMatchObject({ stdout: expect.stringContaining(id) });
    expect(await call(["files", ...sandbox, "push", "here.txt", "there.txt"], given)).toMatchObject({
      exitCode: 0,
    });
    expect(await call(["files", ...sandbox, "rm", "there.txt"], given)).toMatchObject({ exitCode: 0 });
    expect(await call(["files", ...sandbox, "rm", "there.txt"], given)).toMatchObject({ exitCode: 70 });
    expect(await call(["sandboxes", "kill", id], given)).toEqual({
      exitCode: 0,
      stdout: `${id}  killed\n`,
      stderr: "",
    });
    expect(await call(["sandboxes", "ls"], given)).toMatchObject({
      stdout: "",
      stderr: "There are no sandboxes.\n",
    });
  });
});
