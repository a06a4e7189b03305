import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { ExecutionError, ExecutionEvent } from "../../../src/execution/event.js";
import { EventHistory } from "../../../src/execution/event-history.js";
import { ResultLog } from "../../../src/execution/kept-values.js";
import { OutputLog, type KeepOutput } from "../../../src/execution/output-log.js";
import { ExecutionResult } from "../../../src/execution/result.js";
import { complete, failed, init, runOf, ScriptedSource, stdout } from "../../helpers/scripted-run.js";

const bytesOf = (text: string) => new TextEncoder().encode(text).byteLength;

function logOf(keep: KeepOutput, maxBytes: number, texts: readonly string[]): OutputLog {
  const log = new OutputLog({ keep, maxBytes });
  for (const [timestamp, text] of texts.entries()) log.push({ text, timestamp });
  return log;
}

const textOf = (log: OutputLog) => log.messages.map(({ text }) => text).join("");

describe("bounded output keeps", () => {
  test.each<[KeepOutput, string]>([
    ["head", "aaaabb"],
    ["tail", "cccddd"],
    ["both", "aaa\n[6 bytes left out]\nddd"],
  ])("%s", (keep, expected) => {
    const log = logOf(keep, 6, ["aaaa", "bb", "ccc", "ddd"]);
    expect(textOf(log)).toBe(expected);
    expect(log.isTruncated).toBe(true);
    expect(log.omittedBytes).toBe(6);
  });

  test.each<KeepOutput>(["head", "tail", "both"])("%s: unchanged output that fits", (keep) => {
    const log = logOf(keep, 9, ["aaaa", "bb", "ccc"]);
    expect(log.messages.map(({ text }) => text).join("")).toBe("aaaabbccc");
    expect(log.isTruncated).toBe(false);
  });

  test("whole characters only", () => {
    expect(textOf(logOf("head", 5, ["a€€"]))).toBe("a€");
    expect(textOf(logOf("tail", 5, ["€€a"]))).toBe("€a");
    expect(textOf(logOf("head", 3, ["😀"]))).toBe("");
    expect(textOf(logOf("tail", 3, ["😀"]))).toBe("");
  });

  test("a part of any output within the bound, however the output is split into messages", () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: "binary", maxLength: 20 })),
        fc.integer({ min: 1, max: 60 }),
        (texts, maxBytes) => {
          const all = texts.join("");
          const head = textOf(logOf("head", maxBytes, texts));
          const tail = textOf(logOf("tail", maxBytes, texts));
          expect(all.startsWith(head)).toBe(true);
          expect(all.endsWith(tail)).toBe(true);
          // As much as there is room for: at most three bytes of a character that does not fit are missing.
          const most = Math.min(maxBytes, bytesOf(all));
          for (const kept of [head, tail]) {
            expect(bytesOf(kept)).toBeLessThanOrEqual(most);
            expect(bytesOf(kept)).toBeGreaterThan(most - 4);
          }
          const both = logOf("both", maxBytes, texts);
          const [begin = "", end = ""] = textOf(both).split(/\n\[\d+ bytes left out\]\n/);
          expect(all.startsWith(begin)).toBe(true);
          expect(all.endsWith(end)).toBe(true);
          expect(bytesOf(begin) + bytesOf(end) + both.omittedBytes).toBe(bytesOf(all));
        },
      ),
    );
  });

  test("little of a long stream in memory", () => {
    const log = new OutputLog({ keep: "tail", maxBytes: 100 });
    for (let line = 0; line < 100_000; line += 1) log.push({ text: `${line}\n`, timestamp: 0 });
    expect(log.messages).toHaveLength(17);
    expect(textOf(log).endsWith("99998\n99999\n")).toBe(true);
  });
});

