import { mkdir, readFile, symlink } from "node:fs/promises";
import { existsSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { DIFFERENCES, type Difference } from "../conformance/differences.js";
import { OTHER_DIFFERENCES, type OtherDifference } from "../conformance/other-differences.js";
import { describeIf, isolationWorks, NO_ISOLATION_REASON } from "../helpers/skips.js";
import { SnippetPrograms, snippetsOf } from "../helpers/snippets.js";
import { root } from "../package/programs.js";

const START = "Start it 1";
const VOLUMES = "Volumes 1";
const FAULTS = "Make a sandbox misbehave 1";

let programs: SnippetPrograms;
const files = new Map<string, string>();
beforeAll(async () => {
  programs = await SnippetPrograms.create();
  // For the example that is a test.
  await mkdir(path.join(programs.directory, "node_modules"), { recursive: true });
  await symlink(
    path.join(root, "node_modules/@jest"),
    path.join(programs.directory, "node_modules/@jest"),
    "dir",
  );
  for (const [index, snippet] of (await snippetsOf("docs/local-server.md")).entries()) {
    files.set(`${snippet.heading} ${snippet.number}`, await programs.write(`local-${index}`, snippet));
  }
});
afterAll(() => programs[Symbol.asyncDispose]());

test("the snippets are those that are checked here, and compile for a strict user", async () => {
  expect([...files.keys()]).toEqual([START, VOLUMES, FAULTS]);
  expect(await programs.check([...files.values()])).toEqual([]);
}, 60_000);

describeIf(
  isolationWorks,
  "docs/local-server",
  NO_ISOLATION_REASON,
)("the snippets", () => {
  test.each([
    [START, "hello\n\n"],
    [VOLUMES, "file\n\n"],
  ])("%s prints what it says", async (name, printed) => {
    const { exitCode, output } = await programs.run(files.get(name) ?? "", {});
    expect({ exitCode, output }).toEqual({ exitCode: 0, output: printed });
  });
});

test("each difference from a recorded response is in the table, and no other is", async () => {
  const text = (await readFile(path.join(root, "docs/differences.md"), "utf8"))
    .split("\n")
    .map((line) => line.replaceAll(/\s+/g, " ").trim());
  const rows = Object.entries({ ...DIFFERENCES, ...OTHER_DIFFERENCES }).flatMap(([fixture, differences]) =>
    Object.entries<Difference | OtherDifference>(differences).map(
      ([label, { because }]) => `| ${fixture} | ${label} | ${because} |`,
    ),
  );
  const listed = text.filter((line) => /^\| (execd|lifecycle)-/.test(line));
  expect(listed.sort()).toEqual(rows.sort());
});

test("each file that is linked to is there", async () => {
  const text = await readFile(path.join(root, "docs/local-server.md"), "utf8");
  const links = [...text.matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, link = ""]) => link);
  expect(links.length).toBeGreaterThan(0);
  expect(links.filter((link) => !existsSync(path.join(root, "docs", link)))).toEqual([]);
});
