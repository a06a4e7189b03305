import { expect } from "@jest/globals";
import type { ExpectedText } from "../../helpers/expect-execution.js";
import type { Exchange } from "../../helpers/fixtures.js";
import type { Area, Case, World } from "../../helpers/worlds.js";

const SESSION = "da855e7b-6229-4f36-8583-42dee278a816";
const IDLE = "f8de1126-10af-467e-a730-9d3af6720f66";

const create = (options: { cwd?: string; makes?: string } = {}): Case => {
  const { cwd, makes } = options;
  return {
    call: ({ sandbox }) => sandbox.commands.createSession({ cwd }),
    sends: cwd === undefined ? {} : { cwd },
    gives: expect.objectContaining({ id: expect.any(String) }),
    ...(makes !== undefined && { makes }),
  };
};
const runIn =
  (id: string) =>
  ({ sandbox, idOf }: World, { request }: Exchange) => {
    const { command, cwd } = request.body as { command: string; cwd?: string };
    return sandbox.commands.attachSession(idOf(id)).run(command, { cwd });
  };
const prints = (stdout: string): Case => ({
  call: runIn(SESSION),
  ends: { stdout, stderr: "", exitCode: 0, error: undefined },
});
const exits = (exitCode: number, stdout: ExpectedText = ""): Case => ({
  call: runIn(SESSION),
  ends: { stdout, stderr: "", exitCode, error: ["CommandExecError", String(exitCode)] },
});
/** The shell prints the path of its script. */
const notFound = (begin: string, name: string): ExpectedText =>
  expect.stringMatching(`^${begin}.+: line \\d+: ${name}: command not found\n$`);

export const sessions: Area = {
  name: "sessions",
  fixture: "execd-session",
  cases: {
    "create no body": create(),
    "create {}": create({ makes: SESSION }),
    "create cwd new dir (auto mkdir -p)": create({ cwd: "/workspace/sess/new" }),
    "create cwd relative": create({ cwd: "reldir_x" }),
    pwd: prints("/workspace\n"),
    cd: prints(""),
    "pwd persisted": prints("/var\n"),
    export: prints(""),
    "export persisted": exits(127, notFound("\\[1\\]\\[\\]\n", "f")),
    "cwd override": prints("/tmp\n"),
    "pwd after override (override sticks)": prints("/tmp\n"),
    "blank lines dropped": prints("a\nb\n"),
    crlf: prints("a\nb\n"),
    "no newline": prints("abc\n"),
    "stderr merged": prints("o\ne\n"),
    "exit code 7": exits(7),
    "exit builtin": exits(4),
    "pwd after exit (state of that run lost)": prints("/tmp\n"),
    false: exits(1),
    "not found": exits(127, notFound("", "nosuch_zz")),
    "after timeout": prints("ok\n"),
    // 0 and a missing timeout are equivalent.
    "timeout 0": { ...prints("x\n"), sends: { command: "echo x" } },
    "cwd missing": {
      call: runIn(SESSION),
      fails: [
        400,
        "INVALID_REQUEST_BODY",
        /working directory does not exist: \/nope: stat \/nope: no such fi/,
      ],
    },
    "multi-line export": prints(""),
    unicode: prints("世界 🎉\n"),
    "invalid utf8": prints("a\ufffd\n"),
    "no output": prints(""),
    stdin: prints("rc=0\n"),
    slow: {
      with: ["concurrent in same session"],
      call: async ({ sandbox: { commands }, idOf }) => {
        const runs = ["sleep 1.5; echo slow-done", "echo quick"].map((command) =>
          commands.attachSession(idOf(SESSION)).run(command),
        );
        return (await Promise.all(runs)).map(({ stdout }) => stdout);
      },
      gives: ["slow-done\n", "quick\n"],
    },
    "slow then session deleted": {
      with: ["delete running"],
      call: async ({ sandbox: { commands }, idOf }) => {
        const onInit = () => commands.attachSession(idOf(SESSION)).delete();
        const { stdout, exitCode, signal } = await commands
          .attachSession(idOf(SESSION))
          .run("sleep 5; echo never", { handlers: { onInit } });
        return { stdout, exitCode, signal };
      },
      gives: { stdout: "", exitCode: -1, signal: "killed" },
    },
    "delete again": {
      call: ({ sandbox, idOf }) => sandbox.commands.attachSession(idOf(SESSION)).delete(),
      fails: [404, "CONTEXT_NOT_FOUND", /^session \S+ not found$/],
    },
    "run after delete": {
      call: runIn(SESSION),
      fails: [500, "RUNTIME_ERROR", "error running in session. context not found"],
    },
    "create {} (2)": create({ makes: IDLE }),
    "after interrupt": {
      call: runIn(IDLE),
      // An interrupt closes an idle session, so the SDK does not send one.
      before: ({ sandbox, idOf }) => sandbox.commands.attachSession(idOf(IDLE)).delete(),
      fails: [500, "RUNTIME_ERROR", "error running in session. context not found"],
    },
    "create {} (3)": create(),
  },
};
