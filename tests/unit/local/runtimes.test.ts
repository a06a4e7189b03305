import { describe, expect, test } from "@jest/globals";
import { describeMissing, NO_RUNTIMES } from "../../../src/local/languages/languages.js";
import { isVersion, type Finder, type Runtime } from "../../../src/local/languages/runtime.js";
import { Runtimes } from "../../../src/local/languages/runtimes.js";

test.each([
  ["3.12.1", "3.12", true],
  ["3.12.1", "3", true],
  ["3.12.1", "3.12.1", true],
  ["3.12.1", "3.1", false],
  ["3.1", "3.12", false],
  ["1.24.1", "go1.24", true],
  ["22.1.0", "v22", true],
  ["21.0.2", "21", true],
  ["1.8.0_402", "8", true],
  ["17.0.15", "1", false],
])("version %s is %s: %s", (version, wanted, expected) => {
  expect(isVersion(version, wanted)).toBe(expected);
});

test("a missing language is reported with the install command for each system", () => {
  const text = describeMissing("go");
  expect(text).toContain("Debian, Ubuntu: sudo apt-get install golang-go");
  expect(text).toContain("Fedora: sudo dnf install golang");
  expect(text).toContain("macOS: brew install go");
});

describe("choosing an installation", () => {
  const runtime = (executable: string, version: string): Runtime => ({ executable, version, prefixes: [] });
  const nothing: Finder = { candidates: () => [], probe: () => Promise.resolve(null) };

  function withPython(versions: Readonly<Record<string, string | undefined>>) {
    const probed: string[] = [];
    const python: Finder = {
      candidates: () =>
        Object.keys(versions).map((executable) => ({
          executable,
          version: /\d+\.\d+/.exec(executable)?.[0],
        })),
      probe: (executable) => {
        probed.push(executable);
        const version = versions[executable];
        if (version === undefined) return Promise.reject(new Error("broken"));
        return Promise.resolve(runtime(executable, version));
      },
    };
    const runtimes = new Runtimes({ python, node: nothing, java: nothing, go: nothing, bash: nothing });
    return { runtimes, probed };
  }

  test("without a version, uses the first that works and probes no other", async () => {
    const { runtimes, probed } = withPython({ "/stub": undefined, "/a": "3.11.7", "/python3.12": "3.12.1" });
    const { installed, notices } = await runtimes.select({});
    expect(installed.python).toMatchObject({ executable: "/a" });
    expect(notices).toEqual({});
    expect(probed).toEqual(["/stub", "/a"]);
  });

  test("uses a matching one, skipping names of another version", async () => {
    const { runtimes, probed } = withPython({
      ...{ "/a": "3.11.7", "/python3.10": "3.10.1", "/python3.12": "3.12.1" },
    });
    const { installed, notices } = await runtimes.select({ PYTHON_VERSION: " 3.12 " });
    expect(installed.python).toMatchObject({ executable: "/python3.12" });
    expect(notices).toEqual({});
    expect(probed).not.toContain("/python3.10");
  });

  test("a name is not trusted if the version differs", async () => {
    const { runtimes } = withPython({ "/a": "3.11.7", "/python3.12": "3.11.2" });
    const { installed } = await runtimes.select({ PYTHON_VERSION: "3.12" });
    expect(installed.python).toMatchObject({ executable: "/a" });
  });

  test("reports which version runs instead if none matches", async () => {
    const { runtimes } = withPython({ "/a": "3.11.7" });
    const { installed, notices } = await runtimes.select({ PYTHON_VERSION: "3.14" });
    expect(installed.python).toMatchObject({ executable: "/a" });
    expect(notices).toEqual({
      python: "PYTHON_VERSION is 3.14, which is not installed on this machine; Python 3.11.7 runs instead.",
    });
  });

  test("a missing language is null for any version", async () => {
    const { runtimes } = withPython({});
    const { installed, notices } = await runtimes.select({ PYTHON_VERSION: "3.14", GO_VERSION: "1.25" });
    expect(installed).toEqual(NO_RUNTIMES);
    expect(notices).toEqual({});
  });

  test("each installation is probed once", async () => {
    const { runtimes, probed } = withPython({ "/a": "3.11.7" });
    await Promise.all([runtimes.select({}), runtimes.select({ PYTHON_VERSION: "3.11" })]);
    expect(probed).toEqual(["/a"]);
  });
});
