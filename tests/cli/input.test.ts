import { expect, test } from "@jest/globals";
import { describeIf, hasPython, isolationWorks, NO_ISOLATION_REASON } from "../helpers/skips.js";
import { call, useServer } from "./command.js";
import { onTerminal, plainText } from "./terminal.js";

const ASKING = `
import getpass
name = input("Name? ")
password = getpass.getpass("Password: ")
print("hello", name, len(password))
`;

describeIf(
  isolationWorks && hasPython,
  "cli/input",
  `${NO_ISOLATION_REASON}, or no Python`,
)("a program that asks for input", () => {
  const { env } = useServer();

  test("is answered on the terminal, and a password is not shown", async () => {
    const { transcript, exitCode } = await onTerminal(
      ["run", "-e", ASKING],
      [
        { expect: "Name? ", send: "Adx\x7fa\r" },
        { expect: "Password: ", send: "secret\r" },
        { expect: "hello Ada 6", send: "" },
      ],
      { env: env() },
    );
    expect(plainText(transcript)).not.toContain("secret");
    expect(exitCode).toBe(0);
  });

  test("gets EOFError by Ctrl-D, and is interrupted by Ctrl-C", async () => {
    const ended = await onTerminal(["run", "-e", "input('Name? ')"], [{ expect: "Name? ", send: "\x04" }], {
      env: env(),
    });
    expect(plainText(ended.transcript)).toContain("EOFError");
    expect(ended.exitCode).toBe(1);
    const interrupted = await onTerminal(
      ["run", "-e", "input('Name? ')"],
      [{ expect: "Name? ", send: "\x03" }],
      { env: env() },
    );
    expect(interrupted.exitCode).toBe(130);
  });

  test("is answered in the repl, which goes on with its line editor", async () => {
    const { transcript, exitCode } = await onTerminal(
      ["repl", "python"],
      [
        { expect: ">>> ", send: "name = input('Name? ')\r" },
        { expect: "Name? ", send: "Ada\r" },
        { expect: ">>> ", send: "input('Again? ')\r" },
        { expect: "Again? ", send: "\x03" },
        { expect: "KeyboardInterrupt", send: "" },
        { expect: ">>> ", send: "name + ' is here'\r" },
        { expect: "'Ada is here'", send: "" },
        { expect: ">>> ", send: ".exit\r" },
      ],
      { env: env() },
    );
    expect(plainText(transcript)).toContain("'Ada is here'");
    expect(exitCode).toBe(0);
  });

  test("asks nobody without a terminal", async () => {
    const { exitCode, stderr } = await call(["run", "-e", "input('Name? ')"], { env: env() });
    expect(stderr).toContain("StdinNotImplementedError");
    expect(exitCode).toBe(1);
  });
});
