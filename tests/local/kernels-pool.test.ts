import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { type LocalSandbox, startSandbox } from "../helpers/local-sandbox.js";
import { describeIf, isolationWorks, NO_ISOLATION_REASON } from "../helpers/skips.js";

let sandbox: LocalSandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(async () => sandbox[Symbol.asyncDispose]());

// Without a box the tests would see the processes of the whole machine.
describeIf(
  isolationWorks,
  "local/kernels-pool: spares",
  NO_ISOLATION_REASON,
)("a second context of a language", () => {
  for (const [language, code] of [
    ["javascript", "console.log(process.pid)"],
    ["bash", "echo $$"],
  ] as const) {
    test(`a new context takes a spare ${language} kernel`, async () => {
      await sandbox.run(language, code);
      // The spare starts when the first kernel is ready, before a context needs it.
      const before = await kernelsOf(language);
      const contextId = await sandbox.createContext(language);
      const { stdout } = await sandbox.run(language, code, contextId);
      expect(before).toContain(stdout.trim());
    });
  }
});

/** Resolves to the ids of the processes that look like kernels of a language, once there are two. */
async function kernelsOf(language: string): Promise<string[]> {
  // The brackets keep the command from matching itself.
  const pattern = language === "bash" ? "[n]oediting" : "[j]avascript.mjs";
  for (;;) {
    const { stdout } = await sandbox.command(`pgrep -f -- '${pattern}'; true`);
    const ids = stdout.split("\n").filter((id) => id !== "");
    if (ids.length >= 2) return ids;
  }
}
