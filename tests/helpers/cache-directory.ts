import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach } from "@jest/globals";

/** Gives each test of a file an empty directory as the user's cache, and removes it afterwards. */
export function useOwnCache(onCreated: (directory: string) => void): void {
  const usual = process.env["XDG_CACHE_HOME"];
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(path.join(os.tmpdir(), "cache-"));
    process.env["XDG_CACHE_HOME"] = directory;
    onCreated(directory);
  });
  afterEach(() => {
    if (usual === undefined) delete process.env["XDG_CACHE_HOME"];
    else process.env["XDG_CACHE_HOME"] = usual;
    rmSync(directory, { recursive: true, force: true });
  });
}
