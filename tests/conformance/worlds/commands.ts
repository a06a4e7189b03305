import { expect } from "@jest/globals";
import { Sandbox, type RunCommandOptions } from "../../../src/index.js";
import type { ExpectedExecution } from "../../helpers/expect-execution.js";
import type { Exchange } from "../../helpers/fixtures.js";
import { until } from "../../helpers/local-sandbox.js";
import type { Area, Case, World } from "../../helpers/worlds.js";
import { runRecorded } from "./runs.js";

const OK: ExpectedExecution = { stdout: "", stderr: "", text: undefined, error: undefined, exitCode: 0 };

const commandOf = ({ request }: Exchange): string => (request.body as { command: string }).command;
const start =
  (options: RunCommandOptions = {}) =>
  ({ sandbox }: World, exchange: Exchange) =>
    sandbox.commands.run(commandOf(exchange), options);
const prints = (stdout: string, options?: RunCommandOptions): Case => ({
  call: start(options),
  ends: { ...OK, stdout },
});
const exits = (exitCode: number, expected: ExpectedExecution = {}): Case => ({
  call: start(),
  ends: { ...OK, exitCode, error: ["CommandExecError", String(exitCode)], ...expected },
});

export const commands: Area = {
  name: "commands",
  fixture: "execd-command",
  cases: {
    echo: prints("hello\n"),
    "multi-line": prints("a\nb\nc\n"),
    "blank lines": prints("a\n\nb\n\n\nc\n"),
    "leading blank": prints("\nabc\n"),
    "carriage-return progress": prints("10%\n20%\n30%\n"),
    "no trailing newline": prints("abc\n"),
    "stderr+exit3": exits(3, { stdout: "out\n", stderr: "err\n" }),
    interleave: { call: start(), ends: { ...OK, stdout: "o1\no2\no3\n", stderr: "e1\ne2\ne3\n" } },
    "self-kill": exits(-1),
    cwd: prints("/tmp\n", { cwd: "/tmp" }),
    "cwd missing": {
      call: start({ cwd: "/no/such/dir" }),
      fails: [
        400,
        "INVALID_REQUEST_BODY",
        "invalid request, validation error working directory does not exist: /no/such/dir: stat /no/such/dir: no such file or directory",
      ],
    },
    unicode: prints("héllo 世界 🎉\n"),
    "invalid utf8": prints("a\ufffd\ufffdb\n"),
    "html chars": prints('<b>&amp;"quoted"</b>\n'),
    "nul and control": prints("a\0b\u0001\u001b[31mred\u001b[0m\t|\n"),
    "u0085 u2028": prints("x\u0085y\u2028z\n"),
    stdin: prints("done-0\n"),
    "tty?": prints("notty\nxterm\nbash\n"),
    "set -e pipeline": prints("0\n"),
    "syntax error": exits(2, {
      stderr: "bash: -c: line 1: syntax error near unexpected token `then'\nbash: -c: line 1: `if then'\n",
    }),
    "multiline script": exits(5, { stdout: "line1\nline2\n" }),
    "concurrent-1": {
      with: ["concurrent-2"],
      call: async ({ sandbox }) => {
        const runs = [sandbox.commands.run("sleep 1; echo one"), sandbox.commands.run("echo two")];
        return (await Promise.all(runs)).map(({ stdout }) => stdout);
      },
      gives: ["one\n", "two\n"],
    },
    "interrupt unknown": {
      call: ({ sandbox }) => sandbox.commands.interrupt("nope"),
      fails: [500, "RUNTIME_ERROR", "error interruptting code context. no such session"],
    },
    "code language command": { call: runRecorded, ends: { ...OK, stdout: "from-code2\n" } },
    "code bg-command": { call: runRecorded, ends: { ...OK, exitCode: undefined } },
  },
};

const FOREGROUND = "5cb741850da94fb1bbcdd15899a80792";
const LEFT = "203ac9462611424ea4c8c06ac9db3967";
const BACKGROUND = "b45213e24c2d4fb1be08fcb003593463";
const LATE = "8275ad8dc06a472ab1dbbdd3f705ed25";
const STOPPED = "cad6d2c36f88400a9eba9350e8050f23";
/** A command that runs until the file exists. */
const WAITS = "until [ -e /tmp/go ]; do sleep 0.01; done";

const begins = (makes: string, options: RunCommandOptions = {}): Case => ({
  call: start({ background: true, ...options }),
  ends: { ...OK, exitCode: undefined },
  makes,
});
const status = (id: string, expected: Readonly<Record<string, unknown>>): Case => ({
  call: ({ sandbox, idOf }) => sandbox.commands.getStatus(idOf(id)),
  gives: ({ idOf }: World) => ({
    id: idOf(id),
    command: expect.any(String),
    exitCode: null,
    signal: undefined,
    error: undefined,
    startedAt: expect.any(Date),
    finishedAt: expected["isRunning"] === true ? undefined : expect.any(Date),
    ...expected,
  }),
});
/** The SDK always sends a cursor. */
const logs = (id: string, from: number, text: string, cursor: number): Case => ({
  call: ({ sandbox, idOf }) => sandbox.commands.getLogs(idOf(id), { cursor: from }),
  asks: `/command/${id}/logs?cursor=${from}`,
  gives: { text, bytes: new Uint8Array(new TextEncoder().encode(text)), cursor },
});
const ended = (id: string) => (world: World) =>
  until(
    () => world.sandbox.commands.getStatus(world.idOf(id)),
    ({ isRunning }) => !isRunning,
  );
