import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, statSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { Isolation } from "../../../src/local/box/isolation/isolation.js";
import { NoIsolation } from "../../../src/local/box/isolation/none.js";
import { resolveIsolation } from "../../../src/local/box/isolation/resolve.js";
import { Trees } from "../../../src/local/host/trees.js";
import { describeIf, isolationWorks, NO_ISOLATION_REASON } from "../../helpers/skips.js";

let parent: string;
let directory: string;
beforeEach(() => {
  parent = mkdtempSync(path.join(os.tmpdir(), "trees-"));
  directory = path.join(parent, "tree");
  mkdirSync(directory);
});
afterEach(async () => {
  await new Trees(new NoIsolation()).empty(parent);
});

const run = (script: string) => execFileSync("bash", ["-c", script], { cwd: directory });

/** Paths longer than the system takes at once, and among them a directory that its owner may not look into. */
const DEEP = `
for level in $(seq 30); do mkdir $(printf 'd%.0s' $(seq 200)); cd d*; done
mkdir locked; touch locked/file; chmod 0 locked .
`;

const CASES = [
  ["paths are too long", DEEP],
  ["permissions are missing", "mkdir -p a/b; touch a/b/file; chmod 0 a/b a"],
  [
    "there are links, pipes and sockets",
    "ln -s / root; ln -s nowhere dangling; mkfifo pipe; touch -- -rf '*' $'\\n'",
  ],
  ["names are not UTF-8", "mkdir a; touch a/$'\\xff\\xfe'"],
  ["there is nothing", ""],
] as const;

describe.each([
  ["without isolation", async (): Promise<Isolation> => Promise.resolve(new NoIsolation())],
  ["with isolation", async (): Promise<Isolation> => resolveIsolation(isolationWorks ? "auto" : "none")],
])("a tree, %s", (_how, isolate) => {
  test.each(CASES)("is removed where %s", async (_what, script) => {
    const trees = new Trees(await isolate());
    run(script);
    expect(await trees.empty(directory)).toBe(true);
    expect(readdirSync(directory)).toEqual([]);

    run(script);
    expect(trees.emptySync(directory, [], 60_000)).toBe(true);
    expect(readdirSync(directory)).toEqual([]);
  });

  test("keeps the entries that are to be kept", async () => {
    run("mkdir a b; touch c");
    expect(await new Trees(await isolate()).empty(directory, ["a", "c"])).toBe(true);
    expect(readdirSync(directory)).toEqual(["a", "c"]);
  });

  test("leaves the mode of a file alone that has another name elsewhere", async () => {
    const file = path.join(parent, "file");
    run(`touch ../file; chmod 400 ../file; ln ../file link; ${DEEP}`);
    expect(await new Trees(await isolate()).empty(directory)).toBe(true);
    expect(statSync(file).mode & 0o777).toBe(0o400);
  });

  test("is not removed for longer than its limit at the end of the process", async () => {
    run("touch file");
    expect(new Trees(await isolate()).emptySync(directory, [], 0)).toBe(false);
    expect(existsSync(path.join(directory, "file"))).toBe(true);
  });
});

describeIf(
  isolationWorks,
  "unit/local/trees",
  NO_ISOLATION_REASON,
)("what works on a tree", () => {
  test("sees nothing of the user's but the tree: links lead nowhere, and parents are not there", async () => {
    writeFileSync(path.join(parent, "secret"), "secret");
    run(`ln -s ${parent} out; ln -s ../.. up`);
    const script = `cat out/secret up/secret ${parent}/secret; ls -A /run /tmp ${os.homedir()}; rm -rf out/* ; touch made`;
    const isolation = await resolveIsolation("auto");
    const [program, ...args] = isolation.confine({ to: directory }, ({ to }) => [
      ...["sh", "-c", `cd "$1"; ${script}`, "sh", to],
    ]);
    const { stdout } = spawnSync(program, args, { encoding: "utf8" });
    expect(stdout).not.toContain("secret");
    expect(readdirSync(parent).sort()).toEqual(["secret", "tree"]);
    expect(readdirSync(directory).sort()).toEqual(["made", "out", "up"]);
  });

  test("cannot change what it copies from", async () => {
    const [from, to] = [directory, path.join(parent, "copy")];
    mkdirSync(to);
    const isolation = await resolveIsolation("auto");
    const [program, ...args] = isolation.confine({ from, to }, (inside) => [
      ...["sh", "-c", 'touch "$1/x"; touch "$2/x"', "sh", inside.from, inside.to],
    ]);
    spawnSync(program, args);
    expect(readdirSync(from)).toEqual([]);
    expect(readdirSync(to)).toEqual(["x"]);
  });
});
