import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "@jest/globals";
import { root } from "../package/programs.js";

test("the diagrams show the imports of the code, and every arrow points down", () => {
  const { stderr, status } = spawnSync(process.execPath, ["scripts/architecture.mjs", "--check"], {
    cwd: root,
    encoding: "utf8",
  });
  expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
});

test("every file and folder that CONTRIBUTING.md names exists", async () => {
  const text = await readFile(path.join(root, "CONTRIBUTING.md"), "utf8");
  const names = [...text.matchAll(/`((?:src|scripts|tests|docs|generated)\/[\w./-]*)`/g)].map(
    ([, name = ""]) => name,
  );
  expect(names.length).toBeGreaterThan(20);
  expect(names.filter((name) => !existsSync(path.join(root, name)))).toEqual([]);
});

test("every module and folder that the page names exists", async () => {
  const text = await readFile(path.join(root, "docs/architecture.md"), "utf8");
  const names = [...text.matchAll(/`((?:src|scripts|generated|openapi|[a-z-]+)\/[\w./-]*)`/g)].map(
    ([, name = ""]) => name,
  );
  expect(names.length).toBeGreaterThan(10);
  const places = ["", "src", "src/local"];
  const missing = names.filter((name) => !places.some((place) => existsSync(path.join(root, place, name))));
  expect(missing).toEqual([]);
});
