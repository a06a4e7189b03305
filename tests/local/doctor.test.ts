import { execFile } from "node:child_process";
import { describe, expect, test } from "@jest/globals";
import { describeFindings, isHealthy, type Findings } from "../../src/cli/doctor.js";
import type { Runtime } from "../../src/local/languages/runtime.js";

const runtime = (executable: string, version: string): Runtime => ({ executable, version, prefixes: [] });
const healthy: Findings = {
  installed: {
    python: runtime("/usr/bin/python3", "3.12.1"),
    node: runtime("/usr/bin/node", "22.1.0"),
    java: runtime("/opt/jdk/bin/java", "21.0.2"),
    go: runtime("/usr/local/go/bin/go", "1.24.1"),
    bash: runtime("/usr/bin/bash", "5.2.15"),
  },
  isolation: { name: "bubblewrap" },
};

describe("what the doctor says", () => {
  test("names the version and the place of each language, and the isolation", () => {
    const text = describeFindings(healthy);
    expect(isHealthy(healthy)).toBe(true);
    expect(text).toMatch(/^ok +Python +Python 3\.12\.1, \/usr\/bin\/python3$/m);
    expect(text).toMatch(/^ok +JavaScript, TypeScript +Node 22\.1\.0, \/usr\/bin\/node$/m);
    expect(text).toMatch(/^ok +Java +JDK 21\.0\.2, \/opt\/jdk\/bin\/java$/m);
    expect(text).toMatch(/^ok +Isolation +bubblewrap$/m);
    expect(text).toContain("Everything that the local server needs is there.");
  });

  test("has the command for what is missing, on each system", () => {
    const findings = { ...healthy, installed: { ...healthy.installed, java: null } };
    const text = describeFindings(findings);
    expect(isHealthy(findings)).toBe(false);
    expect(text).toMatch(/^MISSING +Java +not found; install it with$/m);
    expect(text).toContain("Debian, Ubuntu: sudo apt-get install default-jdk-headless");
    expect(text).toContain("Fedora: sudo dnf install java-latest-openjdk-devel");
    expect(text).toContain("macOS: brew install openjdk");
  });

  test("says why there is no isolation", () => {
    const findings = { ...healthy, isolation: { problem: "bubblewrap is not installed." } };
    expect(isHealthy(findings)).toBe(false);
    expect(describeFindings(findings)).toContain("bubblewrap is not installed.");
  });
});

describe("the command", () => {
  const doctor = (args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
    new Promise<{ status: unknown; stdout: string; stderr: string }>((resolve) => {
      const options = { env: { ...process.env, ...env } };
      execFile(
        process.execPath,
        ["dist/cli/main.mjs", "doctor", ...args],
        options,
        (error, stdout, stderr) => resolve({ status: error?.code ?? 0, stdout, stderr }),
      );
    });

  test("shows this machine, and its exit status fits what it shows", async () => {
    const { status, stdout, stderr } = await doctor([]);
    expect(stderr).toBe("");
    expect(stdout).toContain(`Node ${process.versions.node}`);
    expect(status).toBe(/^MISSING/m.test(stdout) ? 1 : 0);
  });

  test("its exit status is 1 where something is missing", async () => {
    const { status, stdout } = await doctor([], { PATH: "/nonexistent" });
    expect(stdout).toMatch(/^MISSING +Bash/m);
    expect(status).toBe(1);
  });

  test("takes no options", async () => {
    const { status, stderr } = await doctor(["--port", "1"]);
    expect(status).toBe(2);
    expect(stderr).toContain("doctor takes no option --port.");
  });
});
