import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { mkdir, readlink } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { expect, test } from "@jest/globals";
import { readStat } from "../../../src/local/box/processes.js";
import { goCacheDirectory, warmGoCache } from "../../../src/local/languages/go/cache.js";
import { linkSharedCache } from "../../../src/local/languages/go/toolchain.js";
import { useOwnCache } from "../../helpers/cache-directory.js";
import { until } from "../../helpers/local-sandbox.js";

let directory: string;
useOwnCache((created) => (directory = created));

test("each version of Go has its own cache directory", () => {
  expect(goCacheDirectory("1.24.1")).toBe(
    path.join(directory, "opensandbox-code-interpreter", "go-build-1.24.1"),
  );
});

test("a relative cache directory is ignored, as the XDG specification requires", () => {
  process.env["XDG_CACHE_HOME"] = "caches";
  expect(goCacheDirectory("1.24.1").startsWith(path.join(os.homedir(), ".cache"))).toBe(true);
});

test("the cache is filled by Go, and marked when it is complete", async () => {
  const go = path.join(directory, "go");
  writeFileSync(go, '#!/bin/sh\nprintf "%s %s" "$1" "$CGO_ENABLED" > "$GOCACHE/said"\n', { mode: 0o755 });
  const cache = goCacheDirectory("1.0");
  warmGoCache({ executable: go, version: "1.0", prefixes: [] }, directory);
  await until(() => existsSync(path.join(cache, "complete")), Boolean);
  expect(readFileSync(path.join(cache, "said"), "utf8")).toBe("build 0");
});

test("a compiler that fails leaves the cache for the next time", async () => {
  const go = path.join(directory, "go");
  writeFileSync(go, "#!/bin/sh\ntrap 'touch \"$GOCACHE/ended\"' EXIT\nexit 1\n", { mode: 0o755 });
  const cache = goCacheDirectory("1.0");
  for (let time = 0; time < 2; time++) {
    warmGoCache({ executable: go, version: "1.0", prefixes: [] }, directory);
    // The second time proves that the first was not taken for a success.
    await until(() => existsSync(path.join(cache, "ended")), Boolean);
    rmSync(path.join(cache, "ended"));
  }
});

test("when stopped, it ends its compilers and leaves its files in the given directory", async () => {
  const go = path.join(directory, "go");
  writeFileSync(
    go,
    '#!/bin/sh\nsleep 1000 &\necho $$ $! > "$GOTMPDIR/pids~"\nmv "$GOTMPDIR/pids~" "$GOTMPDIR/pids"\nwait\n',
    {
      mode: 0o755,
    },
  );
  const stop = warmGoCache({ executable: go, version: "1.0", prefixes: [] }, directory);
  const pids = path.join(directory, "pids");
  await until(() => existsSync(pids), Boolean);
  const started = readFileSync(pids, "utf8").trim().split(" ").map(Number);
  expect(started.filter(isRunning)).toEqual(started);
  stop();
  await until(
    () => started.filter(isRunning),
    (left) => left.length === 0,
  );
});

test("a sandbox's cache gets links to the shared one besides its own files", async () => {
  const [shared, own] = [path.join(directory, "shared"), path.join(directory, "own")];
  await mkdir(path.join(shared, "0a"), { recursive: true });
  await mkdir(path.join(own, "0a"), { recursive: true });
  writeFileSync(path.join(shared, "0a", "one-d"), "shared");
  writeFileSync(path.join(shared, "0a", "two-d"), "shared");
  writeFileSync(path.join(own, "0a", "two-d"), "own");
  await linkSharedCache(shared, own);
  await linkSharedCache(shared, own);
  await expect(readlink(path.join(own, "0a", "one-d"))).resolves.toBe(path.join(shared, "0a", "one-d"));
  expect(readFileSync(path.join(own, "0a", "two-d"), "utf8")).toBe("own");
});

test("a shared cache counts as warm once it is complete", async () => {
  const [shared, own] = [path.join(directory, "shared"), path.join(directory, "own")];
  await mkdir(path.join(shared, "0a"), { recursive: true });
  expect(await linkSharedCache(shared, own)).toBe(false);
  writeFileSync(path.join(shared, "complete"), "");
  expect(await linkSharedCache(shared, own)).toBe(true);
});

test("a shared cache that is not there leaves an empty one", async () => {
  const own = path.join(directory, "own");
  expect(await linkSharedCache(path.join(directory, "nowhere"), own)).toBe(false);
  expect(existsSync(path.join(own, "trim.txt"))).toBe(true);
});

/** Returns whether a process runs; a zombie does not. */
function isRunning(pid: number): boolean {
  const state = readStat(pid)?.fields[0];
  return state !== undefined && state !== "Z";
}
