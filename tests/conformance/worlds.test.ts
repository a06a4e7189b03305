import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import nock from "nock";
import { CodeInterpreter, Sandbox, type Execution } from "../../src/index.js";
import { startLocalServer, type LocalServer } from "../../src/local/index.js";
import { expectExecution, type ExpectedExecution } from "../helpers/expect-execution.js";
import { findExchange, loadFixture, type Exchange, type FixtureName } from "../helpers/fixtures.js";
import { disableNet, replay, restoreNet } from "../helpers/replay.js";
import { describeIf, hasPython, isolationWorks, NO_ISOLATION_REASON } from "../helpers/skips.js";

/** Recorded runs, and what comes of them through the facade, whoever answers. */
const RUNS: readonly (readonly [FixtureName, string, ExpectedExecution])[] = [
  ["execd-code", "1+1", { text: "2", stdout: "", error: undefined }],
  ["execd-code", "string", { text: "'abc'", error: undefined }],
  ["execd-code", "print", { stdout: "hi\n", stderr: "", text: undefined, error: undefined }],
  ["execd-code", "print no newline", { stdout: "abc", error: undefined }],
  ["execd-code", "print+result", { stdout: "a\n", text: "'b'", error: undefined }],
  ["execd-code", "none", { stdout: "", text: undefined, error: undefined }],
  ["execd-code", "unicode", { stdout: "héllo 世界 🎉\n", error: undefined }],
  ["execd-code", "raise custom", { stdout: "", error: ["E", "x"] }],
  [
    "execd-code",
    "partial then error",
    { stdout: "before\n", error: ["ZeroDivisionError", "division by zero"] },
  ],
  ["execd-lang", "typescript: print", { stdout: "hi\n", error: undefined }],
  ["execd-lang", "typescript: stderr", { stdout: "", stderr: "e\n", error: undefined }],
  ["execd-lang", "javascript: unicode", { stdout: "世界 🎉\n", error: undefined }],
  ["execd-lang", "bash: arith", { stdout: "17\n", error: undefined }],
  ["execd-lang", "bash: exit status", { stdout: "", error: ["", "7"] }],
  ["execd-command", "blank lines", { stdout: "a\n\nb\n\n\nc\n", exitCode: 0 }],
  ["execd-command", "stderr+exit3", { stdout: "out\n", stderr: "err\n", exitCode: 3 }],
  ["execd-command", "unicode", { stdout: "héllo 世界 🎉\n", exitCode: 0 }],
];

interface World {
  /** A sandbox that answers this exchange next. */
  open(exchange: Exchange): Sandbox;
  end(): Promise<void>;
}

async function replayedWorld(): Promise<World> {
  disableNet();
  nock("http://lifecycle.test")
    .get("/v1/sandboxes/recorded/endpoints/44772")
    .query(true)
    .reply(200, { endpoint: "sandbox.test:44772" });
  const sandbox = await Sandbox.connect({
    sandboxId: "recorded",
    skipHealthCheck: true,
    connectionConfig: { domain: "http://lifecycle.test", apiKey: "key" },
  });
  return {
    open(exchange) {
      replay(exchange, { origin: "http://sandbox.test:44772" });
      return sandbox;
    },
    async end() {
      await sandbox.close();
      restoreNet();
    },
  };
}

async function localWorld(port: number | false): Promise<World> {
  const server: LocalServer = await startLocalServer({ port });
  const sandbox = await Sandbox.create({ connectionConfig: server.connectionConfig });
  return {
    open: () => sandbox,
    async end() {
      await sandbox.close();
      await server.close();
    },
  };
}

const hasLocal = isolationWorks && hasPython;
const NO_LOCAL = isolationWorks ? "there is no python3" : NO_ISOLATION_REASON;

function describeMatrix(runs: (start: () => Promise<World>) => void): void {
  describe("replayed:", () => {
    runs(replayedWorld);
  });
  describeIf(
    hasLocal,
    "conformance/worlds",
    NO_LOCAL,
  )("on a local server in this process:", () => {
    runs(() => localWorld(false));
  });
  describeIf(
    hasLocal,
    "conformance/worlds",
    NO_LOCAL,
  )("on a local server with a port:", () => {
    runs(() => localWorld(0));
  });
}

describeMatrix((start) => {
  let world: World;
  beforeAll(async () => (world = await start()));
  afterAll(() => world.end());

  test.each(RUNS)("%s, %s", async (fixture, label, expected) => {
    const exchange = findExchange(loadFixture(fixture), label);
    await expectExecution(runIn(world.open(exchange), exchange)).toBe(expected);
  });
});

async function runIn(sandbox: Sandbox, { request: { path, body } }: Exchange): Promise<Execution> {
  if (path === "/command") return sandbox.commands.run((body as { command: string }).command);
  const { code, context } = body as { code: string; context: { language: string } };
  const { codes } = await CodeInterpreter.create(sandbox);
  return codes.run(code, { language: context.language });
}

test("the worlds are given runs that were recorded", () => {
  expect(RUNS.map(([fixture, label]) => findExchange(loadFixture(fixture), label).response.status)).toEqual(
    RUNS.map(() => 200),
  );
});
