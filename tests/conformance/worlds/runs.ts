import { expect } from "@jest/globals";
import type { Run } from "../../../src/index.js";
import { OK, type ExpectedExecution } from "../../helpers/expect-execution.js";
import type { Exchange } from "../../helpers/fixtures.js";
import type { Area, Case, World } from "../../helpers/worlds.js";

/** Runs recorded code, in its context or in its language's default context. */
export function run(expected: ExpectedExecution): Case {
  return { call: runRecorded, ends: { ...OK, ...expected } };
}

export function runRecorded({ codes, idOf }: World, { request }: Exchange): Run {
  const { code, context } = request.body as { code: string; context: { id?: string; language: string } };
  const { id, language } = context;
  return codes.run(code, id === undefined ? { language } : { context: { id: idOf(id), language } });
}

export const pythonRuns: Area = {
  name: "Python runs",
  fixture: "execd-code",
  cases: {
    "1+1": run({ text: "2" }),
    print: run({ stdout: "hi\n" }),
    "print+result": run({ stdout: "a\n", text: "'b'" }),
    none: run({}),
    string: run({ text: "'abc'" }),
    "syntax error": run({ error: ["SyntaxError", expect.stringMatching(/^invalid syntax \(.+, line 1\)$/)] }),
    "raise custom": run({ error: ["E", "x"] }),
    "partial then error": run({ stdout: "before\n", error: ["ZeroDivisionError", "division by zero"] }),
    "print no newline": run({ stdout: "abc" }),
    "input()": run({
      error: [
        "StdinNotImplementedError",
        "raw_input was called, but this frontend does not support input requests.",
      ],
    }),
    unicode: run({ stdout: "héllo 世界 🎉\n" }),
    "multi expr": run({ text: "3" }),
    "after exit": run({ text: "1" }),
  },
};

/** Creates the context of the following runs. */
const create = (language: string, makes: string): Case => ({
  call: ({ codes }) => codes.createContext(language),
  gives: { id: expect.any(String), language },
  makes,
});

const TYPESCRIPT = "a5e5b063-b6d4-4b96-8785-9b4ad71f3044";
const JAVASCRIPT = "daed1754-26ba-4390-bfeb-ecf831b31e76";
const BASH = "ab58ec00-5ae8-4338-a0e7-034bef899c03";

export const otherRuns: Area = {
  name: "runs in other languages",
  fixture: "execd-lang",
  cases: {
    "typescript: create context": create("typescript", TYPESCRIPT),
    "typescript: print": run({ stdout: "hi\n" }),
    "typescript: declare": run({}),
    "typescript: undefined": run({}),
    "typescript: stderr": run({ stderr: "e\n" }),
    "typescript: async prints": run({ stdout: "0\n1\n2\n" }),
    "typescript: unicode": run({ stdout: "世界 🎉\n" }),
    "javascript: create context": create("javascript", JAVASCRIPT),
    "javascript: print": run({ stdout: "hi\n" }),
    "javascript: declare": run({}),
    "javascript: unicode": run({ stdout: "世界 🎉\n" }),
    "javascript: delete hung ctx": {
      call: ({ codes, idOf }) => codes.deleteContext(idOf(JAVASCRIPT)),
      gives: undefined,
    },
    "bash: create context": create("bash", BASH),
    "bash: warmup": run({ stdout: "hi\n" }),
    "bash: arith": run({ stdout: "17\n" }),
    "bash: multi": run({ stdout: "a\n\nb\n" }),
    "bash: exit status": run({ error: ["", "7"] }),
    "bash: set var": run({}),
  },
};
