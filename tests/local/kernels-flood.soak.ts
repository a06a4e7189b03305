import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { type LocalSandbox, startSandbox } from "../helpers/local-sandbox.js";
import { describeIf, hasPython, isolationWorks, NO_ISOLATION_REASON, runs } from "../helpers/skips.js";

const LINES = 10_000_000;
const count = `for (int i = 0; i < ${LINES}; i++)`;

/** Code that prints 0 to 9,999,999. TypeScript runs in the JavaScript kernel, so it is left out. */
const FLOODS: readonly (readonly [language: string, code: string, canRun: boolean, reason: string])[] = [
  ["python", `for i in range(${LINES}): print(i)`, hasPython, "no Python 3 can be started"],
  ["javascript", `for (let i = 0; i < ${LINES}; i++) console.log(i)`, true, ""],
  ["bash", `seq 0 ${LINES - 1}`, true, ""],
  ["java", `${count} System.out.println(i);`, runs("jshell", ["--version"]), "no JDK with JShell"],
  [
    "go",
    `out := bufio.NewWriter(os.Stdout)\ndefer out.Flush()\nfor i := 0; i < ${LINES}; i++ { fmt.Fprintln(out, i) }`,
    runs("go", ["version"]),
    "no Go",
  ],
];

let sandbox: LocalSandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(async () => sandbox[Symbol.asyncDispose]());

for (const [language, code, canRun, reason] of FLOODS) {
  describeIf(
    canRun && isolationWorks,
    `local/kernels-flood: 10 million lines of ${language}`,
    canRun ? NO_ISOLATION_REASON : reason,
  )("10 million lines", () => {
    test(`of ${language} arrive once each, in order, in bounded memory`, async () => {
      let rest = "";
      let next = 0;
      const run = sandbox.startRun(language, code, undefined, (text) => {
        const lines = (rest + text).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) {
          if (line !== String(next)) throw new Error(`after ${next} lines came ${JSON.stringify(line)}`);
          next += 1;
        }
      });
      const { isComplete, error } = await run.outcome;
      expect({ isComplete, error, next, rest }).toEqual({
        isComplete: true,
        error: undefined,
        next: LINES,
        rest: "",
      });
      expect(await peakMemoryMiB()).toBeLessThan(400);
    }, 300_000);
  });
}

/** Resolves to the largest peak of memory among the processes of the sandbox. */
async function peakMemoryMiB(): Promise<number> {
  const { stdout } = await sandbox.command(
    "cat /proc/[0-9]*/status | awk '/VmHWM/ {print $2}' | sort -n | tail -1",
  );
  return Number(stdout) / 1024;
}
