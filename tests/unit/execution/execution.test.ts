import { describe, expect, test } from "@jest/globals";
import type { ExecutionEvent } from "../../../src/execution/event.js";
import { Execution, foldEvent, type ExecutionKind } from "../../../src/execution/execution.js";
import { complete, failed, init, ping, stdout } from "../../helpers/scripted-run.js";

function fold(kind: ExecutionKind, ...events: readonly ExecutionEvent[]): Execution {
  const execution = new Execution(kind);
  for (const event of events) foldEvent(execution, event);
  return execution;
}

const stderr = (text: string): ExecutionEvent => ({ type: "stderr", text, timestamp: 0 });
const result = (results: Record<string, unknown>): ExecutionEvent => ({
  type: "result",
  results,
  timestamp: 5,
});

test("an execution without events is empty", () => {
  const execution = new Execution();
  expect(execution).toMatchObject({
    id: undefined,
    executionCount: undefined,
    logs: { stdout: [], stderr: [] },
    results: [],
    error: undefined,
    complete: undefined,
    exitCode: undefined,
    stdout: "",
    stderr: "",
    text: undefined,
  });
});

test("the output of code is its messages, concatenated", () => {
  const execution = fold("code", stdout("a\n"), stderr("x"), stdout("b"), stdout("\n"), stderr("y\n"));
  expect([execution.stdout, execution.stderr]).toEqual(["a\nb\n", "xy\n"]);
  expect(execution.logs.stdout.map(({ text }) => text)).toEqual(["a\n", "b", "\n"]);
});

test("the output of a command is lines; an empty line arrives as a newline", () => {
  const execution = fold("command", stdout("a"), stdout("\n"), stdout("b"), stderr("\n"), stderr("x"));
  expect([execution.stdout, execution.stderr]).toEqual(["a\n\nb\n", "\nx\n"]);
});

test("results are kept in order and in every format, and the text is that of the last", () => {
  const execution = fold(
    "code",
    result({ "text/plain": "1" }),
    result({ "text/plain": "2", "text/html": "<b>" }),
  );
  expect(execution.results.map(({ data }) => data)).toEqual([
    { "text/plain": "1" },
    { "text/plain": "2", "text/html": "<b>" },
  ]);
  expect(execution.text).toBe("2");
});

test("adding a result is the same as folding its event", () => {
  const execution = new Execution();
  expect(foldEvent(execution, result({}))).toBe(execution.results[0]);
  expect(foldEvent(execution, ping)).toBeUndefined();
});

test("the id is the last one received, and never blank", () => {
  expect(fold("code", init("a"), init("")).id).toBe("a");
});

test("count, completion and error are kept, and other events do not change the outcome", () => {
  const count: ExecutionEvent = { type: "execution_count", executionCount: 3, timestamp: 0 };
  const status: ExecutionEvent = { type: "status", text: "error", timestamp: 0 };
  const execution = fold("code", count, complete, status, ping, failed("E", "v"));
  expect(execution).toMatchObject({
    executionCount: 3,
    complete: { executionTimeMs: 7, timestamp: 0 },
    error: { name: "E", value: "v" },
  });
});

describe("the exit code", () => {
  test.each<[string, ExecutionKind, ExecutionEvent[], number | null | undefined]>([
    ["is 0 for a command that is complete", "command", [complete], 0],
    ["is what the command exited with", "command", [failed("CommandExecError", "127")], 127],
    ["is -1 for a signal", "command", [failed("CommandExecError", "-1")], -1],
    ["is null while a command runs", "command", [init(), stdout("a")], null],
    [
      "is null where a command could not start",
      "command",
      [failed("CommandExecError", "no such file")],
      null,
    ],
    [
      "is that of the error, also if a completion follows",
      "command",
      [failed("CommandExecError", "2"), complete],
      2,
    ],
    ["is that of the error, also if a completion came before", "command", [complete, failed("E", "2")], 2],
    [
      "is none where the start failed and a completion follows",
      "command",
      [failed("E", "no"), complete],
      null,
    ],
    ["is unknown for a command in the background", "background-command", [complete], undefined],
    [
      "is none for code, even if its error has a number for a value",
      "code",
      [failed("", "7"), complete],
      undefined,
    ],
  ])("%s", (_, kind, events, expected) => {
    expect(fold(kind, ...events).exitCode).toBe(expected);
  });
});
