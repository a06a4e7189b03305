import { expect, test } from "@jest/globals";
import { execFile } from "node:child_process";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

const ROOT = path.join(__dirname, "../..");
/** Bundles the declarations: slow on a busy machine. */
const TIMEOUT_MILLIS = 120_000;

test(
  "the API report is up to date, and a change of the API is shown with the command that takes it on",
  async () => {
    const directory = await mkdtemp(path.join(tmpdir(), "api-"));
    try {
      await cp(path.join(ROOT, "api"), directory, { recursive: true });
      const file = path.join(directory, "index.api.md");
      const report = await readFile(file, "utf8");
      await writeFile(file, report.replace("readonly cursor: number;", "readonly cursor: string;"));
      const { exitCode, stderr } = await runReport("--check", "--dir", directory);
      expect(exitCode).toBe(1);
      expect(stderr).toContain("npm run api");
      // Only what was changed here differs.
      const changed = stderr.split("\n").filter((line) => /^[-+](?![-+])/.test(line));
      expect(changed).toEqual(["-  readonly cursor: string;", "+  readonly cursor: number;"]);
      expect(await runReport("--dir", directory)).toMatchObject({ exitCode: 0 });
      expect(await readFile(file, "utf8")).toBe(report);
    } finally {
      await rm(directory, { recursive: true });
    }
  },
  TIMEOUT_MILLIS,
);

test("the API report has neither comments nor private fields", async () => {
  for (const name of ["index", "local"]) {
    const report = await readFile(path.join(ROOT, "api", `${name}.api.md`), "utf8");
    expect(report).not.toMatch(/^\s*(?:\/\*|\/\/|\*\s)|^ *private readonly/m);
  }
});

function runReport(...flags: string[]): Promise<{ exitCode: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const script = path.join(ROOT, "scripts/api-report.mjs");
    const child = execFile(process.execPath, [script, ...flags], { cwd: ROOT }, (_, stdout, stderr) => {
      resolve({ exitCode: child.exitCode, stdout, stderr });
    });
  });
}
