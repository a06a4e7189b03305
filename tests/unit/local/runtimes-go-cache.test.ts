import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { mkdir, readlink } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { goCacheDirectory, warmGoCache } from "../../../src/local/runtimes/go-cache.js";
import { linkSharedCache } from "../../../src/local/supervisor/kernels/go-toolchain.js";
import { until } from "../../helpers/local-sandbox.js";

const usual = process.env["XDG_CACHE_HOME"];
let directory: string;
beforeEach(() => {
  directory = mkdtempSync(path.join(os.tmpdir(), "go-cache-"));
  process.env["XDG_CACHE_HOME"] = directory;
});
afterEach(() => {
  if (usual === undefined) delete process.env["XDG_CACHE_HOME"];
  else process.env["XDG_CACHE_HOME"] = usual;
  rmSync(directory, { recursive: true, force: true });
});

test("each version of Go has its own directory among the user's caches", () => {
  expect(goCacheDirectory("1.24.1")).toBe(
    path.join(directory, "opensandbox-code-interpreter", "go-build-1.24.1"),
  );
});

test("a relative place for caches is ignored, as its specification says", () => {
  process.env["XDG_CACHE_HOME"] = "caches";
  expect(goCacheDirectory("1.24.1").startsWith(path.join(os.homedir(), ".cache"))).toBe(true);
});

test("the cache is filled by Go, and marked when it is complete", async () => {
  const go = path.join(directory, "go");
  writeFileSync(go, '#!/bin/sh\nprintf "%s %s" "$1" "$CGO_ENABLED" > "$GOCACHE/said"\n', { mode: 0o755 });
  const cache = goCacheDirectory("1.0");
  warmGoCache({ executable: go, version: "1.0", prefixes: [] });
  await until(() => existsSync(path.join(cache, "complete")), Boolean);
  expect(readFileSync(path.join(cache, "said"), "utf8")).toBe("build 0");
});

test("a compiler that fails leaves the cache for the next time", async () => {
  const go = path.join(directory, "go");
  writeFileSync(go, "#!/bin/sh\ntrap 'touch \"$GOCACHE/ended\"' EXIT\nexit 1\n", { mode: 0o755 });
  const cache = goCacheDirectory("1.0");
  for (let time = 0; time < 2; time++) {
    warmGoCache({ executable: go, version: "1.0", prefixes: [] });
    // The second time proves that the first was not taken for a success.
    await until(() => existsSync(path.join(cache, "ended")), Boolean);
    rmSync(path.join(cache, "ended"));
  }
});

test("a sandbox's cache gets links to the shared one beside what it has itself", async () => {
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

test("a shared cache that is not there leaves an empty one", async () => {
  const own = path.join(directory, "own");
  await linkSharedCache(path.join(directory, "nowhere"), own);
  expect(existsSync(path.join(own, "trim.txt"))).toBe(true);
});
