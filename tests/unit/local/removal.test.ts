import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { removeTree, removeTreeSync } from "../../../src/local/host/removal.js";

let parent: string;
beforeEach(() => {
  parent = mkdtempSync(path.join(os.tmpdir(), "removal-"));
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

/** Paths longer than the system takes at once, and in the midst of it a directory that its owner may not look into. */
const DEEP = `
mkdir tree; cd tree
for level in $(seq 30); do mkdir $(printf 'd%.0s' $(seq 200)); cd d*; done
mkdir locked; touch locked/file; chmod 0 locked .
`;

const LOCKED =
  "mkdir -p tree/locked/within; touch tree/locked/within/file; chmod 0 tree/locked/within tree/locked tree";

test.each([
  ["paths are too long", DEEP],
  ["permissions are missing", LOCKED],
  ["there is nothing", ""],
])("a directory is removed where %s", async (_what, script) => {
  const directory = path.join(parent, "tree");
  execFileSync("bash", ["-c", script], { cwd: parent });
  await removeTree(directory);
  expect(existsSync(directory)).toBe(false);

  execFileSync("bash", ["-c", script], { cwd: parent });
  removeTreeSync(directory);
  expect(existsSync(directory)).toBe(false);
});

test("a file keeps the mode that it has under another name", async () => {
  const file = path.join(parent, "file");
  execFileSync("bash", ["-c", `touch file; chmod 400 file; ${DEEP}`], { cwd: parent });
  execFileSync("bash", ["-c", "ln file tree/link"], { cwd: parent });
  await removeTree(path.join(parent, "tree"));
  expect(statSync(file).mode & 0o777).toBe(0o400);
});
