import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { expect, test } from "@jest/globals";
import { describeIf, isolationWorks, NO_ISOLATION_REASON } from "../helpers/skips.js";

const CLI = path.join(__dirname, "../../dist/cli/main.mjs");

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts the program; `serving` resolves with what it has printed once that says how to stop it. */
function start(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const child = spawn(process.execPath, [CLI, ...args], {
    env: { ...process.env, OPEN_SANDBOX_API_KEY: "", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [stdout, stderr] = ["", ""];
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const serving = new Promise<string>((resolve) => {
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      if (stdout.includes("Stop it with Ctrl-C.")) resolve(stdout);
    });
  });
  const ended: Promise<Ended> = once(child, "close").then(() => ({ status: child.exitCode, stdout, stderr }));
  return { child, serving, ended };
}

test("--help says what there is, --version which it is", async () => {
  const [help, version] = await Promise.all([start(["--help"]).ended, start(["--version"]).ended]);
  expect(help).toMatchObject({ status: 0, stderr: "" });
  for (const word of ["serve", "--port", "--api-key", "--isolation", "--network"]) {
    expect(help.stdout).toContain(word);
  }
  const manifest: unknown = JSON.parse(readFileSync(path.join(__dirname, "../../package.json"), "utf8"));
  expect(manifest).toMatchObject({ version: version.stdout.trim() });
});

test.each([
  [[], "Which command?"],
  [["fly"], 'Unknown command "fly".'],
  [["serve", "now"], 'Unexpected argument "now".'],
  [["serve", "--port", "lots"], '--port must be a number from 0 to 65535, not "lots".'],
  [
    ["serve", "--isolation", "good"],
    '--isolation must be one of auto, bubblewrap, sandbox-exec, none, not "good".',
  ],
  [["serve", "--prot", "1"], "Unknown option '--prot'."],
])("%j is wrong usage", async (args, message) => {
  const { status, stdout, stderr } = await start(args).ended;
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  expect(stderr).toContain(message);
  expect(stderr).toContain('Run "opensandbox-code-interpreter --help"');
});

test("without isolation it refuses, and names the package to install", async () => {
  const directory = mkdtempSync(path.join(os.tmpdir(), "cli-test-"));
  symlinkSync(process.execPath, path.join(directory, "node"));
  const { status, stderr } = await start(["serve", "--port", "0"], { PATH: directory }).ended;
  rmSync(directory, { recursive: true });
  expect(status).toBe(1);
  expect(stderr).toContain("apt-get install bubblewrap");
  expect(stderr).toContain("--isolation none");
  expect(stderr).not.toContain("    at ");
});

describeIf(
  isolationWorks,
  "local/cli",
  NO_ISOLATION_REASON,
)("serve", () => {
  test.each(["SIGINT", "SIGTERM"] as const)(
    "prints what a client needs, and ends in order at %s",
    async (signal) => {
      const { child, serving, ended } = start(["serve", "--port", "0", "--api-key", "my-key"]);
      const text = await serving;
      const url = /^OpenSandbox local server: (http:\/\/127\.0\.0\.1:\d+)$/m.exec(text)?.[1];
      expect(text).toMatch(/^\s+export OPEN_SANDBOX_DOMAIN=127\.0\.0\.1:\d+$/m);
      expect(text).toMatch(/^\s+export OPEN_SANDBOX_API_KEY=my-key$/m);
      expect(text).toMatch(/bubblewrap, no network/);
      const list = await fetch(`${String(url)}/v1/sandboxes`, {
        headers: { "open-sandbox-api-key": "my-key" },
      });
      expect(list.status).toBe(200);
      child.kill(signal);
      expect(await ended).toMatchObject({
        status: 0,
        stderr: "",
        stdout: expect.stringMatching(/Stopped\.\n$/),
      });
    },
  );

  test("takes the key of the environment, and makes one where there is none", async () => {
    const given = start(["serve", "--port", "0"], { OPEN_SANDBOX_API_KEY: "from-environment" });
    const made = start(["serve", "--port", "0"]);
    expect(await given.serving).toContain("OPEN_SANDBOX_API_KEY=from-environment");
    expect(await made.serving).toMatch(/OPEN_SANDBOX_API_KEY=[0-9a-f]{48}$/m);
    for (const { child, ended } of [given, made]) {
      child.kill("SIGTERM");
      await ended;
    }
  });

  test("says that a port is taken, and what to do", async () => {
    const holder = createServer().listen(0, "127.0.0.1");
    await once(holder, "listening");
    const { port } = holder.address() as AddressInfo;
    const { status, stderr } = await start(["serve", "--port", String(port)]).ended;
    holder.close();
    expect(status).toBe(1);
    expect(stderr).toContain(`cannot listen on port ${port}: another program uses it.`);
    expect(stderr).toContain("--port 0");
    expect(stderr).not.toContain("    at ");
  });
});
