import { expect } from "@jest/globals";
import type { Execution } from "../../src/execution/execution.js";

/** A text, or what it matches. */
export type ExpectedText = string | ReturnType<typeof expect.stringMatching>;

/** What an execution should look like; what is not named does not matter. */
export interface ExpectedExecution {
  readonly id?: string;
  readonly stdout?: ExpectedText;
  readonly stderr?: ExpectedText;
  /** `text/plain` of the last result. */
  readonly text?: string | undefined;
  readonly executionCount?: number | undefined;
  readonly exitCode?: number | null | undefined;
  readonly executionTimeMs?: number | undefined;
  /** Name and value. */
  readonly error?: readonly [name: string, value: ExpectedText] | undefined;
}

/** Code that printed nothing, showed nothing and did not fail. */
export const OK: ExpectedExecution = {
  stdout: "",
  stderr: "",
  text: undefined,
  error: undefined,
  exitCode: undefined,
};

/** Says what came of a run, in the words of the domain. */
export function expectExecution(run: PromiseLike<Execution>): {
  /** Printed this, and nothing to standard error, and did not fail. */
  toPrint(stdout: string): Promise<void>;
  /** Showed this value last, and did not fail. */
  toShow(text: string): Promise<void>;
  /** Failed in the user's code. */
  toFail(name: string, value?: string): Promise<void>;
  /** Looks like this. */
  toBe(expected: ExpectedExecution): Promise<void>;
} {
  const toBe = async (expected: ExpectedExecution): Promise<void> => {
    const execution = await run;
    const { id, stdout, stderr, text, executionCount, exitCode, complete, error } = execution;
    const all: Record<keyof ExpectedExecution, unknown> = {
      id,
      stdout,
      stderr,
      text,
      executionCount,
      exitCode,
      executionTimeMs: complete?.executionTimeMs,
      error: error && [error.name, error.value],
    };
    const actual = Object.fromEntries(Object.entries(all).filter(([name]) => name in expected));
    expect(actual).toEqual(expected);
  };
  return {
    toBe,
    toPrint: async (stdout) => {
      await toBe({ stdout, stderr: "", error: undefined });
    },
    toShow: async (text) => {
      await toBe({ text, error: undefined });
    },
    toFail: async (name, value) => {
      const { error } = await run;
      expect(error).toMatchObject({ name, ...(value !== undefined && { value }) });
    },
  };
}
