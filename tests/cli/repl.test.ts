import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "@jest/globals";
import { SandboxManager } from "../../src/index.js";
import { isComplete } from "../../src/cli/repl/input.js";
import { describeIf, hasPython, isolationWorks, NO_ISOLATION_REASON } from "../helpers/skips.js";
import { call, start, temporaryFolder, useServer } from "./command.js";
import { onTerminal, plainText } from "./terminal.js";

test.each([
  ["python", "1 + 1", true],
  ["python", "f(1,", false],
  ["python", "print('(', \"[\") # {", true],
  ["python", "def f():", false],
  ["python", "def f():\n    return 1", false],
  ["python", "def f():\n    return 1\n", true],
  ["python", "@decorated", false],
  ["python", "x = '''a", false],
  ["python", "x = '''a\n'''", true],
  ["python", "x = 1 + \\", false],
  ["python", "for i in x: print(i)", true],
  ["javascript", "const x = {", false],
  ["javascript", "const x = {\n}", true],
  ["javascript", "`a ${b", false],
  ["javascript", "/* a", false],
  ["javascript", "f('}', \"{\") // {", true],
  ["typescript", "interface A {", false],
  ["go", "func f() int {", false],
  ["java", "int f() { return 1; }", true],
  ["java", 'var x = """', false],
  ["bash", "if true; then", false],
  ["bash", "if true; then\necho 1\nfi", true],
  ["bash", "for x in a b; do", false],
  ["bash", "case $x in\na) echo 1;;\nesac", true],
  ["bash", "f() {", false],
  ["bash", "f() {\necho 1\n}", true],
  ["bash", "cat <<EOF\na", false],
  ["bash", "cat <<EOF\na\nEOF", true],
  ["bash", "ls |", false],
  ["bash", "echo 'a", false],
  ["bash", 'echo "${x}" $# # \'', true],
  ["bash", "echo (\n\n", true],
])("in %s, whether %j is complete is %s", (language, text, complete) => {
  expect(isComplete(language, text)).toBe(complete);
});

describeIf(
  isolationWorks && hasPython,
  "cli/repl",
  NO_ISOLATION_REASON,
)("repl", () => {
  test("keeps state, takes blocks, shows values and errors, and runs what comes from a pipe", async () => {
    const input =
      'x = 41\nx + 1\ndef f(a):\n    return a * 2\n\nf(4)\n1/0\nprint("end", end="")\n.lang js\nlet y = {\n a: 1 }\ny';
    const { exitCode, stdout, stderr } = await call(["repl"], { input });
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: "42\n8\nend\n{ a: 1 }\n" });
    expect(stderr).toContain("ZeroDivisionError: division by zero");
  });

  test("loads and saves files, resets a language, and says what a command lacks", async () => {
    const cwd = temporaryFolder();
    writeFileSync(path.join(cwd, "given.py"), "z = 5\n");
    const input = ".load given.py\nz\n.save out.py\n.reset\nz\n.load missing.py\n.files\n.lang cobol\n";
    const { exitCode, stdout, stderr } = await call(["repl", "python"], { input, cwd });
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: "5\n" });
    expect(readFileSync(path.join(cwd, "out.py"), "utf8")).toBe("z = 5\n\nz\n");
    expect(stderr).toContain("NameError");
    expect(stderr).toContain("repl: missing.py: ENOENT");
    expect(stderr).toContain("repl: .lang takes one of python");
  });

  test("on a terminal it has a prompt, completes names, interrupts with Ctrl-C and keeps its history", async () => {
    const home = temporaryFolder();
    const env = { HOME: home };
    const { transcript, exitCode } = await onTerminal(
      ["repl"],
      [
        { expect: ">>> ", send: "some_long_name = 20\r" },
        { expect: ">>> ", send: "some_lo" },
        { expect: "some_lo", send: "\t" },
        { expect: "ng_name", send: " + 1\r" },
        { expect: "21", send: "" },
        { expect: ">>> ", send: "for i in range(2):\r" },
        { expect: "... ", send: "    print('row', i)\r" },
        { expect: "... ", send: "\r" },
        { expect: "row 1", send: "" },
        { expect: ">>> ", send: "print('begun'); import time; time.sleep(60)\r" },
        { expect: "\nbegun", send: "\x03" },
        { expect: "KeyboardInterrupt", send: "" },
        { expect: ">>> ", send: "some_long_name + 2\r" },
        { expect: "22", send: "" },
        { expect: ">>> ", send: "half a line\x03" },
        { expect: ">>> ", send: "\x04" },
      ],
      { env },
    );
    expect(exitCode).toBe(0);
    expect(plainText(transcript)).toContain("python in a sandbox. .help lists commands; Ctrl-D leaves.");
    const again = await onTerminal(
      ["repl"],
      [
        { expect: ">>> ", send: "\x1b[A\x1b[A" },
        { expect: "time.sleep(60)", send: "\x03" },
        { expect: ">>> ", send: "\x04" },
      ],
      { env },
    );
    expect(again.exitCode).toBe(0);
  });

  test("pasted lines wait for Enter, with their tabs and blank lines", async () => {
    const pasted = "\x1b[200~def g():\r\tx = 1\r\r\treturn x + 6\r\x1b[201~";
    const { transcript } = await onTerminal(
      ["repl"],
      [
        { expect: ">>> ", send: `${pasted}\r` },
        { expect: ">>> ", send: "g()\r" },
        { expect: "\n7", send: "" },
        { expect: ">>> ", send: "\x04" },
      ],
    );
    expect(transcript).not.toContain("Error");
  });

  describe("on a server", () => {
    const { env, connection } = useServer();

    test("goes on in a new sandbox when the old one has ended", async () => {
      const manager = SandboxManager.create({ connectionConfig: connection() });
      const { printed, child, ended } = start(["repl"], { env: env(), keepsInputOpen: true });
      child.stdin.write("x = 6\nx * 7\n");
      await printed("42\n");
      for await (const { id } of await manager.listSandboxInfos()) await manager.killSandbox(id);
      child.stdin.write("5 * 5\n");
      await printed("25\n");
      child.stdin.end("x\n");
      const { exitCode, stderr } = await ended;
      expect(exitCode).toBe(0);
      expect(stderr).toContain("The sandbox had ended. This is a new one: variables and files are gone.");
      expect(stderr).toContain("NameError");
      expect(await manager.listSandboxInfos()).toMatchObject({ items: [] });
    });
  });
});
