import { expect, test } from "@jest/globals";
import { readdirSync } from "node:fs";
import path from "node:path";
import { describeIf, hasPython, isolationWorks, NO_ISOLATION_REASON, runs } from "../helpers/skips.js";
import { root, run } from "../package/programs.js";
import { NODE_22 } from "./node22.js";

/** The frameworks whose oldest supported Node is 22: their tests are programs of their own, on the build in dist/. */
const DIRECTORY = path.join(root, "tests/agents/node22");
const programs = readdirSync(DIRECTORY).filter((name) => name !== "scripted.mts");

const isReady = isolationWorks && hasPython && runs(NODE_22, ["--version"]);
const reason = !isolationWorks
  ? NO_ISOLATION_REASON
  : hasPython
    ? "there is no Node 22 (npm ci --prefix tests/agents/node)"
    : "there is no python3";

describeIf(
  isReady,
  "agents/node22",
  reason,
)("on Node 22", () => {
  test.each(programs)(
    "%s passes its tests",
    async (name) => {
      const { exitCode, output } = await run(NODE_22, [
        ...["--test", "--test-reporter=tap", "--disable-warning=ExperimentalWarning"],
        path.join(DIRECTORY, name),
      ]);
      expect({ exitCode, output }).toMatchObject({ exitCode: 0 });
      expect(output).toMatch(/^# fail 0$/m);
      expect(output).toMatch(/^# skipped 0$/m);
      expect(output).toMatch(/^# pass [1-9]/m);
    },
    240_000,
  );
});
