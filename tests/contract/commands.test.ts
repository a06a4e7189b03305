import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "@jest/globals";
import { InvalidArgumentException } from "../../src/errors.js";
import { Codes } from "../../src/services/codes.js";
import type { RunCommandOptions } from "../../src/services/commands.js";
import {
  check,
  describeExchanges,
  ends,
  fails,
  refused,
  runCode,
  sending,
  serverError,
  type Check,
  type Replayed,
} from "../helpers/exchanges.js";
import type { ExpectedExecution } from "../helpers/expect-execution.js";
import { linkTo } from "../helpers/link.js";
import { failureOf } from "../helpers/promises.js";
import { fetchBy, streamed } from "../helpers/fetch.js";

const INTERRUPTED = "5cb741850da94fb1bbcdd15899a80792";
const REQUIRED =
  "invalid request, validation error Key: 'RunCommandRequest.Command' Error:Field validation for 'Command' failed on the 'required' tag";

/** The tests of background commands, their status and their logs. */
const ELSEWHERE_FILE = "background-commands.test.ts";
const ELSEWHERE = [
  "status running",
  "logs of foreground",
  "status after interrupt",
  "status unknown",
  "status after client disconnect",
  "status later",
  "background",
  "bg status",
  "bg logs",
  "bg logs cursor=0",
  "bg logs cursor=tail",
  "bg logs cursor=3",
  "bg logs cursor=9999",
  "bg logs cursor=-1",
  "bg logs cursor=abc",
  "bg status done",
  "background timeout",
  "bg timeout status",
  "background uid bad",
  "background interrupt",
  "bg status after interrupt",
  "background cwd missing",
  "bg status immediately after init",
];

const commandOf = ({ exchange }: Replayed): string => (exchange.request.body as { command: string }).command;
const start =
  (options: RunCommandOptions = {}) =>
  (replayed: Replayed): ReturnType<Replayed["commands"]["run"]> =>
    replayed.commands.run(commandOf(replayed), options);

const OK: ExpectedExecution = { stdout: "", stderr: "", text: undefined, error: undefined, exitCode: 0 };
const prints = (stdout: string, options: RunCommandOptions = {}): Check =>
  ends(start(options), { ...OK, stdout });
const exits = (exitCode: number, expected: ExpectedExecution = {}): Check =>
  ends(start(), { ...OK, exitCode, error: ["CommandExecError", String(exitCode)], ...expected });

/** Sends any body unchanged. */
const runRaw = ({ link: { execd } }: Replayed, raw: string | undefined): Promise<unknown> =>
  execd.client.POST("/command", {
    body: { command: "true" },
    bodySerializer: () => raw,
    ...streamed(execd),
  });
const refusedCommand = (command: unknown, raw: string | undefined, message: string): Check =>
  refused(
    ({ commands }) => commands.run(command as string),
    (replayed) => runRaw(replayed, raw),
    serverError(400, "INVALID_REQUEST_BODY", message),
  );
/** Expects output from a request that only the typed client can send. */
const streams = (body: Readonly<Record<string, unknown>>, output: string): Check =>
  check(async ({ link: { execd } }) => {
    const raw = { bodySerializer: () => JSON.stringify(body), ...streamed(execd) };
    const answer =
      "command" in body
        ? await execd.client.POST("/command", { body: { command: "" }, ...raw })
        : await execd.client.POST("/code", { body: { code: "" }, ...raw });
    expect(await new Response(answer.response.body).text()).toContain(output);
  });

