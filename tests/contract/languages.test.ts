import { expect } from "@jest/globals";
import { check, describeExchanges, ends, runCode, type Check } from "../helpers/exchanges.js";
import { OK } from "../helpers/expect-execution.js";

const prints = (stdout: string): Check => ends(runCode, { ...OK, stdout });
const complains = (stderr: string): Check => ends(runCode, { ...OK, stderr });
const created = (language: string, id: string): Check =>
  check(async ({ codes }) => {
    expect(await codes.createContext(language)).toEqual({ id, language });
  });

/** tslab prints what a program throws, and calls it neither an error nor a failure. */
const throws = (message: string): Check =>
  check(async (replayed) => {
    const { stderr, stdout, error, complete } = await runCode(replayed);
    expect(stderr).toMatch(/^evalmachine\.<anonymous>:2\nthrow new Error\(/);
    expect(stderr).toContain(`\nError: ${message}\n    at evalmachine.<anonymous>:2:7\n`);
    expect({ stdout, error }).toEqual({ stdout: "", error: undefined });
    expect(complete).toBeDefined();
  });

describeExchanges("execd-lang", {
  "typescript: create context": created("typescript", "a5e5b063-b6d4-4b96-8785-9b4ad71f3044"),
  "typescript: warmup": prints("2\n"),
  "typescript: 1+1": prints("2\n"),
  "typescript: print": prints("hi\n"),
  "typescript: string": prints("abc\n"),
  "typescript: object": prints("{ a: 1, b: [ 1, 2 ] }\n"),
  "typescript: declare": prints(""),
  "typescript: declare then value": prints("4\n"),
  "typescript: undefined": prints(""),
  "typescript: stderr": complains("e\n"),
  "typescript: throw": throws("boom"),
  "typescript: ref error": complains("1:1 - Cannot find name 'undefinedVar'. Did you mean 'undefined'?\n"),
  "typescript: after error": prints("5\n"),
  "typescript: syntax error": complains("1:1 - Cannot find name 'let'.\n1:7 - Expression expected.\n"),
  "typescript: async prints": prints("0\n1\n2\n"),
  "typescript: unicode": prints("世界 🎉\n"),
  "typescript: type error": complains("1:7 - Type 'string' is not assignable to type 'number'.\n"),
  "javascript: create context": created("javascript", "daed1754-26ba-4390-bfeb-ecf831b31e76"),
  "javascript: print": prints("hi\n"),
  "javascript: string": prints("abc\n"),
  "javascript: object": prints("{ a: 1, b: [ 1, 2 ] }\n"),
  "javascript: declare": prints(""),
  "javascript: declare then value": prints("4\n"),
  "javascript: throw": throws("boom"),
  "javascript: ref error": complains("1:1 - Cannot find name 'undefinedVar'. Did you mean 'undefined'?\n"),
  "javascript: after error": prints("5\n"),
  "javascript: unicode": prints("世界 🎉\n"),
  "javascript: throw (then immediately next)": throws("x"),
  "javascript: delete hung ctx": check(({ codes }) =>
    codes.deleteContext("daed1754-26ba-4390-bfeb-ecf831b31e76"),
  ),
  "bash: create context": created("bash", "ab58ec00-5ae8-4338-a0e7-034bef899c03"),
  "bash: warmup": prints("hi\n"),
  "bash: arith": prints("17\n"),
  "bash: no newline": prints("abc\n"),
  "bash: multi": prints("a\n\nb\n"),
  // The kernel knows no standard error.
  "bash: stderr": prints("e\n"),
  "bash: exit status": ends(runCode, { ...OK, error: ["", "7"] }),
  "bash: not found": ends(runCode, {
    ...OK,
    stdout: "bash: nosuchcmd_zz: command not found\n",
    error: ["", "127"],
  }),
  "bash: syntax error": ends(runCode, {
    ...OK,
    stdout: "bash: syntax error near unexpected token `then'\n",
    error: ["", "2"],
  }),
  "bash: set var": prints(""),
  "bash: pwd": prints("/var\n"),
});
