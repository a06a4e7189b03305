import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { LocalServerOptions } from "../../src/local/index.js";
import { parseEnvironment } from "../../src/local/supervisor/environment.js";
import { type LocalSandbox, startSandbox } from "../helpers/local-sandbox.js";
import { describeIf, isolationWorks, NO_ISOLATION_REASON } from "../helpers/skips.js";

/** What the official code interpreters run to find out whether Jupyter is up. */
const PROBE = "exec 3<>/dev/tcp/127.0.0.1/${JUPYTER_PORT:-44771} && echo up";

const describeIsolated = describeIf(isolationWorks, "local/environment", NO_ISOLATION_REASON);

describeIsolated("the file that EXECD_ENVS names", () => {
  let sandbox: LocalSandbox;
  beforeAll(async () => {
    sandbox = await startSandbox();
  });
  afterAll(() => sandbox[Symbol.asyncDispose]());

  const append = (line: string) =>
    sandbox.command(`printf '%s\\n' "$LINE" >> "$EXECD_ENVS"`, { envs: { LINE: line } });
  const session = async () =>
    (JSON.parse((await sandbox.send("POST", "/session")).text) as { session_id: string }).session_id;

  test("sets the variables of later commands, below those of the request", async () => {
    await append("PLACE=/var");
    expect((await sandbox.command('echo "$PLACE"; pwd', { cwd: "$PLACE" })).stdout).toBe("/var\n/var");
    expect((await sandbox.command('echo "$PLACE"', { envs: { PLACE: "own" } })).stdout).toBe("own");
  });

  test("sets the variables of later sessions", async () => {
    const before = await session();
    await append("IN_SESSION='a $HOME'");
    const run = async (id: string) =>
      (await sandbox.send("POST", `/session/${id}/run`, { body: { command: 'echo "[$IN_SESSION]"' } })).text;
    expect(await run(await session())).toContain('"[a $HOME]"');
    expect(await run(before)).toContain('"[]"');
  });

  test.each(["mkfifo", "mkdir", "ln -s /dev/zero"])(
    "may be replaced by %s, and nothing waits for it",
    async (make) => {
      const { stdout } = await sandbox.command(`rm -rf "$EXECD_ENVS"; ${make} "$EXECD_ENVS"; echo made`);
      expect(stdout).toBe("made");
      expect((await sandbox.command("echo fine; rm -rf $EXECD_ENVS")).stdout).toBe("fine");
    },
  );
});

test.each([
  ["A=1\n# A=2\n\nno variable\n=3", { A: "1" }],
  ["A='$B \\n'", { A: "$B \\n" }],
  ['A="it\'s \\"$B\\"\\t\\\\"', { A: 'it\'s "b"\t\\' }],
  ["A=${B}-$B-$C-$constructor", { A: "b-b--" }],
  ["A=x=y\nA=z=", { A: "z=" }],
  ["A='", { A: "'" }],
  [
    "A='a\n#b=c\n\n\td\\'\n B=x \nC='open\nD='y' z",
    { A: "a\n#b=c\n\n\td\\", B: "x", C: "'open", D: "'y' z" },
  ],
])("%j is read as %j", (text, variables) => {
  expect(parseEnvironment(text, { B: "b" })).toEqual(variables);
});

describeIsolated("the port where clients look for Jupyter", () => {
  test.each([
    ["has its usual number", {}, "44771\nup"],
    ["has the number that the sandbox's environment gives it", { JUPYTER_PORT: "9999" }, "9999\nup"],
    ["has another number if that one cannot be used", { JUPYTER_PORT: "1" }, /^(?!1\n)\d+\nup$/],
  ])("%s", async (_name, env, printed) => {
    await using first = await startSandbox();
    const sandbox = await first.client.create({ env });
    const { stdout } = await sandbox.command(`echo \${JUPYTER_PORT:-44771}; ${PROBE}`);
    expect(stdout).toMatch(typeof printed === "string" ? new RegExp(`^${printed}$`) : printed);
  });

  test("says that there is no Jupyter", async () => {
    await using sandbox = await startSandbox();
    const response = await sandbox.openPort(44_771, "GET", "/api");
    expect(response.status).toBe(404);
    expect(await response.text()).toContain("no Jupyter");
  });
});

const onTheMachine: LocalServerOptions[] = [
  { isolation: "none" },
  ...(isolationWorks ? [{ network: "allow" as const }] : []),
];
test.each(onTheMachine)(
  "with %j each sandbox listens on a free port of the machine, and says which",
  async (options) => {
    await using first = await startSandbox(options);
    const second = await first.client.create();
    const ports = new Set<string>();
    for (const sandbox of [first, second]) {
      const { stdout } = await sandbox.command(`echo $JUPYTER_PORT; ${PROBE}`);
      expect(stdout).toMatch(/^\d+\nup$/);
      ports.add(stdout);
    }
    expect(ports.size).toBe(2);
  },
);
