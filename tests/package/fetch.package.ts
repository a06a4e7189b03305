import { expect, test } from "@jest/globals";
import { join } from "node:path";
import { describeIf, isolationWorks, NO_ISOLATION_REASON, runs } from "../helpers/skips.js";
import { packed, tools } from "./packed-package.js";
import { run } from "./programs.js";
import { Servers } from "./servers.js";

interface StepResult {
  readonly name: string;
  readonly failure?: string;
}

/** Each with the oldest Node.js of `tools` that it supports. */
const LIBRARIES = [
  ["undici 6", "undici", "undici-6/index.js", process.execPath],
  ["undici 7", "undici", "undici-7/index.js", process.execPath],
  ["undici 8", "undici", "undici-8/index.js", join(tools, "node-22/bin/node")],
  ["node-fetch 3", "node-fetch", "node-fetch/src/index.js", process.execPath],
] as const;

describeIf(
  isolationWorks,
  "package/fetch",
  NO_ISOLATION_REASON,
)("the SDK runs with the fetch of", () => {
  for (const [name, kind, file, node] of LIBRARIES) {
    describeIf(
      runs(node, ["--version"]),
      `package/fetch: ${name}`,
      `${node} is not installed`,
    )("", () => {
      test(name, async () => {
        const servers = await Servers.start();
        try {
          const program = join(packed.consumer, "smoke/fetch.mjs");
          const result = await run(node, [
            ...[program, JSON.stringify(servers.addresses), kind, join(tools, file)],
          ]);
          expect(result).toMatchObject({ exitCode: 0, output: result.stdout });
          const steps = JSON.parse(result.stdout) as readonly StepResult[];
          expect(steps.filter(({ failure }) => failure !== undefined)).toEqual([]);
          expect(steps.length).toBeGreaterThanOrEqual(15);
        } finally {
          await servers.close();
        }
      });
    });
  }
});