describe.each<KeepOutput>(["head", "tail", "both"])("the number of messages is bounded (%s)", (keep) => {
  test.each(["", "a"])("where each is %j", (text) => {
    const log = new OutputLog({ keep, maxBytes: 200_000 });
    for (let at = 0; at < 50_000; at += 1) log.push({ text, timestamp: at });
    const kept = log.messages.map(({ timestamp }) => timestamp);
    // One more says what is left out.
    expect(kept.length).toBeGreaterThanOrEqual(10_000);
    expect(kept.length).toBeLessThanOrEqual(10_001);
    expect(log.isTruncated).toBe(true);
    expect(kept[0]).toBe(keep === "tail" ? 40_000 : 0);
    expect(kept.at(-1)).toBe(keep === "head" ? 9_999 : 49_999);
  });

  test("and those that fit are all kept", () => {
    const log = new OutputLog({ keep, maxBytes: 10 });
    for (let at = 0; at < 5_000; at += 1) log.push({ text: "", timestamp: at });
    expect(log.messages).toHaveLength(5_000);
    expect(log.isTruncated).toBe(false);
  });
});

describe("results that are bounded", () => {
  const bound = { maxBytes: 10, keep: "both" } as const;
  const resultsOf = async (...results: readonly Record<string, unknown>[]) => {
    const seen: unknown[] = [];
    const source = new ScriptedSource().send(
      init(),
      ...results.map((data): ExecutionEvent => ({ type: "result", results: data, timestamp: 5 })),
      complete,
    );
    const handlers = { onResult: ({ data }: ExecutionResult) => seen.push(data) };
    const execution = await runOf(source.end(), { bound, handlers });
    expect(seen).toEqual(results);
    return execution;
  };

  test("are kept as they are while they fit", async () => {
    const execution = await resultsOf({ "text/plain": "12345" }, { "application/json": { a: 1 } });
    expect(execution.results.map(({ data, omitted }) => [data, omitted])).toEqual([
      [{ "text/plain": "12345" }, {}],
      [{}, { "application/json": 7 }],
    ]);
    expect(execution.truncated.results).toBe(true);
    expect((await resultsOf({ "text/plain": "1234567890" })).truncated.results).toBe(false);
  });

  test("lose the formats that do not fit, and keep their types and sizes", async () => {
    const { results, text } = await resultsOf(
      { "text/plain": "plot", "image/png": "A".repeat(1_000) },
      { "text/plain": "€€€" },
      { "text/plain": "last" },
    );
    expect(results.map(({ data, omitted, timestamp }) => [data, omitted, timestamp])).toEqual([
      [{ "text/plain": "plot" }, { "image/png": 1_000 }, 5],
      [{}, { "text/plain": 9 }, 5],
      [{ "text/plain": "last" }, {}, 5],
    ]);
    expect(text).toBe("last");
  });

  test("list a limited number of formats, with names of a limited length", async () => {
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, at) => [`x/${at}`, "A".repeat(11)]));
    const { results, truncated } = await resultsOf(many, { ["x/".padEnd(300, "y")]: "B" });
    expect(results.map(({ data, omitted }) => [data, Object.keys(omitted).length])).toEqual([
      [{}, 100],
      [{}, 0],
    ]);
    expect(truncated.results).toBe(true);
  });

  test("are limited in number", () => {
    const log = new ResultLog(bound);
    for (let at = 0; at < 10_001; at += 1) log.push(new ExecutionResult({}, at));
    expect(log.results).toHaveLength(10_000);
    expect(log.isTruncated).toBe(true);
  });
});

test("logs and results that were taken before the first event are bounded, too", async () => {
  const source = new ScriptedSource().send(init(), stdout("aaaa"), stdout("bbbb"), complete);
  const run = runOf(source.end(), { bound: { maxBytes: 6, keep: "head" } });
  const { logs, results } = run.execution;
  expect(logs.stdout).toEqual([]);
  const execution = await run;
  expect(logs.stdout.map(({ text }) => text)).toEqual(["aaaa", "bb"]);
  expect([logs, results]).toEqual([execution.logs, execution.results]);
  expect(execution.results).toBe(results);
});

