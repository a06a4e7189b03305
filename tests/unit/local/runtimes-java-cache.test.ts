import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "@jest/globals";
import { readStat } from "../../../src/local/box/processes.js";
import { javaClassesDirectory, warmJavaClasses } from "../../../src/local/languages/java/cache.js";
import { useOwnCache } from "../../helpers/cache-directory.js";
import { until } from "../../helpers/local-sandbox.js";

let directory: string;
useOwnCache((created) => (directory = created));

/** Starts to fill the cache with a compiler that is a shell script; returns what stops it. */
function warm(script: string): () => void {
  writeFileSync(path.join(directory, "javac"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return warmJavaClasses({ executable: path.join(directory, "java"), version: "17.0.1", prefixes: [] });
}

const kept = (): string[] => readdirSync(path.join(directory, "opensandbox-code-interpreter"));

test("each version of Java and of the kernel has its own directory", () => {
  expect(path.basename(javaClassesDirectory("17.0.1"))).toMatch(/^java-kernel-17\.0\.1-[0-9a-f]{16}$/);
});

test("the kernel is compiled once, and its directory is there once it is complete", async () => {
  const classes = javaClassesDirectory("17.0.1");
  warm('for last; do :; done; echo "$last" > "$5/said"');
  await until(() => existsSync(classes), Boolean);
  expect(readFileSync(path.join(classes, "said"), "utf8")).toMatch(
    /\/dist\/local\/kernels\/JavaKernel\.java\n$/,
  );
  warm('touch "$5/again"');
  expect(kept()).toEqual([path.basename(classes)]);
});

test("a compiler that fails leaves nothing", async () => {
  warm(`touch '${directory}/ended'; exit 1`);
  await until(() => existsSync(path.join(directory, "ended")), Boolean);
  await until(kept, (names) => names.length === 0);
});

test("when stopped, it ends its compiler and leaves nothing", async () => {
  const pid = path.join(directory, "pid");
  const stop = warm(`echo $$ > '${pid}~'; mv '${pid}~' '${pid}'; exec sleep 1000`);
  await until(() => existsSync(pid), Boolean);
  const compiler = Number(readFileSync(pid, "utf8"));
  stop();
  await until(
    () => readStat(compiler)?.fields[0] ?? "Z",
    (state) => state === "Z",
  );
  expect(kept()).toEqual([]);
});
