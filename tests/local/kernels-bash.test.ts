import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type LocalSandbox, startSandbox } from "../helpers/local-sandbox.js";

let sandbox: LocalSandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(async () => sandbox[Symbol.asyncDispose]());

const run = (code: string, contextId?: string) => sandbox.run("bash", code, contextId);

test("variables, functions, aliases and the directory are kept", async () => {
  await run("x=5; f() { echo \"f $1 $x\"; }; alias hi='echo alias'; cd /tmp");
  expect(await run("f a\npwd\nhi")).toMatchObject({ stdout: "f a 5\n/tmp\nalias\n", error: undefined });
});

test("standard output and standard error are separate, and can be opened by name", async () => {
  const outcome = await run("echo out; echo err >&2; echo named > /dev/stderr");
  expect(outcome).toMatchObject({ stdout: "out\n", stderr: "err\nnamed\n", error: undefined });
});

test("nothing else is printed, even in a context's first run", async () => {
  const contextId = await sandbox.createContext("bash");
  const outcome = await run("true", contextId);
  expect(outcome.order).toEqual(["init", "execution_complete"]);
});

test("a non-zero exit status is an error with an empty name", async () => {
  expect(await run("(exit 7)")).toMatchObject({
    error: { ename: "", evalue: "7", traceback: "" },
    isComplete: true,
  });
});

test("bash's messages contain the line", async () => {
  const missing = await run("echo a\nno_such_program\necho $LINENO");
  expect(missing).toMatchObject({
    stdout: "a\n3\n",
    stderr: "bash: line 2: no_such_program: command not found\n",
  });
  expect(await run("if then")).toMatchObject({ stdout: "", error: { evalue: "2" } });
  const syntax = await run("echo a\nif then");
  expect(syntax).toMatchObject({ stdout: "a\n", error: { evalue: "2" } });
  expect(syntax.stderr).toContain("line 2: syntax error");
});

test("BASH_SOURCE and $0 are in the current directory, as in a script that was started", async () => {
  await run("mkdir -p /tmp/project; cd /tmp/project");
  const code = `cd "$(dirname "\${BASH_SOURCE[0]}")" && pwd
[[ "\${BASH_SOURCE[0]}" == "$0" ]] && echo main
echo "$OLDPWD $#"`;
  expect(await run(code)).toMatchObject({ stdout: "/tmp/project\nmain\n/tmp/project 0\n", stderr: "" });
});

test("code can leave a directory that was removed", async () => {
  await run("mkdir -p /tmp/removed; cd /tmp/removed; rmdir /tmp/removed");
  expect(await run("echo here; cd /tmp; pwd")).toMatchObject({ stdout: "here\n/tmp\n", error: undefined });
});

test.each([
  [
    "DEBUG",
    "trap 'echo dbg' DEBUG",
    "echo b\ntrap - DEBUG\necho c",
    { stdout: "dbg\nb\ndbg\nc\n", stderr: "" },
  ],
  ["ERR", "trap 'echo failed' ERR", "false; true", { stdout: "failed\n", stderr: "" }],
  ["RETURN", "trap 'echo returned' RETURN", "echo b", { stdout: "b\n", stderr: "" }],
])("a %s trap fires for the user's commands only", async (_signal, trap, code, output) => {
  const contextId = await sandbox.createContext("bash");
  await run(trap, contextId);
  expect(await run(code, contextId)).toMatchObject(output);
});

test("functions do not inherit a DEBUG trap unless the code asks for it", async () => {
  const contextId = await sandbox.createContext("bash");
  await run("f() { echo f; }; trap 'echo dbg' DEBUG", contextId);
  expect((await run("f", contextId)).stdout).toBe("dbg\nf\n");
  await run("trap - DEBUG; set -T; trap 'echo dbg' DEBUG", contextId);
  expect((await run("f", contextId)).stdout).toContain("dbg\nf\n");
  expect((await run("trap - DEBUG; echo $-", contextId)).stdout).toContain("T");
});

test("set -x prints only the user's commands, and set -a does not export the kernel's variables", async () => {
  const contextId = await sandbox.createContext("bash");
  await run("set -xa", contextId);
  const { stdout, stderr } = await run("env | grep -c opensandbox", contextId);
  expect(stdout).toBe("0\n");
  expect(stderr).toMatch(/^(\++ (env|grep -c opensandbox)\n)+$/);
});

test("standard input is empty", async () => {
  expect((await run("cat; read line; echo $?")).stdout).toBe("1\n");
});

test("quotes, here documents and history characters are not changed", async () => {
  const code = `cat <<'HERE'
it's "$x" \\ \`!!\` é€😀
HERE
echo "hi!there" '!$'`;
  expect((await run(code)).stdout).toBe('it\'s "$x" \\ `!!` é€😀\nhi!there !$\n');
});

test("half a character becomes a replacement character, and NUL is a character", async () => {
  expect((await run("printf 'a\\0b\\xe2\\x82'")).stdout).toBe("a\0b\ufffd");
});

test("a background process does not print into a later run", async () => {
  await run("(while true; do echo background; sleep 0.01; done) & sleep 0.05");
  expect((await run("sleep 0.2; echo own")).stdout).toBe("own\n");
});

