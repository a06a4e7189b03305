import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "@jest/globals";
import { transform } from "esbuild";
import { call, cleanEnvironment, temporaryFolder } from "./command.js";

const ROOT = path.join(__dirname, "../..");

describe("help", () => {
  const commands: string[][] = [
    ...[
      [],
      ["run"],
      ["exec"],
      ["repl"],
      ["serve"],
      ["mcp"],
      ["doctor"],
      ["completion"],
      ["files"],
      ["sandboxes"],
    ],
    ...["ls", "cat", "push", "pull", "rm"].map((name) => ["files", name]),
    ...["ls", "create", "info", "pause", "resume", "renew", "kill"].map((name) => ["sandboxes", name]),
  ];

  test.each(commands.map((words) => [words.join(" "), words] as const))(
    "of `%s` fits a screen",
    async (_, words) => {
      const { exitCode, stdout, stderr } = await call([...words, "--help"]);
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
      const lines = stdout.trimEnd().split("\n");
      expect(lines.length).toBeLessThanOrEqual(24);
      expect(lines.filter((line) => line.length > 80)).toEqual([]);
    },
  );

  test("is printed by `help` too, and to stderr when no command is named", async () => {
    const [asked, command, missing] = await Promise.all([call(["--help"]), call(["help"]), call([])]);
    expect(command).toEqual(asked);
    expect(missing).toEqual({ exitCode: 2, stdout: "", stderr: asked.stdout });
  });
});

test("help loads little of the package, so that it starts as fast as Node itself", async () => {
  const folder = temporaryFolder();
  await call(["--help"], { env: { NODE_V8_COVERAGE: folder } });
  const [name = ""] = readdirSync(folder);
  const coverage = JSON.parse(readFileSync(path.join(folder, name), "utf8")) as {
    readonly result: readonly { readonly url: string }[];
  };
  const loaded = coverage.result
    .filter(({ url }) => url.includes("/dist/"))
    .map(({ url }) => fileURLToPath(url));
  expect(loaded.length).toBeGreaterThan(1);
  // Most of it is commander.
  expect(loaded.reduce((bytes, file) => bytes + statSync(file).size, 0)).toBeLessThan(200_000);
});

test.each([["--version"], ["-v"], ["version"]])("%s prints the version", async (argument) => {
  const manifest: unknown = JSON.parse(readFileSync(path.join(ROOT, "package.json"), "utf8"));
  const { exitCode, stdout } = await call([argument]);
  expect(exitCode).toBe(0);
  expect(manifest).toMatchObject({ version: stdout.trim() });
});

test.each([
  [["fly"], "unknown command 'fly'"],
  [["rum"], "Did you mean run?"],
  [["run", "--prot"], "unknown option '--prot'"],
  [["run", "--timeout", "soon", "-e", "1"], 'Expected a duration such as "90", "90s", "10m" or "1h30m".'],
  [["run", "--env", "X", "-e", "1"], "Expected NAME=VALUE."],
  [["run", "--network", "some", "-e", "1"], "Expected allow, deny, or hosts separated by commas"],
  [["serve", "--network", "allow,pypi.org"], "Expected allow, deny, or hosts separated by commas"],
  [
    ["serve", "--network", "pypi.org:443"],
    'network must be "deny", "allow" or a network policy: egress[0].target',
  ],
  [["run", "missing.py"], "missing.py cannot be read: ENOENT"],
  [["run", "-e", " "], "-e: there is nothing to run."],
  [["run", "-o", "xml", "-e", "1"], "Allowed choices are text, json."],
  [["run", "--sandbox", "x", "-e", "1"], "no server is configured"],
  [["run", "--keep", "-e", "1"], "no server is configured"],
  [
    ["run", "--domain", "localhost:1", "--isolation", "none", "-e", "1"],
    "--isolation is for the local server",
  ],
  [
    ["run", "--domain", "localhost:1", "--sandbox", "x", "--network", "deny", "-e", "1"],
    "--network is for a new sandbox",
  ],
  [["exec"], "Which command should run?"],
  [["files", "ls"], "Which sandbox?"],
  [["sandboxes", "ls"], "no server is configured"],
  [["sandboxes", "info"], "missing required argument 'ID'"],
  [["serve", "now"], "too many arguments"],
  [["serve", "--port", "lots"], "Expected a number from 0 to 65535."],
  [["serve", "--isolation", "good"], "Allowed choices are auto, bubblewrap, sandbox-exec, none."],
  [["serve", "--cors", "not an origin"], "cors must be"],
  [["mcp", "-o", "json"], "mcp does not use --output."],
  [["mcp", "--print-config", "emacs"], "Allowed choices are claude-desktop"],
  [["doctor", "--keep"], "doctor does not use --keep."],
  [["completion", "tcsh"], "Allowed choices are bash, zsh, fish."],
  [["--sandbox", "x", "sandboxes", "ls"], "sandboxes ls does not use --sandbox."],
  [["doctor", "--port", "1"], "unknown option '--port'"],
])("%j is wrong usage, said in one line", async (args, message) => {
  const { exitCode, stdout, stderr } = await call(args);
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
  expect(stderr).toContain(message);
  expect(stderr.trimEnd().split("\n")).toHaveLength(1);
});