describeExchanges(
  "execd-command",
  {
    echo: ends(start(), {
      ...OK,
      id: "4997f50c9a904e42870b62b1e1432472",
      stdout: "hello\n",
      executionTimeMs: 3,
    }),
    "multi-line": prints("a\nb\nc\n"),
    "blank lines": prints("a\n\nb\n\n\nc\n"),
    "leading blank": prints("\nabc\n"),
    "carriage-return progress": prints("10%\n20%\n30%\n"),
    // Whether the last line had a newline is unknown.
    "no trailing newline": prints("abc\n"),
    "stderr+exit3": exits(3, { stdout: "out\n", stderr: "err\n" }),
    interleave: ends(start(), { ...OK, stdout: "o1\no2\no3\n", stderr: "e1\ne2\ne3\n" }),
    "self-kill": exits(-1),
    // The SDK sends the server its own timeout plus 2 s.
    "timeout 500ms": sending(
      { command: "echo start; sleep 5; echo end", timeout: 2_500 },
      "the server's time is the client's and 2 s",
      ends(start({ timeoutSeconds: 0.5 }), {
        ...OK,
        stdout: "start\n",
        exitCode: -1,
        error: ["CommandExecError", "-1"],
      }),
    ),
    "timeout negative": refused(
      ({ commands }) => commands.run("echo t", { timeoutSeconds: -0.005 }),
      (replayed) => runRaw(replayed, '{"command":"echo t","timeout":-5}'),
      serverError(
        400,
        "INVALID_REQUEST_BODY",
        "invalid request, validation error Key: 'RunCommandRequest.TimeoutMs' Error:Field validation for 'TimeoutMs' failed on the 'gte' tag",
      ),
    ),
    cwd: prints("/tmp\n", { cwd: "/tmp" }),
    "cwd missing": fails(
      start({ cwd: "/no/such/dir" }),
      serverError(
        400,
        "INVALID_REQUEST_BODY",
        "invalid request, validation error working directory does not exist: /no/such/dir: stat /no/such/dir: no such file or directory",
      ),
    ),
    uid: prints("65534\n65534\n", { uid: 65_534 }),
    "empty command": refusedCommand("", '{"command":""}', REQUIRED),
    "missing command": refusedCommand(undefined, "{}", REQUIRED),
    "malformed json": refusedCommand(
      {},
      '{"command":',
      "error parsing request, MAYBE invalid body format. unexpected EOF",
    ),
    "no body": refusedCommand(null, undefined, "error parsing request, MAYBE invalid body format. EOF"),
    "unknown field ok": streams({ command: "echo x", foo: 1 }, '{"type":"stdout","text":"x",'),
    "array body": refusedCommand(
      [1],
      "[1]",
      "error parsing request, MAYBE invalid body format. json: cannot unmarshal array into Go value of type model.RunCommandRequest",
    ),
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
    "concurrent-2": prints("two\n"),
    "concurrent-1": ends(start(), { ...OK, stdout: "one\n", executionTimeMs: 1_004 }),
    "interrupt finished": check(async ({ commands }) => {
      expect(await failureOf(commands.interrupt(INTERRUPTED))).toMatchObject(
        serverError(
          500,
          "RUNTIME_ERROR",
          `error interruptting code context. command session ${INTERRUPTED} is not running`,
        ),
      );
    }),
    "interrupt unknown": check(async ({ commands }) => {
      expect(await failureOf(commands.interrupt("nope"))).toMatchObject(
        serverError(500, "RUNTIME_ERROR", "error interruptting code context. no such session"),
      );
    }),
    "interrupt missing id": refused(
      ({ commands }) => commands.interrupt(""),
      ({ link: { execd } }) =>
        execd.client.DELETE("/command", {
          params: { query: { id: "" } },
          querySerializer: () => "",
          fetch: execd.json().fetch,
        }),
      serverError(400, "MISSING_QUERY", "missing query parameter 'id'"),
    ),
    // Without a language the shell runs the code; the SDK always sends a language.
    "code no context": streams({ code: "echo from-code" }, '{"type":"stdout","text":"from-code",'),
    "code language command": ends(runCode, { ...OK, stdout: "from-code2\n", executionTimeMs: 1 }),
    "code bg-command": ends(runCode, { ...OK, exitCode: undefined, executionTimeMs: 0 }),
  },
  ELSEWHERE,
);

test(`the other exchanges are in ${ELSEWHERE_FILE}`, () => {
  const text = readFileSync(path.join(__dirname, ELSEWHERE_FILE), "utf8");
  const isNamed = (label: string): boolean =>
    text.includes(JSON.stringify(label)) || text.includes(`\n  ${label}: `);
  expect(ELSEWHERE.filter((label) => !isNamed(label))).toEqual([]);
});

test("code is never sent without a language, which would run it in the shell", async () => {
  const bodies: unknown[] = [];
  const link = linkTo("http://sandbox.test", {
    fetch: fetchBy(async (request) => {
      bodies.push(await request.json());
      return new Response('{"type":"execution_complete"}\n');
    }),
  });
  const codes = new Codes(link);
  await codes.run("a");
  for await (const event of codes.runStream({ code: "b" })) expect(event.type).toBe("execution_complete");
  expect(bodies).toEqual([
    { code: "a", context: { language: "python" } },
    { code: "b", context: { language: "python" } },
  ]);
  const failure = await failureOf(codes.run("c", { context: { id: "x", language: "" } }));
  expect(failure).toBeInstanceOf(InvalidArgumentException);
  expect(bodies).toHaveLength(2);
});
