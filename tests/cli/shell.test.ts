import { expect, test } from "@jest/globals";
import { describeIf, hasPython, isolationWorks, NO_ISOLATION_REASON } from "../helpers/skips.js";
import { call, useServer } from "./command.js";
import { onTerminal, plainText } from "./terminal.js";

describeIf(
  isolationWorks && hasPython,
  "cli/shell",
  `${NO_ISOLATION_REASON}, or no Python`,
)("shell", () => {
  const { env } = useServer();

  test("passes keys and output on, Ctrl-C too, and ends with the exit code of the shell", async () => {
    const { transcript, exitCode } = await onTerminal(
      ["shell", "--cwd", "/tmp"],
      [
        { expect: "$ ", send: "pwd; stty size; bash -c 'echo up\"\"1; exec sleep 1000'\r" },
        { expect: "up1\r", send: "\x03" },
        { expect: "$ ", send: "echo code $?; exit 7\r" },
      ],
      { env: env() },
    );
    const text = plainText(transcript);
    expect(text).toContain("/tmp\n24 80\n");
    expect(text).toContain("code 130\n");
    expect(exitCode).toBe(7);
  });

  test("runs one command on the terminal, without a configured server too", async () => {
    const { transcript, exitCode } = await onTerminal(["shell", "--", "test", "-t", "0", "&&", "tty"], []);
    expect(plainText(transcript)).toContain("running locally, isolated by");
    expect(plainText(transcript)).toContain("/dev/pts/");
    expect(exitCode).toBe(0);
  });

  test("needs a terminal", async () => {
    const { exitCode, stderr } = await call(["shell"], { env: env() });
    expect(exitCode).toBe(2);
    expect(stderr).toContain("shell needs a terminal");
  });
});
