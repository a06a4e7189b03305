import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Sandbox } from "../../src/index.js";
import { startLocalServer, type LocalServer } from "../../src/local/index.js";
import { nameExchanges } from "../helpers/exchanges.js";
import { loadFixture, type FixtureName } from "../helpers/fixtures.js";
import { disableNet, restoreNet } from "../helpers/replay.js";
import { describeIf, hasPython, isolationWorks, NO_ISOLATION_REASON } from "../helpers/skips.js";
import {
  openLocalWorld,
  openReplayedWorld,
  WITHOUT_RETRIES,
  type Area,
  type Check,
} from "../helpers/worlds.js";
import { DIFFERENCES } from "./differences.js";
import { OTHER_DIFFERENCES } from "./other-differences.js";
import { backgroundCommands, commands } from "./worlds/commands.js";
import { contexts } from "./worlds/contexts.js";
import { files } from "./worlds/files.js";
import { health } from "./worlds/health.js";
import { DIFFERS, LEFT_OUT } from "./worlds/left-out.js";
import { otherRuns, pythonRuns } from "./worlds/runs.js";
import { sandboxes } from "./worlds/sandboxes.js";
import { sessions } from "./worlds/sessions.js";

/** All share a sandbox; those that count its contexts come first. */
const AREAS: readonly Area[] = [
  contexts,
  pythonRuns,
  otherRuns,
  commands,
  backgroundCommands,
  sessions,
  files,
  health,
  sandboxes,
];

const describeLocal = describeIf(
  isolationWorks && hasPython,
  "conformance/worlds",
  isolationWorks ? "there is no python3" : NO_ISOLATION_REASON,
);

/** In the recorded order, as later cases depend on earlier ones. */
function describeArea(area: Area, open: () => Promise<Check>): void {
  describe(area.name, () => {
    let check: Check;
    beforeAll(async () => (check = await open()));

    test.each(Object.keys(area.cases))("%s", (name) => check(name));
  });
}

const FIXTURES = Object.keys(LEFT_OUT) as FixtureName[];

test.each(FIXTURES)("every exchange of %s has a case or a reason to be left out", (fixture) => {
  const cases = AREAS.filter((area) => area.fixture === fixture).flatMap((area) =>
    Object.entries(area.cases),
  );
  // A case may also cover other exchanges.
  const covered = new Set(cases.flatMap(([name, theCase]) => [name, ...(theCase.with ?? [])]));
  const leftOut = Object.values(LEFT_OUT[fixture]).flat();
  expect([...covered, ...leftOut].sort()).toEqual([...nameExchanges(loadFixture(fixture)).keys()].sort());
});

test("exchanges left out as different are in the table of differences", () => {
  const differences: Readonly<Record<FixtureName, object>> = { ...DIFFERENCES, ...OTHER_DIFFERENCES };
  for (const fixture of FIXTURES) {
    const left = LEFT_OUT[fixture][DIFFERS] ?? [];
    expect(left.filter((label) => !(label in differences[fixture]))).toEqual([]);
  }
});

test("most recorded exchanges have a case", () => {
  const count = (fixture: FixtureName) => nameExchanges(loadFixture(fixture)).size;
  const all = FIXTURES.reduce((sum, fixture) => sum + count(fixture), 0);
  const leftOut = FIXTURES.flatMap((fixture) => Object.values(LEFT_OUT[fixture]).flat()).length;
  expect({ all, covered: all - leftOut }).toEqual({ all: 526, covered: 271 });
});

describe("replayed:", () => {
  beforeAll(disableNet);
  afterAll(restoreNet);

  for (const area of AREAS) describeArea(area, () => openReplayedWorld(area));
});

// Both Python shells have the same expectations; the plain one also starts faster.
for (const [name, options] of [
  ["in this process", { port: false }],
  ["on a port, with the plain shell of Python", { port: 0, pythonShell: "plain" }],
] as const) {
  describeLocal(`a local server ${name}:`, () => {
    let server: LocalServer;
    let sandbox: Sandbox;
    beforeAll(async () => {
      server = await startLocalServer(options);
      const connectionConfig = { ...server.connectionConfig, ...WITHOUT_RETRIES };
      sandbox = await Sandbox.create({ connectionConfig });
    });
    afterAll(async () => {
      await sandbox.close();
      await server.close();
    });

    for (const area of AREAS) describeArea(area, () => openLocalWorld(sandbox, area));
  });
}