describe("an error that is bounded", () => {
  const errorOf = async (error: Partial<ExecutionError>, maxBytes = 1_000) => {
    const whole = { name: "E", value: "v", traceback: [], timestamp: 0, ...error };
    const source = new ScriptedSource().send(init(), { type: "error", error: whole, timestamp: 0 }, complete);
    const { error: kept, truncated } = await runOf(source.end(), { bound: { maxBytes, keep: "tail" } });
    if (kept === undefined) throw new Error("The execution has no error.");
    const bytes = [kept.name, kept.value, ...kept.traceback].reduce((sum, text) => sum + bytesOf(text), 0);
    return { kept, isWhole: !truncated.error, bytes };
  };

  test("is kept as it is while it fits, and up to 1,000 bytes with any bound", async () => {
    const traceback = ["a".repeat(500), "b".repeat(400)];
    const error = { name: "ValueError", value: "bad", traceback, timestamp: 0 };
    expect(await errorOf(error, 1)).toMatchObject({ kept: error, isWhole: true });
  });

  test.each<[string, Partial<ExecutionError>]>([
    ["a long name", { name: "N".repeat(100_000) }],
    ["a long value", { value: "€".repeat(100_000) }],
    ["a long line", { traceback: ["x".repeat(100_000)] }],
    ["many lines", { traceback: Array.from({ length: 5_000 }, (_, at) => `line ${at}`) }],
    ["many empty lines", { traceback: Array.from({ length: 50_000 }, () => "") }],
  ])("loses the rest of %s", async (_, error) => {
    const { kept, isWhole, bytes } = await errorOf(error);
    expect(isWhole).toBe(false);
    expect(bytes).toBeLessThanOrEqual(1_000);
    expect(kept.traceback.length).toBeLessThanOrEqual(10_001);
    expect(kept.name.startsWith((error.name ?? "E").slice(0, 100))).toBe(true);
    expect(kept.value.startsWith((error.value ?? "v").slice(0, 80))).toBe(true);
  });

  test("keeps the first and the last lines of its traceback", async () => {
    const lines = Array.from({ length: 5_000 }, (_, at) => `line ${at}`);
    const { kept } = await errorOf({ traceback: lines });
    expect([kept.traceback[0], kept.traceback.at(-1)]).toEqual(["line 0", "line 4999"]);
    expect(kept.traceback.filter((line) => line.includes("bytes left out"))).toHaveLength(1);
  });

  test("does not change a command's exit code", async () => {
    const source = new ScriptedSource({ endsAt: "terminal-event" });
    source.send(init(), failed("N".repeat(5_000), "3"));
    const { exitCode } = await runOf(source, { kind: "command", bound: { maxBytes: 1, keep: "head" } });
    expect(exitCode).toBe(3);
  });
});

describe("a run whose output is bounded", () => {
  const bound = { maxBytes: 8, keep: "tail" } as const;

  test("reports in its execution what is left out, while handlers and a loop from the start see everything", async () => {
    const source = new ScriptedSource();
    const handled: string[] = [];
    const run = runOf(source, { bound, handlers: { onStdout: ({ text }) => handled.push(text) } });
    const looped: ExecutionEvent[] = [];
    const loop = (async () => {
      for await (const event of run) looped.push(event);
    })();
    source.send(init(), stdout("one\n"), stdout("two\n"), stdout("three\n"), complete);
    source.end();
    const execution = await run;
    await loop;
    expect(execution.stdout).toBe("o\nthree\n");
    expect(execution.truncated).toEqual({ stdout: true, stderr: false, results: false, error: false });
    expect(handled).toEqual(["one\n", "two\n", "three\n"]);
    expect(looped.map(({ type }) => type)).toEqual([
      "init",
      "stdout",
      "stdout",
      "stdout",
      "execution_complete",
    ]);
  });

  test("refuses a loop that begins too late", async () => {
    const source = new ScriptedSource();
    const run = runOf(source, { bound });
    source.send(init(), stdout("one\n"), complete);
    source.end();
    await run;
    expect(() => run[Symbol.asyncIterator]()).toThrow(/maxOutputBytes .* not kept/);
  });
});

test("events that all loops have seen are not kept", () => {
  const history = new EventHistory(false);
  const [fast, slow] = [history.join(), history.join()];
  for (const text of ["a", "b", "c"]) history.push(stdout(text));
  const take = (reader: typeof fast) => {
    const event = history.take(reader);
    return event?.type === "stdout" ? event.text : undefined;
  };
  expect([take(fast), take(fast), take(fast), take(fast)]).toEqual(["a", "b", "c", undefined]);
  expect(take(slow)).toBe("a");
  history.push(stdout("d"));
  expect([take(slow), take(slow), take(slow), take(slow)]).toEqual(["b", "c", "d", undefined]);
  expect(take(fast)).toBe("d");
  history.leave(slow);
  history.leave(fast);
  history.push(stdout("e"));
  expect(() => history.join()).toThrow(/not kept/);
});
