import { readdirSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { resolveAssets } from "../../../src/local/host/assets.js";
import { Box } from "../../../src/local/box/box.js";
import { Volumes } from "../../../src/local/host/volumes.js";
import { ServerDirectory } from "../../../src/local/host/server-directory.js";
import { FaultRegistry } from "../../../src/local/sandboxes/faults/faults.js";
import { resolveIsolation } from "../../../src/local/box/isolation/resolve.js";
import { resolveLimits } from "../../../src/local/box/limits.js";
import { Runtimes } from "../../../src/local/languages/runtimes.js";
import type { SandboxSpec } from "../../../src/local/sandboxes/hosted-sandbox.js";
import { Sandboxes } from "../../../src/local/sandboxes/sandboxes.js";
import { Snapshots } from "../../../src/local/sandboxes/snapshots.js";
import { failureOf } from "../../helpers/promises.js";

const SPEC: SandboxSpec = {
  imageUri: "any",
  snapshotId: undefined,
  entrypoint: [],
  env: {},
  metadata: {},
  extensions: {},
  platform: undefined,
  volumes: [],
  limits: resolveLimits({}),
  timeoutSeconds: undefined,
};

test("closing ends all sandboxes, even if ending one of them fails, and reports that", async () => {
  const isolation = await resolveIsolation("none", undefined);
  const directory = await ServerDirectory.make(isolation);
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
        mounts: [],
        limits,
        cores: undefined,
      },
      ...{ isolation, env: {}, ipython: false, prewarm: false, notices },
    });
    boxes.push(box);
    return box;
  };
  const sandboxes = new Sandboxes(directory, start, {
    snapshots: new Snapshots(directory),
    volumes: new Volumes(directory, [], isolation),
    faults: new FaultRegistry(),
  });
  try {
    const [first, second, third] = [
      await sandboxes.create(SPEC),
      await sandboxes.create(SPEC),
      await sandboxes.create(SPEC),
    ];
    second.box.kill = () => Promise.reject(new Error("it does not end"));
    expect(await failureOf(sandboxes.close())).toMatchObject({ message: "it does not end" });
    const names = readdirSync(directory.path);
    expect(names).toContain(second.id);
    expect(names).not.toContain(first.id);
    expect(names).not.toContain(third.id);
    await Promise.all([first.box.gone, third.box.gone]);
  } finally {
    for (const box of boxes) box.killSync();
    await Promise.all(boxes.map(({ gone }) => gone));
    await directory.remove();
  }
});