test("names with terminal escapes are shown harmlessly", async () => {
  const { stderr } = await call(["run", "\x1b]0;owned\x07\x1b[2J.py"]);
  expect(stderr).toContain("\\x1b]0;owned\\x07\\x1b[2J.py");
  expect(stderr).not.toContain("\x1b");
  expect((await call(["\x1b[31mfly"])).stderr).not.toContain("\x1b");
});

test("failures are JSON on stderr with -o json, and have their details with --verbose", async () => {
  const args = ["--domain", "127.0.0.1:9", "sandboxes", "ls"];
  const [json, text, verbose] = await Promise.all([
    call([...args, "-o", "json"]),
    call(args),
    call([...args, "--verbose"]),
  ]);
  expect(json).toMatchObject({ exitCode: 70, stdout: "" });
  expect(JSON.parse(json.stderr)).toMatchObject({ type: "failure", code: "CONNECTION", exitCode: 70 });
  expect(text).toMatchObject({ exitCode: 70, stdout: "" });
  expect(text.stderr.trimEnd().split("\n")).toHaveLength(1);
  expect(verbose.stderr).toMatch(/^ +at /m);
});

describe("the configuration file", () => {
  function withFile(text: string): NodeJS.ProcessEnv {
    const home = temporaryFolder();
    mkdirSync(path.join(home, ".opensandbox"));
    writeFileSync(path.join(home, ".opensandbox/config.toml"), text);
    return { HOME: home };
  }
  const list = (env: NodeJS.ProcessEnv, ...args: string[]) =>
    call(["sandboxes", "ls", "-o", "json", ...args], { env });

  test("names the server; a variable comes before it, and an option before both", async () => {
    const env = withFile('[connection]\ndomain = "127.0.0.1:9"\nprotocol = "https"\n');
    const variable = { ...env, OPEN_SANDBOX_DOMAIN: "127.0.0.1:11" };
    // At the same time, since each waits between its attempts to connect.
    const [file, over, option] = await Promise.all([
      list(env),
      list(variable),
      list(variable, "--domain", "http://127.0.0.1:13"),
    ]);
    expect(file.stderr).toContain("https://127.0.0.1:9/");
    expect(over.stderr).toContain("https://127.0.0.1:11/");
    expect(option.stderr).toContain("http://127.0.0.1:13/");
  });

  test.each([
    ["[connection\n", "is not valid TOML"],
    ["[connection]\ndomain = 8080\n", "connection.domain must be a string; got 8080."],
    ['[connection]\ndomain = "x"\nrequest_timeout = "long"\n', "connection.request_timeout must be a number"],
    ['[defaults]\ntimeout = "later"\n', "defaults.timeout must be a duration"],
  ])("%j is refused with its place", async (text, message) => {
    const { exitCode, stderr } = await list(withFile(text));
    expect(exitCode).toBe(2);
    expect(stderr).toContain(message);
  });
});

test("an old Node is told which one is needed, by a file that it can parse", async () => {
  const source = readFileSync(path.join(ROOT, "dist/cli/main.mjs"), "utf8");
  // Newer syntax would be rewritten for the old target, or refused.
  const transformed = (target: string) => transform(source, { target, format: "esm" });
  const [old, current] = await Promise.all([transformed("node13.2"), transformed("esnext")]);
  expect(old.code).toBe(current.code);

  const script = path.join(temporaryFolder(), "old-node.cjs");
  writeFileSync(script, 'Object.defineProperty(process.versions, "node", { value: "16.20.2" });');
  const run = () =>
    execFileSync(process.execPath, ["--require", script, path.join(ROOT, "dist/cli/main.mjs"), "serve"], {
      env: cleanEnvironment(),
      encoding: "utf8",
      stdio: "pipe",
    });
  expect(run).toThrow(/needs Node 20\.16 or newer; this is Node 16\.20\.2/);
});
