import { describe, expect, test } from "@jest/globals";
import { describeExamination, isComplete } from "../../src/cli/commands/doctor.js";
import type { ExaminedLanguage, Examination } from "../../src/local/index.js";
import { call } from "./command.js";

const language = (label: string, program: string, version: string, executable: string): ExaminedLanguage => ({
  ...{ label, program, found: { version, executable } },
  install: [
    { system: "Debian, Ubuntu", command: `sudo apt-get install ${program.toLowerCase()}` },
    { system: "macOS", command: `brew install ${program.toLowerCase()}` },
  ],
});
const java = language("Java", "JDK", "21.0.2", "/opt/jdk/bin/java");
const complete: Examination = {
  languages: [
    language("Python", "Python", "3.12.1", "/usr/bin/python3"),
    language("JavaScript, TypeScript", "Node", "22.1.0", "/usr/bin/node"),
    java,
  ],
  isolation: { name: "bubblewrap" },
};

describe("what the doctor says", () => {
  test("names the version and the path of each language, and the isolation", () => {
    const text = describeExamination(complete);
    expect(isComplete(complete)).toBe(true);
    expect(text).toMatch(/^ok +Python +Python 3\.12\.1, \/usr\/bin\/python3$/m);
    expect(text).toMatch(/^ok +JavaScript, TypeScript +Node 22\.1\.0, \/usr\/bin\/node$/m);
    expect(text).toMatch(/^ok +Java +JDK 21\.0\.2, \/opt\/jdk\/bin\/java$/m);
    expect(text).toMatch(/^ok +Isolation +bubblewrap$/m);
    expect(text).toContain("This machine has everything that the local server needs.");
  });

  test("has the command for what is missing, on each system", () => {
    const examination = { ...complete, languages: [{ ...java, found: undefined }] };
    const text = describeExamination(examination);
    expect(isComplete(examination)).toBe(false);
    expect(text).toMatch(/^MISSING +Java +not found; install it with$/m);
    expect(text).toContain("Debian, Ubuntu: sudo apt-get install jdk");
    expect(text).toContain("macOS: brew install jdk");
  });

  test("says why there is no isolation", () => {
    const examination = { ...complete, isolation: { problem: "bubblewrap is not installed." } };
    expect(isComplete(examination)).toBe(false);
    expect(describeExamination(examination)).toContain("bubblewrap is not installed.");
  });
});

describe("the command", () => {
  test("shows this machine, and its exit code fits what it shows", async () => {
    const { exitCode, stdout, stderr } = await call(["doctor"]);
    expect(stderr).toBe("");
    expect(stdout).toContain(`Node ${process.versions.node}`);
    expect(exitCode).toBe(/^MISSING/m.test(stdout) ? 1 : 0);
  });

  test("names the package that installs what is missing; the exit code is then 1", async () => {
    const { exitCode, stdout } = await call(["doctor"], { env: { PATH: "/nonexistent" } });
    expect(stdout).toMatch(/^MISSING +Bash/m);
    expect(stdout).toContain("Fedora: sudo dnf install bash");
    expect(exitCode).toBe(1);
  });

  test("prints one line of JSON with -o json", async () => {
    const { exitCode, stdout } = await call(["doctor", "-o", "json"]);
    const found: unknown = JSON.parse(stdout);
    expect(found).toMatchObject({ isComplete: exitCode === 0 });
    expect(found).toHaveProperty("languages[1].found.version", process.versions.node);
  });
});
