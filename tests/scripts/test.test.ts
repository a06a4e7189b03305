import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../package/programs.js";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "opensandbox-test-script-"));
  write("passes", `test("passes", () => {}); test.skip("is skipped", () => {});`);
  write("fails", `test("fails", () => { throw new Error("as it should"); });`);
  write("breaks", `throw new Error("while it loads");`);
  write(
    "unstable",
    `const { existsSync, writeFileSync } = require("node:fs");
     const marker = process.env.MARKER;
     test("passes the second time", () => {
       if (existsSync(marker)) return;
       writeFileSync(marker, "");
       throw new Error("the first time");
     });
     test("passes", () => {});`,
  );
  for (const name of ["one", "two", "three", "four"]) write(`many-${name}`, `throw new Error("broken");`);
  write(
    "lacks",
    `require("node:fs").appendFileSync(process.env.SKIP_REPORT, "skipped: Java: no JDK on PATH\\n");
     test("passes", () => {}); test.skip("needs Java", () => {});`,
  );
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function write(name: string, program: string): void {
  writeFileSync(join(directory, `${name}.test.js`), program);
}

/** Runs the script behind `npm test` on the given files; resolves to its exit code and its output. */
async function runTests(names: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const config = JSON.stringify({ rootDir: directory, testRegex: `/(${names.join("|")})\\.test\\.js$` });
  const { exitCode, stdout, output } = await run(process.execPath, ["scripts/test.mjs", "--config", config], {
    env: { REQUIRE_ALL: "", RERUN_FAILED: "", ...env },
  });
  return { exitCode, output, lines: stdout.split("\n"), last: stdout.trimEnd().split("\n").at(-1) };
}

describe("npm test", () => {
  test("prints jest's output, then the counts", async () => {
    const { exitCode, output, last } = await runTests(["passes"]);
    expect(output).toContain("Test Suites: 1 passed, 1 total");
    expect({ exitCode, last }).toEqual({ exitCode: 0, last: "1 passed, 0 failed, 1 skipped" });
  });

  test("fails when a test fails", async () => {
    expect(await runTests(["passes", "fails"])).toMatchObject({
      exitCode: 1,
      last: "1 passed, 1 failed, 1 skipped",
    });
  });

  test("counts a file that does not load as a failure", async () => {
    expect(await runTests(["passes", "breaks"])).toMatchObject({
      exitCode: 1,
      last: "1 passed, 1 failed, 1 skipped",
    });
  });

  test("fails if there is no test to run", async () => {
    expect(await runTests(["missing"])).toMatchObject({ exitCode: 1, last: "0 passed, 1 failed, 0 skipped" });
  });

  test("names what the machine lacks", async () => {
    const { exitCode, lines, last } = await runTests(["lacks"]);
    expect(lines).toContain("  Java: no JDK on PATH");
    expect({ exitCode, last }).toEqual({ exitCode: 0, last: "1 passed, 0 failed, 1 skipped" });
  });

  test("fails for what the machine lacks if everything is required", async () => {
    const { exitCode, lines, last } = await runTests(["lacks"], { REQUIRE_ALL: "1" });
    expect(lines).toContain("  Java: no JDK on PATH");
    expect({ exitCode, last }).toEqual({ exitCode: 1, last: "1 passed, 1 failed, 1 skipped" });
  });

  describe("with RERUN_FAILED=1", () => {
    const RERUN = { RERUN_FAILED: "1" };

    test("runs a file that failed once more, shows both results, and counts the second", async () => {
      const marker = join(directory, "marker");
      const names = ["passes", "unstable"];
      const { exitCode, output, lines, last } = await runTests(names, { ...RERUN, MARKER: marker });
      expect(output).toContain("the first time");
      expect(lines).toContain("These test files failed and run once more, alone:");
      expect(output.match(/^Test Suites:/gm)).toHaveLength(2);
      expect({ exitCode, last }).toEqual({ exitCode: 0, last: "3 passed, 0 failed, 1 skipped" });
    });

    test("fails when a test fails both times", async () => {
      expect(await runTests(["passes", "fails"], RERUN)).toMatchObject({
        exitCode: 1,
        last: "1 passed, 1 failed, 1 skipped",
      });
    });

    test("runs nothing again when many files fail", async () => {
      const { exitCode, lines, last } = await runTests(["passes", "many-.*"], RERUN);
      expect(lines).not.toContain("These test files failed and run once more, alone:");
      expect({ exitCode, last }).toEqual({ exitCode: 1, last: "1 passed, 4 failed, 1 skipped" });
    });
  });
});
