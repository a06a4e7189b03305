import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { expect, test } from "@jest/globals";
import { resolveAssets } from "../../../src/local/host/assets.js";
import { Box } from "../../../src/local/box/box.js";
import { FaultRegistry } from "../../../src/local/sandboxes/faults/faults.js";
import { resolveIsolation } from "../../../src/local/box/isolation/resolve.js";
import { resolveLimits } from "../../../src/local/box/limits.js";
import { Runtimes } from "../../../src/local/languages/runtimes.js";
import type { SandboxSpec } from "../../../src/local/sandboxes/hosted-sandbox.js";
import { Sandboxes } from "../../../src/local/sandboxes/sandboxes.js";
import { Snapshots } from "../../../src/local/sandboxes/snapshots.js";
import { failureOf } from "../transport/harness.js";

const SPEC: SandboxSpec = {
  imageUri: "any",
  snapshotId: undefined,
  entrypoint: [],
  env: {},
  metadata: {},
  extensions: {},
  platform: undefined,
  limits: resolveLimits({}),
  timeoutSeconds: undefined,
};

test("one sandbox that cannot be ended keeps no other from its end, and is reported", async () => {
  const directory = mkdtempSync(path.join(os.tmpdir(), "sandboxes-"));
  const isolation = await resolveIsolation("none", undefined);
  const { installed, notices } = await new Runtimes().select({});
  const boxes: Box[] = [];
  const start = async (boxDirectory: string) => {
    const limits = SPEC.limits;
    const box = await Box.start({
      plan: {
        directory: boxDirectory,
        assets: resolveAssets(),
        runtimes: installed,
        network: "deny",
        limits,
        cores: undefined,
      },
      ...{ isolation, env: {}, ipython: false, prewarm: false, notices },
    });
    boxes.push(box);
    return box;
  };
  const snapshots = new Snapshots(path.join(directory, "snapshots"), isolation);
  const sandboxes = new Sandboxes(directory, start, snapshots, new FaultRegistry());
  try {
    const [first, second, third] = [
      await sandboxes.create(SPEC),
      await sandboxes.create(SPEC),
      await sandboxes.create(SPEC),
    ];
    second.box.kill = () => Promise.reject(new Error("it does not end"));
    expect(await failureOf(sandboxes.close())).toMatchObject({ message: "it does not end" });
    expect(readdirSync(directory).sort()).toEqual([second.id, "snapshots"].sort());
    await Promise.all([first.box.gone, third.box.gone]);
  } finally {
    for (const box of boxes) box.killSync();
    await Promise.all(boxes.map(({ gone }) => gone));
    rmSync(directory, { recursive: true, force: true });
  }
});
