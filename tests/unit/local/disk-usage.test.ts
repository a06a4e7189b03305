import { execFileSync } from "node:child_process";
import { lstatSync, mkdtempSync, statSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { removeTree } from "../../../src/local/host/removal.js";
import { diskUsage } from "../../../src/local/supervisor/limits/disk-usage.js";

const MIB = 2 ** 20;
let directory: string;
beforeEach(() => {
  directory = mkdtempSync(path.join(os.tmpdir(), "disk-usage-"));
});
afterEach(() => removeTree(directory));

const make = (script: string) => execFileSync("bash", ["-c", script], { cwd: directory });
const WRITE = `head -c ${10 * MIB} /dev/zero >`;

/** Above what was written there may be blocks for directories and for what a file system keeps of its own. */
async function expectUsage(least: number, most: number): Promise<void> {
  const usage = await diskUsage([directory]);
  expect(usage).toBeGreaterThanOrEqual(least);
  expect(usage).toBeLessThan(most);
}

test("what files take is added up, below directories too", async () => {
  make(`${WRITE} one; mkdir -p a/b; ${WRITE} a/b/two`);
  await expectUsage(20 * MIB, 21 * MIB);
});

test("a file counts once, under whatever names", async () => {
  make(`${WRITE} one; mkdir a; for i in $(seq 20); do ln one a/$i; done`);
  await expectUsage(10 * MIB, 11 * MIB);
  expect(await diskUsage([directory, path.join(directory, "a")])).toBeLessThan(11 * MIB);
});

test("links are not followed", async () => {
  make(`mkdir a b; ${WRITE} a/one; ln -s ../a b/a; ln -s .. b/up`);
  expect(await diskUsage([path.join(directory, "b")])).toBeLessThan(MIB);
});

test("holes take no room", async () => {
  make("truncate -s 1G sparse");
  await expectUsage(0, MIB);
});

test.each(["0", "400", "100", "600"])(
  "what its owner has locked away by mode %s counts, and stays so",
  async (mode) => {
    make(`mkdir a; ${WRITE} a/one; chmod ${mode} a`);
    await expectUsage(10 * MIB, 11 * MIB);
    expect((statSync(path.join(directory, "a")).mode & 0o7777).toString(8)).toBe(mode);
  },
);

test("what is too deep for a path counts", async () => {
  make(`for level in $(seq 50); do n=$(printf '%0200d' 0); mkdir $n; cd $n; done; ${WRITE} one`);
  await expectUsage(10 * MIB, 11 * MIB);
});

test("ten thousand empty files are not nothing", async () => {
  make("mkdir a; cd a; touch {1..10000}");
  expect(lstatSync(path.join(directory, "a/1")).blocks).toBe(0);
  await expectUsage(10_000 * 1024, 20_000 * 1024);
});

test("what is not there takes no room", async () => {
  expect(await diskUsage([path.join(directory, "nowhere")])).toBe(0);
});