/** Starts a foreground command and resolves when it has an id. */
const startInForeground =
  (command: string, id: string) =>
  (world: World, sandbox = world.sandbox) =>
    new Promise<void>((resolve) => {
      const onInit = (init: { id: string }) => {
        world.note(id, init.id);
        resolve();
      };
      sandbox.commands.run(command, { handlers: { onInit } });
    });

export const backgroundCommands: Area = {
  name: "the status and logs of commands",
  fixture: "execd-command",
  cases: {
    "status running": {
      ...status(FOREGROUND, { command: "echo begin; sleep 30; echo end", isRunning: true }),
      before: startInForeground("echo begin; sleep 30; echo end", FOREGROUND),
    },
    "logs of foreground": {
      call: ({ sandbox, idOf }) => sandbox.commands.getLogs(idOf(FOREGROUND)),
      asks: `/command/${FOREGROUND}/logs?cursor=0`,
      fails: [400, "INVALID_REQUEST_BODY", /^command \S+ is not running in background$/],
    },
    "status after interrupt": {
      ...status(FOREGROUND, {
        isRunning: false,
        exitCode: -1,
        signal: "terminated",
        error: "signal: terminated",
      }),
      before: ({ sandbox, idOf }) => sandbox.commands.interrupt(idOf(FOREGROUND)),
    },
    "interrupt finished": {
      call: ({ sandbox, idOf }) => sandbox.commands.interrupt(idOf(FOREGROUND)),
      fails: [
        500,
        "RUNTIME_ERROR",
        /^error interruptting code context\. command session \S+ is not running$/,
      ],
    },
    "status unknown": {
      call: ({ sandbox }) => sandbox.commands.getStatus("nope"),
      asksAgain: true,
      fails: [404, "INVALID_REQUEST_BODY", "command not found: nope"],
    },
    "status after client disconnect": {
      ...status(LEFT, { isRunning: true }),
      before: async (world) => {
        const { sandbox, connectionConfig } = world;
        const other = await Sandbox.connect({ sandboxId: sandbox.id, connectionConfig });
        await startInForeground(WAITS, LEFT)(world, other);
        await other.close();
      },
    },
    "status later": {
      ...status(LEFT, { isRunning: false, exitCode: 0 }),
      before: async (world) => {
        await world.sandbox.commands.run("touch /tmp/go");
        await ended(LEFT)(world);
      },
    },
    background: begins(BACKGROUND),
    "bg status": {
      ...status(BACKGROUND, { isRunning: true }),
      // The recorded one ends after a second, which may be too early.
      before: async ({ sandbox, note }) => {
        const command = `rm /tmp/go; echo l1; echo e1 >&2; ${WAITS}; echo l2; exit 4`;
        const { id = "" } = await sandbox.commands.run(command, { background: true });
        note(BACKGROUND, id);
      },
    },
    "bg logs": {
      ...logs(BACKGROUND, 0, "l1\ne1\n", 6),
      before: ({ sandbox, idOf }) =>
        until(
          () => sandbox.commands.getLogs(idOf(BACKGROUND)),
          ({ cursor }) => cursor === 6,
        ),
    },
    "bg logs cursor=0": {
      ...logs(BACKGROUND, 0, "l1\ne1\nl2\n", 9),
      before: async (world) => {
        await world.sandbox.commands.run("touch /tmp/go");
        await ended(BACKGROUND)(world);
      },
    },
    "bg logs cursor=tail": logs(BACKGROUND, 9, "", 9),
    "bg logs cursor=3": logs(BACKGROUND, 3, "e1\nl2\n", 9),
    "bg logs cursor=9999": logs(BACKGROUND, 9999, "", 9999),
    "bg status done": status(BACKGROUND, { isRunning: false, exitCode: 4, error: "exit status 4" }),
    "background timeout": begins(LATE, { timeoutSeconds: 0.3 }),
    "bg timeout status": {
      ...status(LATE, { isRunning: false, exitCode: -1, signal: "killed", error: "signal: killed" }),
      before: ended(LATE),
    },
    "background interrupt": begins(STOPPED),
    "bg status after interrupt": {
      ...status(STOPPED, {
        isRunning: false,
        exitCode: -1,
        signal: "terminated",
        error: "signal: terminated",
      }),
      before: ({ sandbox, idOf }) => sandbox.commands.interrupt(idOf(STOPPED)),
    },
    "background cwd missing": {
      call: start({ background: true, cwd: "/nope" }),
      fails: [
        400,
        "INVALID_REQUEST_BODY",
        "invalid request, validation error working directory does not exist: /nope: stat /nope: no such file or directory",
      ],
    },
  },
};
