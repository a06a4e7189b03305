import { expect } from "@jest/globals";
import type { Execution } from "../../src/execution/execution.js";

/** Text, or a pattern for it. */
export type ExpectedText = string | ReturnType<typeof expect.stringMatching>;

/** The expected execution. Properties that are left out are not checked. */
export interface ExpectedExecution {
  readonly id?: string;
  readonly stdout?: ExpectedText;
  readonly stderr?: ExpectedText;
  /** `text/plain` of the last result. */
  readonly text?: string | undefined;
  readonly executionCount?: number | undefined;
  readonly exitCode?: number | null | undefined;
  readonly executionTimeMs?: number | undefined;
  /** The name and the value. */
  readonly error?: readonly [name: string, value: ExpectedText] | undefined;
}

/** Code without output, results or errors. */
export const OK: ExpectedExecution = {
  stdout: "",
  stderr: "",
  text: undefined,
  error: undefined,
  exitCode: undefined,
};

/** Checks the outcome of a run. */
export function expectExecution(run: PromiseLike<Execution>): {
  /** Expects this output, no output to stderr, and no error. */
  toPrint(stdout: string): Promise<void>;
  /** Expects this last value, and no error. */
  toShow(text: string): Promise<void>;
  /** Expects an error in the user's code. */
  toFail(name: string, value?: string): Promise<void>;
  /** Expects these properties. */
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
