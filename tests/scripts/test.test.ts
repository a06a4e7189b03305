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
    env: { REQUIRE_ALL: "", ...env },
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
});
