import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { CodeClient } from "../helpers/local-wire.js";
import { describeIf, isolationWorks, NO_ISOLATION_REASON } from "../helpers/skips.js";

let client: CodeClient;
beforeAll(async () => {
  client = await CodeClient.start();
});
afterAll(async () => client[Symbol.asyncDispose]());

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
      await client.run(language, code);
      // The spare starts when the first kernel is ready, before a context needs it.
      const before = await kernelsOf(language);
      const contextId = await client.createContext(language);
      const { stdout } = await client.run(language, code, contextId);
      expect(before).toContain(stdout.trim());
    });
  }
});

/** Resolves to the ids of the processes that look like kernels of a language, once there are two. */
async function kernelsOf(language: string): Promise<string[]> {
  // The brackets keep the command from matching itself.
  const pattern = language === "bash" ? "[n]oediting" : "[j]avascript.mjs";
  for (;;) {
    const { stdout } = await client.sandbox.command(`pgrep -f -- '${pattern}'; true`);
    const ids = stdout.split("\n").filter((id) => id !== "");
    if (ids.length >= 2) return ids;
  }
}
