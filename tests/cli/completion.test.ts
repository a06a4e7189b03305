import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { describeIf, runs } from "../helpers/skips.js";
import { call, cleanEnvironment, temporaryFolder } from "./command.js";

const SHELLS = ["bash", "zsh", "fish"] as const;
const scripts = new Map<string, string>();

beforeAll(async () => {
  for (const shell of SHELLS) {
    const { exitCode, stdout, stderr } = await call(["completion", shell]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    scripts.set(shell, stdout);
  }
});

/** What bash offers for the last word of a command line. */
function completed(words: readonly string[], cwd: string): string[] {
  const list = words.map((word) => `'${word}'`).join(" ");
  const shell = `${scripts.get("bash") ?? ""}
    COMP_WORDS=(${list}) COMP_CWORD=${words.length - 1}
    _osci
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  const options = { cwd, encoding: "utf8", env: cleanEnvironment() } as const;
  return execFileSync("bash", ["--norc", "-c", shell], options)
    .split("\n")
    .filter((word) => word !== "");
}

describeIf(
  runs("bash", ["--version"]),
  "cli/completion: bash",
  "there is no bash",
)("bash completes", () => {
  const folder = temporaryFolder();

  test.each([
    [["osci", "re"], ["repl"]],
    [
      ["osci", "s"],
      ["sandboxes", "serve"],
    ],
    [
      ["osci", "files", "p"],
      ["push", "pull"],
    ],
    [
      ["osci", "--verbose", "sandboxes", "re"],
      ["resume", "renew"],
    ],
    [["osci", "run", "--up"], ["--upload"]],
    [
      ["osci", "run", "--output", ""],
      ["text", "json"],
    ],
    [["osci", "run", "-o", "j"], ["json"]],
    [
      ["osci", "mcp", "--print-config", "claude"],
      ["claude-desktop", "claude-code"],
    ],
    [["osci", "serve", "--keep"], []],
    // An empty answer makes bash offer files, as "complete -o default" says.
    [["osci", "run", "x.p"], []],
    [["osci", "run", "--upload", "x.p"], []],
    [
      ["osci", "completion", ""],
      ["bash", "zsh", "fish"],
    ],
  ])("%j", (words, expected) => {
    expect(completed(words, folder)).toEqual(expected);
  });

  test("for both names, and files where a value is free", () => {
    const home = temporaryFolder();
    const script = path.join(home, "completion.bash");
    writeFileSync(script, scripts.get("bash") ?? "");
    const shell = `source ${script}; complete -p osci; complete -p opensandbox-code-interpreter`;
    const printed = execFileSync("bash", ["--norc", "-c", shell], { encoding: "utf8" });
    expect(printed).toBe(
      "complete -o default -F _osci osci\ncomplete -o default -F _osci opensandbox-code-interpreter\n",
    );
  });
});

describe.each(["zsh", "fish"] as const)("%s", (shell) => {
  describeIf(
    runs(shell, ["--version"]),
    `cli/completion: ${shell}`,
    `there is no ${shell}`,
  )("has a script", () => {
    test("without syntax errors", () => {
      execFileSync(shell, ["-n"], { input: scripts.get(shell) ?? "" });
    });
  });

  test("gets every command and the choices of an option", () => {
    const script = scripts.get(shell) ?? "";
    for (const word of [
      "sandboxes",
      "renew",
      "print-config",
      "claude-desktop",
      "opensandbox-code-interpreter",
    ]) {
      expect(script).toContain(word);
    }
  });
});
