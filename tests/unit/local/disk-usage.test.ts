import { execFileSync } from "node:child_process";
import { lstatSync, mkdtempSync, rmdirSync, statSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { NoIsolation } from "../../../src/local/box/isolation/none.js";
import { Trees } from "../../../src/local/host/trees.js";
import { diskUsage } from "../../../src/local/supervisor/limits/disk-usage.js";

const MIB = 2 ** 20;
let directory: string;
beforeEach(() => {
  directory = mkdtempSync(path.join(os.tmpdir(), "disk-usage-"));
});
afterEach(async () => {
  await new Trees(new NoIsolation()).empty(directory);
  rmdirSync(directory);
});

const make = (script: string) => execFileSync("bash", ["-c", script], { cwd: directory });
const WRITE = `head -c ${10 * MIB} /dev/zero >`;

/** A file system may use some blocks for directories and for its own records. */
async function expectUsage(least: number, most: number): Promise<void> {
  const usage = await diskUsage([directory]);
  expect(usage).toBeGreaterThanOrEqual(least);
  expect(usage).toBeLessThan(most);
}

test("the sizes of files are added up, below directories too", async () => {
  make(`${WRITE} one; mkdir -p a/b; ${WRITE} a/b/two`);
  await expectUsage(20 * MIB, 21 * MIB);
});

test("the blocks of a file count once, however many names it has", async () => {
  make(`${WRITE} one; mkdir a; for i in $(seq 20); do ln one a/$i; done`);
  await expectUsage(10 * MIB, 11 * MIB);
});

test("every name counts: ten thousand hard links of an empty file fill a disk", async () => {
  make(
    "touch one; python3 -c 'import os\nfor i in range(10000): os.link(\"one\", str(i))' || for i in {1..10000}; do ln one $i; done",
  );
  await expectUsage(10_000 * 4096, 11_000 * 4096);
});

test("a walk can stop early", async () => {
  make("mkdir a; cd a; touch {1..10000}");
  const usage = await diskUsage([directory], { enough: MIB });
  expect(usage).toBeGreaterThan(MIB);
  expect(usage).toBeLessThan(2 * MIB);
});

test("what is mounted there does not count: files, directories, or all of it", async () => {
  make(`mkdir a b; ${WRITE} a/one; ${WRITE} a/two; ${WRITE} b/three`);
  const [a, b] = [path.join(directory, "a"), path.join(directory, "b")];
  const usage = await diskUsage([directory], { except: [path.join(a, "one"), b] });
  expect(usage).toBeGreaterThanOrEqual(10 * MIB);
  expect(usage).toBeLessThan(11 * MIB);
  expect(await diskUsage([a, b], { except: [a, b] })).toBe(0);
});

test("symbolic links are not followed", async () => {
  make(`mkdir a b; ${WRITE} a/one; ln -s ../a b/a; ln -s .. b/up`);
  expect(await diskUsage([path.join(directory, "b")])).toBeLessThan(MIB);
});

test("holes in sparse files take no room", async () => {
  make("truncate -s 1G sparse");
  await expectUsage(0, MIB);
});

test.each(["0", "400", "100", "600"])("a directory with mode %s counts, and keeps its mode", async (mode) => {
  make(`mkdir a; ${WRITE} a/one; chmod ${mode} a`);
  await expectUsage(10 * MIB, 11 * MIB);
  expect((statSync(path.join(directory, "a")).mode & 0o7777).toString(8)).toBe(mode);
});

test("files too deep for one path count", async () => {
  make(`for level in $(seq 50); do n=$(printf '%0200d' 0); mkdir $n; cd $n; done; ${WRITE} one`);
  await expectUsage(10 * MIB, 11 * MIB);
});

test("empty files count", async () => {
  make("mkdir a; cd a; touch {1..1000}");
  expect(lstatSync(path.join(directory, "a/1")).blocks).toBe(0);
  await expectUsage(1000 * 4096, 1100 * 4096);
});

test("a directory that does not exist takes no room", async () => {
  expect(await diskUsage([path.join(directory, "nowhere")])).toBe(0);
});