test.each([
  ["exit", "exit 4", "4"],
  ["set -e", "set -e; false; echo never", "1"],
])("%s ends the shell, and the context starts anew", async (_what, code, status) => {
  await run("gone=1");
  const { error, stdout } = await run(`echo last; ${code}`);
  expect(stdout).toBe("last\n");
  expect(error).toMatchObject({ ename: "", evalue: status });
  expect((await run("echo [$gone]")).stdout).toBe("[]\n");
});

test("the history is empty and does not contain the kernel's commands", async () => {
  expect((await run("history; fc -l 2>/dev/null; echo none")).stdout).toBe("none\n");
});

test("a shell that is killed is reported", async () => {
  expect((await run("kill -9 $$")).error).toMatchObject({ ename: "KernelDied" });
  expect((await run("echo again")).stdout).toBe("again\n");
});

test("a run that the shell does not start is reported", async () => {
  await run("mkdir -p /tmp/removed; cd /tmp/removed; rmdir /tmp/removed");
  // In a directory that was removed, the code sees the whole name of the file that runs it.
  expect((await run('cd /tmp; : > "${BASH_SOURCE[0]}"')).error).toBeUndefined();
  expect((await run("echo never")).error).toMatchObject({ ename: "KernelDied" });
  // The spare shell may have been started before the file was emptied. The start of the one after it writes the file again.
  await run("echo perhaps");
  expect((await run("echo again")).stdout).toBe("again\n");
});

test("the code can define functions named like the commands that run it", async () => {
  await run(".() { :; }; eval() { :; }; set() { :; }");
  expect((await run("echo runs")).stdout).toBe("runs\n");
});

test("a context's first run is started while the next shell is", async () => {
  for (let each = 0; each < 30; each++) {
    await run("exit");
    expect((await run("echo new")).stdout).toBe("new\n");
  }
});

describe("an interrupt", () => {
  test.each([
    ["a loop", "echo runs; while true; do :; done"],
    ["a program", "echo runs; sleep 60"],
    ["a function", "echo runs; g() { sleep 60; echo never; }; g; echo never"],
    ["a pipeline", "sleep 60 | { echo runs; cat; }; echo never"],
    ["a subshell", "echo runs; (sleep 60; echo never); echo never"],
  ])("ends %s and keeps the state", async (_what, code) => {
    const contextId = await sandbox.createContext("bash");
    const endless = sandbox.startRun("bash", `kept=kept; ${code}`, contextId);
    await endless.until("runs");
    await sandbox.interrupt(contextId);
    const { error, stdout } = await endless.outcome;
    expect(error).toMatchObject({ ename: "KeyboardInterrupt", evalue: "" });
    expect(stdout).toBe("runs\n");
    expect((await run("echo $kept", contextId)).stdout).toBe("kept\n");
  });

  test("is reported as an interrupt if it ends the shell after set -e, with a note that the state is lost", async () => {
    const contextId = await sandbox.createContext("bash");
    const endless = sandbox.startRun("bash", "kept=kept; set -e; echo runs; sleep 60", contextId);
    await endless.until("runs");
    await sandbox.interrupt(contextId);
    const { error } = await endless.outcome;
    expect(error).toMatchObject({ ename: "KeyboardInterrupt", evalue: "" });
    // The outcome depends on which of the two the signal reaches first.
    const isLost = error?.traceback.includes("variables are lost") === true;
    expect((await run("echo [$kept]", contextId)).stdout).toBe(isLost ? "[]\n" : "[kept]\n");
  });

  test("kills programs that ignore it when it is repeated, and keeps the state", async () => {
    const contextId = await sandbox.createContext("bash");
    const { error, stdout } = await insist(
      contextId,
      "kept=kept; (trap '' INT; echo runs; sleep 60; echo never)",
    );
    expect({ error: error?.ename, stdout }).toEqual({ error: "KeyboardInterrupt", stdout: "runs\n" });
    expect((await run("echo $kept", contextId)).stdout).toBe("kept\n");
  });

  test("kills a shell that ignores it when it is repeated, and the context starts a new one", async () => {
    const contextId = await sandbox.createContext("bash");
    const { error } = await insist(contextId, "gone=gone; trap '' INT; echo runs; while :; do :; done");
    expect(error).toMatchObject({ ename: "KernelDied" });
    expect(error?.evalue).toContain("it did not end the code that was interrupted");
    expect((await run("echo [$gone]", contextId)).stdout).toBe("[]\n");
  });

  /** Sends as many interrupts as the SDK does, some of them concurrently. */
  async function insist(contextId: string, code: string) {
    const endless = sandbox.startRun("bash", code, contextId);
    await endless.until("runs");
    for (let count = 0; count < 4; count++) await sandbox.interrupt(contextId);
    return endless.outcome;
  }

  test("never makes a run hang, whenever it arrives", async () => {
    const contextId = await sandbox.createContext("bash");
    await run("kept=kept", contextId);
    for (let moment = 0; moment < 40; moment++) {
      const endless = sandbox.startRun("bash", "while :; do :; done", contextId);
      await new Promise((resolve) => setTimeout(resolve, moment % 8));
      // An interrupt that arrives before the request itself has no effect.
      const again = setInterval(() => void sandbox.interrupt(contextId), 500);
      await sandbox.interrupt(contextId);
      expect((await endless.outcome).error?.ename).toBe("KeyboardInterrupt");
      clearInterval(again);
    }
    expect((await run("echo $kept", contextId)).stdout).toBe("kept\n");
  });
});
