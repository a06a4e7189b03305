import { expect } from "@jest/globals";
import { InvalidArgumentException } from "../../src/errors.js";
import {
  check,
  describeExchanges,
  ends,
  fails,
  runCode,
  serverError,
  type Check,
} from "../helpers/exchanges.js";
import { OK, type ExpectedExecution } from "../helpers/expect-execution.js";
import { streamed } from "../helpers/fetch.js";
import { failureOf } from "../helpers/promises.js";

const JAVA = "535fb0ea-3936-4bb7-86ac-79778a21ea46";
const INTERRUPTED_JAVA = "1493d8a6-7c2e-4717-a64e-0939e65a17df";
const EXITED_JAVA = "440120a4-9442-49d5-b5cf-3b7543044987";
const DEFAULT_JAVA = "bd52cdef-982b-4044-ad6b-cbdb8379ae56";
const GO = "9694d920-d036-4cc1-a10c-27e3c17c44c7";
const DEFAULT_GO = "3dc24abb-08ff-4497-8eee-15d515db2b24";

const run = (expected: ExpectedExecution): Check => ends(runCode, { ...OK, ...expected });
const created = (language: string, id: string): Check =>
  check(async ({ codes }) => {
    expect(await codes.createContext(language)).toEqual({ id, language });
  });
const lists = (language: string, ids: readonly string[]): Check =>
  check(async ({ codes }) => {
    expect(await codes.listContexts(language)).toEqual(ids.map((id) => ({ id, language })));
  });
const interrupts = (id: string): Check => check(({ codes }) => codes.interrupt(id));
const deletes = (id: string): Check => check(({ codes }) => codes.deleteContext(id));
const unknownContext = (id: string): Check =>
  check(async ({ codes }) => {
    expect(await failureOf(codes.getContext(id))).toMatchObject(
      serverError(404, "CONTEXT_NOT_FOUND", `context ${id} not found`),
    );
  });
/** Code that the SDK refuses and the server accepts. */
const blank: Check = check(async (replayed) => {
  expect(await failureOf(runCode(replayed))).toBeInstanceOf(InvalidArgumentException);
  const { execd } = replayed.link;
  const body = replayed.exchange.request.body as { code: string; context: { id: string; language: string } };
  await execd.client.POST("/code", { body, ...streamed(execd) });
});
/** The lines that real servers deliver of a loop that prints 2000 numbers. */
const numbers = (count: number): string => Array.from({ length: count }, (_, index) => `${index}\n`).join("");

