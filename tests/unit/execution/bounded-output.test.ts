import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { ExecutionEvent } from "../../../src/execution/event.js";
import { EventHistory } from "../../../src/execution/event-history.js";
import { OutputLog, type KeepOutput } from "../../../src/execution/output-log.js";
import { complete, init, runOf, ScriptedSource, stdout } from "../../helpers/run-harness.js";

const bytesOf = (text: string) => new TextEncoder().encode(text).byteLength;

function logOf(keep: KeepOutput, maxBytes: number, texts: readonly string[]): OutputLog {
  const log = new OutputLog({ keep, maxBytes });
  for (const [timestamp, text] of texts.entries()) log.push({ text, timestamp });
  return log;
}

const textOf = (log: OutputLog) => log.messages.map(({ text }) => text).join("");

describe("output that is bounded keeps", () => {
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

  test.each<KeepOutput>(["head", "tail", "both"])("%s: all of it, as it came, where it fits", (keep) => {
    const log = logOf(keep, 9, ["aaaa", "bb", "ccc"]);
    expect(log.messages.map(({ text }) => text).join("")).toBe("aaaabbccc");
    expect(log.isTruncated).toBe(false);
  });

  test("no half of a character", () => {
    expect(textOf(logOf("head", 5, ["a€€"]))).toBe("a€");
    expect(textOf(logOf("tail", 5, ["€€a"]))).toBe("€a");
    expect(textOf(logOf("head", 3, ["😀"]))).toBe("");
    expect(textOf(logOf("tail", 3, ["😀"]))).toBe("");
  });

  test("a part of any output, however it is cut into messages, within the bound", () => {
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

  test("little memory of a long stream", () => {
    const log = new OutputLog({ keep: "tail", maxBytes: 100 });
    for (let line = 0; line < 100_000; line += 1) log.push({ text: `${line}\n`, timestamp: 0 });
    expect(log.messages).toHaveLength(17);
    expect(textOf(log).endsWith("99998\n99999\n")).toBe(true);
  });
});

describe("a run whose output is bounded", () => {
  const bound = { maxBytes: 8, keep: "tail" } as const;

  test("says in its execution what is left out; handlers and a loop from the start see everything", async () => {
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
    expect(execution.truncated).toEqual({ stdout: true, stderr: false });
    expect(handled).toEqual(["one\n", "two\n", "three\n"]);
    expect(looped.map(({ type }) => type)).toEqual([
      "init",
      "stdout",
      "stdout",
      "stdout",
      "execution_complete",
    ]);
  });

  test("refuses a loop that comes too late", async () => {
    const source = new ScriptedSource();
    const run = runOf(source, { bound });
    source.send(init(), stdout("one\n"), complete);
    source.end();
    await run;
    expect(() => run[Symbol.asyncIterator]()).toThrow(/maxOutputBytes .* not kept/);
  });
});

test("of the events that all loops have seen none is kept", () => {
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
