import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import { ControlGroup } from "../../../src/local/box/control-group.js";

const group = ControlGroup.make(`opensandbox-unit-${process.pid}`);
const hasGroup = group !== undefined;
afterAll(() => group?.end());

/** Runs until it is ended, with a child in another session. */
const ENDLESS = "setsid sleep 1000 & echo $!; wait";

test("controls what is started in a group, and starts it without one as well", async () => {
  const within = group?.makeChild("one") ?? new ControlGroup("/nowhere");
  const { command, args } = within.enter("bash", ["-c", ENDLESS]);
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  const closed = once(child, "close");
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  const pids = [child.pid ?? 0, Number(String(line))];

  expect(pids.map((pid) => within.has(pid))).toEqual([hasGroup, hasGroup]);
  expect(await within.freeze()).toBe(hasGroup);
  within.thaw();
  expect(await within.freeze()).toBe(hasGroup);
  // Frozen processes are killed as well; the output closes with its last writer.
  await within.end();
  if (!hasGroup) for (const pid of pids) process.kill(pid, "SIGKILL");
  expect(await closed).toEqual([null, "SIGKILL"]);
  expect(existsSync(within.directory)).toBe(false);
});

test("a group is removed with those below it, also when nothing can be waited for", async () => {
  const within = group?.makeChild("two") ?? new ControlGroup("/nowhere");
  const below = within.makeChild("below") ?? within;
  const { command, args } = below.enter("bash", ["-c", "echo there; exec sleep 1000"]);
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  const closed = once(child, "close");
  await once(child.stdout, "data");
  within.endSync();
  if (!hasGroup) child.kill("SIGKILL");
  await closed;
  expect(existsSync(within.directory)).toBe(false);
});

test("leaves nothing behind if no group can be created", async () => {
  const directory = mkdtempSync(path.join(os.tmpdir(), "control-group-"));
  try {
    const none = new ControlGroup(directory);
    expect(none.makeChild("child")).toBeUndefined();
    expect(await none.freeze()).toBe(false);
    none.kill();
    none.thaw();
    expect(readdirSync(directory)).toEqual([]);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