describeExchanges("execd-lang-java-go", {
  "java: create context": created("java", JAVA),
  "java: warm up": run({ text: "2", executionCount: 1 }),
  "java: value": run({ text: "5", executionCount: 2 }),
  "java: null value": run({}),
  "java: statement without value": run({}),
  "java: print": run({ stdout: "hello\nno newline" }),
  "java: stderr": run({ stderr: "oops\n" }),
  "java: stdout and stderr and value": run({
    stdout: "o1\no2\n",
    stderr: "e1\n",
    text: "42",
    executionCount: 8,
  }),
  "java: unicode": run({ stdout: "åäö 漢字 😀\n", text: "😀", executionCount: 9 }),
  "java: define method": run({}),
  "java: use state": run({ text: "10", executionCount: 11 }),
  "java: define class": run({ text: "P3", executionCount: 12 }),
  "java: runtime error": run({ error: ["RuntimeException", "java.lang.ArithmeticException, / by zero"] }),
  "java: thrown exception": run({ error: ["RuntimeException", "java.lang.IllegalStateException, bad"] }),
  "java: compile error": run({
    error: ["CompilationException", '[snippet: [int y = "no";], status: REJECTED]'],
  }),
  "java: unknown symbol": run({
    error: ["CompilationException", "[snippet: [undefinedThing + 1], status: REJECTED]"],
  }),
  "java: incomplete": run({ error: ["IncompleteSourceException", "for (int i = 0; i < 3; i++) {"] }),
  "java: many lines": run({ stdout: numbers(826) }),
  "java: blank": blank,
  "java: comment only": run({}),
  "java: interrupt of a sleep": run({
    stdout: "begun\n",
    error: [
      "EvaluationInterruptedException",
      "Evaluator was interrupted while executing: 'Thread.sleep(30000);'",
    ],
  }),
  "java: interrupt of a sleep: the interrupt": interrupts(JAVA),
  "java: interrupt of a sleep: list contexts after": lists("java", [JAVA]),
  "java: after the interrupt of a sleep": run({ text: "6", executionCount: 26 }),
  "java: interrupt of a busy loop": run({
    stdout: "begun\n",
    error: [
      "EvaluationInterruptedException",
      "Evaluator was interrupted while executing: 'while (true) n++;'",
    ],
  }),
  "java: interrupt of a busy loop: the interrupt": interrupts(JAVA),
  "java: interrupt of a busy loop: list contexts after": lists("java", [JAVA]),
  "java: create context for interrupt at init": created("java", INTERRUPTED_JAVA),
  "java: warm up again": run({ text: "2", executionCount: 1 }),
  "java: interrupt at init": run({}),
  "java: interrupt at init: the interrupt": interrupts(INTERRUPTED_JAVA),
  "java: interrupt at init: list contexts after": lists("java", [JAVA, INTERRUPTED_JAVA]),
  "java: after the interrupt at init": run({ text: "3", executionCount: 3 }),
  "java: create context for exit": created("java", EXITED_JAVA),
  "java: warm up 3": run({ text: "2", executionCount: 1 }),
  // The server keeps the stream open after the kernel has ended; the recorder aborted it.
  "java: exit": fails(runCode, { name: "SandboxConnectionException", error: { code: "STREAM_BROKEN" } }),
  "java: after exit": fails(runCode, {
    ...serverError(200, "RUNTIME_ERROR", "error running codes session is busy"),
    isRetryable: true,
  }),
  "java: run in default context": run({ text: "42", executionCount: 1 }),
  "java: list contexts": lists("java", [EXITED_JAVA, DEFAULT_JAVA, JAVA, INTERRUPTED_JAVA]),
  "java: delete context": deletes(EXITED_JAVA),
  "java: get deleted context": unknownContext(EXITED_JAVA),
  "go: create context": created("go", GO),
  "go: warm up": run({ stderr: "warm\n" }),
  "go: cell magic %%": run({ stdout: "cell 5\n" }),
  "go: bare statement": run({
    error: [
      "ERROR",
      'parsing go files in TempDir "/tmp/gonb_d92f2df8": /tmp/gonb_d92f2df8/main.go:3:1: expected declaration, found fmt',
    ],
  }),
  "go: stderr": run({ stdout: "out\n", stderr: "oops\n" }),
  "go: declare variable": run({}),
  "go: declare function": run({}),
  "go: generic type": run({ stdout: "{A:1 B:2}\n" }),
  "go: compile error": run({
    error: [
      "ERROR",
      'failed to run "/usr/local/go/bin/go build -o /tmp/gonb_d92f2df8/gonb_d92f2df8": exit status 1',
    ],
  }),
  "go: syntax error": run({
    error: [
      "ERROR",
      "parsing go files in TempDir \"/tmp/gonb_d92f2df8\": /tmp/gonb_d92f2df8/main.go:3:12: expected ')', found '{'",
    ],
  }),
  "go: unused import": run({}),
  "go: runtime error": run({
    stderr:
      "panic: runtime error: index out of range [3] with length 0\n\ngoroutine 1 [running]:\nmain.main()\n\t \u001b[7m[[ Cell [17] Line 3 ]]\u001b[0m /tmp/gonb_d92f2df8/main.go:20 +0x52\nexit status 2\n",
    error: ["ERROR", "exit status 2"],
  }),
  "go: exit status": run({ stderr: "exit status 3\n", error: ["ERROR", "exit status 3"] }),
  "go: many lines": run({ stdout: numbers(2000) }),
  "go: slow prints": run({ stdout: "tick 0\ntick 1\ntick 2\ntick 3\n" }),
  "go: shell magic": run({ stdout: "from-shell\n" }),
  "go: blank": blank,
  "go: comment only": run({}),
  "go: interrupt of a sleep": run({
    stdout: "begun\n",
    stderr: "signal: interrupt\n",
    error: ["ERROR", "signal: interrupt"],
  }),
  "go: interrupt of a sleep: the interrupt": interrupts(GO),
  "go: interrupt of a sleep: list contexts after": lists("go", [GO]),
  "go: interrupt of a busy loop": run({
    stdout: "begun\n",
    stderr: "signal: interrupt\n",
    error: ["ERROR", "signal: interrupt"],
  }),
  "go: interrupt of a busy loop: the interrupt": interrupts(GO),
  "go: interrupt of a busy loop: list contexts after": lists("go", [GO]),
  "go: after the interrupt of a busy loop": run({ stdout: "5\n" }),
  "go: interrupt at init": run({ stdout: "begun\n" }),
  "go: interrupt at init: the interrupt": interrupts(GO),
  "go: interrupt at init: list contexts after": lists("go", [GO]),
  "go: after the interrupt at init": run({ stdout: "5\n" }),
  "go: run in default context": run({ stdout: "42\n" }),
  "go: list contexts": lists("go", [GO, DEFAULT_GO]),
  "go: delete context": deletes(GO),
  "go: get deleted context": unknownContext(GO),
});
