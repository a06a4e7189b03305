import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, expect, test } from "@jest/globals";
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
      ["shell", "sandboxes", "serve"],
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
      ["osci", "serve", "--network", ""],
      ["allow", "deny"],
    ],
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

/** Runs code in a shell that has loaded its script. */
function inShell(shell: "zsh" | "fish", flags: readonly string[], code: string): string[] {
  const script = path.join(temporaryFolder(), `completion.${shell}`);
  writeFileSync(script, scripts.get(shell) ?? "");
  const file = shell === "fish" ? "$argv[1]" : "$1";
  // zsh completes nothing before `compinit`.
  const start = shell === "zsh" ? "autoload -Uz compinit; compinit -u -D;" : "";
  const command = `${start} source ${file}; ${code}`;
  const words = shell === "fish" ? [command, script] : [command, shell, script];
  const options = { encoding: "utf8", env: cleanEnvironment() } as const;
  return execFileSync(shell, [...flags, "-c", ...words], options)
    .trimEnd()
    .split("\n");
}

describeIf(
  runs("fish", ["--version"]),
  "cli/completion: fish",
  "there is no fish",
)("fish completes", () => {
  test.each([
    ["osci s", ["sandboxes", "serve", "shell"]],
    ["osci sandboxes re", ["renew", "resume"]],
    ["opensandbox-code-interpreter run --output ", ["json", "text"]],
  ])("%j", (line, expected) => {
    const offered = inShell("fish", ["--no-config"], `complete -C "${line}"`);
    expect(offered.map((each) => each.split("\t")[0])).toEqual(expected);
  });
});

describeIf(
  runs("zsh", ["--version"]),
  "cli/completion: zsh",
  "there is no zsh",
)("zsh", () => {
  test("uses the script for both names", () => {
    const names = "$_comps[osci] $_comps[opensandbox-code-interpreter]";
    expect(inShell("zsh", ["-f"], `print -l ${names}`)).toEqual(["_osci", "_osci"]);
  });
});

test.each(["zsh", "fish"])("the script for %s has every command and the choices of an option", (shell) => {
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
