import { existsSync, readdirSync, statSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { ControlGroup } from "../../src/local/box/control-group.js";
import { LocalClient, parseEvents, until, type LocalSandbox } from "../helpers/local-sandbox.js";
import { describeIf, hasPython, isolationWorks, NO_ISOLATION_REASON } from "../helpers/skips.js";
import { WAKES_ITSELF } from "../helpers/waking.js";

/** Writes to a file all the time. */
const WRITER = `${WAKES_ITSELF}
file = open("count", "ab", 0)
while True:
    file.write(b"x\\n")
    signal.sigtimedwait([], 0.01)
`;
/** Writes lines to a file in the background. */
const COUNT = "(while true; do echo x >> count; sleep 0.02; done) >/dev/null 2>&1 &";
/** Long enough to see that something still runs. */
const A_WHILE_MS = 500;

const ownGroup = ControlGroup.make(`opensandbox-test-${process.pid}`);
afterAll(() => ownGroup?.end());

/** How far a counter has come, seen from the host. */
function countOf({ id }: LocalSandbox): number {
  const [file = ""] = readdirSync(os.tmpdir())
    .filter((name) => name.startsWith("opensandbox-"))
    .map((name) => path.join(os.tmpdir(), name, id, "workspace/count"))
    .filter((candidate) => existsSync(candidate));
  return file === "" ? 0 : statSync(file).size;
}

async function goesOn(sandbox: LocalSandbox): Promise<boolean> {
  const before = countOf(sandbox);
  await delay(A_WHILE_MS);
  return countOf(sandbox) > before;
}

// Each way has to work by itself, as not everybody may make control groups.
describe.each([
  ["a control group, where one can be made", ownGroup !== undefined],
  ["signals", false],
])("a pause by %s", (_way, byGroup) => {
  beforeEach(() => {
    if (!byGroup) jest.spyOn(ControlGroup, "make").mockReturnValue(undefined);
  });
  afterEach(() => {
    jest.restoreAllMocks();
  });

  const kinds = [["bubblewrap", describeIf(isolationWorks, "local/pause", NO_ISOLATION_REASON)]] as const;
  describe.each([...kinds, ["none", describe] as const])("with isolation %s", (isolation, describeKind) => {
    describeKind("of a sandbox", () => {
      let client: LocalClient;
      let sandbox: LocalSandbox;
      const ask = async (action: "pause" | "resume") =>
        expect((await client.send("POST", `${sandbox.path}/${action}`)).status).toBe(202);
      beforeEach(async () => {
        client = await LocalClient.start({ port: false, isolation });
        sandbox = await client.create();
      });
      afterEach(() => client.server.close());

      test("stops everything, and a resume continues it", async () => {
        await sandbox.command(COUNT);
        const stream = await sandbox.execd("POST", "/command", { command: "sleep 0.1; echo done" });
        await until(
          () => countOf(sandbox),
          (count) => count > 0,
        );
        await ask("pause");
        expect(await sandbox.state()).toBe("Paused");
        const answer = sandbox.execd("POST", "/command", { command: "echo late" });
        const early = await Promise.race([answer, goesOn(sandbox)]);
        expect(early).toBe(false);

        await ask("resume");
        expect(await sandbox.state()).toBe("Running");
        const events = parseEvents(await (await answer).text());
        expect(events.find(({ type }) => type === "stdout")?.["text"]).toBe("late");
        expect(await stream.text()).toContain('"done');
        const paused = countOf(sandbox);
        await until(
          () => countOf(sandbox),
          (count) => count > paused,
        );
      });

      test("by a control group holds a process that wakes itself, too", async () => {
        if (!hasPython) return;
        await sandbox.execd("POST", "/command", {
          command: 'python3 -c "$PROGRAM"',
          background: true,
          envs: { PROGRAM: WRITER },
        });
        await until(
          () => countOf(sandbox),
          (count) => count > 0,
        );
        await ask("pause");
        // Signals do not, which the documentation says.
        if (byGroup) expect(await goesOn(sandbox)).toBe(false);
        await ask("resume");
        expect((await sandbox.command("echo fine")).stdout).toBe("fine");
      });

      test("does not hold up its deletion", async () => {
        await sandbox.command(COUNT);
        await ask("pause");
        expect((await client.send("DELETE", sandbox.path)).status).toBe(204);
      });
    });
  });
});
