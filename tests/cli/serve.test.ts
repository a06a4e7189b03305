import { once } from "node:events";
import { symlinkSync } from "node:fs";
import { get } from "node:http";
import { createServer, type AddressInfo } from "node:net";
import path from "node:path";
import { expect, test } from "@jest/globals";
import { Sandbox } from "../../src/index.js";
import { allow } from "../helpers/network-rules.js";
import { describeIf, isolationWorks, NO_ISOLATION_REASON } from "../helpers/skips.js";
import { call, start, temporaryFolder } from "./command.js";

test("without isolation it refuses, and names the package to install", async () => {
  const folder = temporaryFolder();
  symlinkSync(process.execPath, path.join(folder, "node"));
  const { exitCode, stderr } = await call(["serve", "--port", "0"], { env: { PATH: folder } });
  expect(exitCode).toBe(70);
  expect(stderr).toContain("apt-get install bubblewrap");
  expect(stderr).toContain("--isolation none");
  expect(stderr.trimEnd().split("\n")).toHaveLength(1);
});

describeIf(
  isolationWorks,
  "cli/serve",
  NO_ISOLATION_REASON,
)("serve", () => {
  test.each([
    ["SIGINT", 0],
    ["SIGTERM", 0],
  ] as const)("prints what a client needs, and ends in order at %s", async (signal, exitCode) => {
    const { child, printed, ended } = start(["serve", "--port", "0", "--api-key", "my-key"]);
    const text = await printed("Stop it with Ctrl-C.");
    const [, url = ""] = /^OpenSandbox local server: (http:\/\/127\.0\.0\.1:\d+)$/m.exec(text) ?? [];
    expect(text).toMatch(/^\s+export OPEN_SANDBOX_DOMAIN=127\.0\.0\.1:\d+$/m);
    expect(text).toMatch(/^\s+export OPEN_SANDBOX_API_KEY=my-key$/m);
    expect(text).toMatch(/bubblewrap, no network/);
    const list = await fetch(`${url}/v1/sandboxes`, { headers: { "open-sandbox-api-key": "my-key" } });
    expect(list.status).toBe(200);
    child.kill(signal);
    expect(await ended).toMatchObject({
      exitCode,
      stderr: "",
      stdout: expect.stringMatching(/Stopped\.\n$/),
    });
  });

  test("takes the key of the environment, and generates a key if none is set", async () => {
    const given = start(["serve", "--port", "0"], { env: { OPEN_SANDBOX_API_KEY: "from-environment" } });
    const made = start(["serve", "--port", "0"]);
    expect(await given.printed("Ctrl-C.")).toContain("OPEN_SANDBOX_API_KEY=from-environment");
    expect(await made.printed("Ctrl-C.")).toMatch(/OPEN_SANDBOX_API_KEY=[0-9a-f]{48}$/m);
    for (const { child, ended } of [given, made]) {
      child.kill("SIGTERM");
      await ended;
    }
  });

  test("admits the web pages that --cors names, and says in JSON where it listens", async () => {
    const args = [
      "serve",
      "--port",
      "0",
      "--cors",
      "http://a.example",
      "--cors",
      "http://b.example",
      "-o",
      "json",
    ];
    const { child, printed, ended } = start(args);
    const listening = JSON.parse(await printed("\n")) as { readonly url: string; readonly apiKey: string };
    expect(listening).toMatchObject({ type: "listening", isolation: "bubblewrap" });
    const headers = { origin: "http://b.example", "open-sandbox-api-key": listening.apiKey };
    const response = await fetch(`${listening.url}/v1/sandboxes`, { headers });
    expect(response.headers.get("access-control-allow-origin")).toBe("http://b.example");
    child.kill("SIGTERM");
    await ended;
  });

  test("responds to the names of --allowed-host on the address of --host, and shows both", async () => {
    const args = [
      "serve",
      "--port",
      "0",
      "--host",
      "0.0.0.0",
      "--allowed-host",
      "a.example",
      "--api-key",
      "k",
    ];
    const { child, printed, ended } = start([...args, "--allowed-host", "b.example"]);
    const text = await printed("Stop it with Ctrl-C.");
    expect(text).toMatch(/^ {2}address {4}0\.0\.0\.0, without encryption$/m);
    expect(text).toMatch(/^ {2}names {6}a\.example, b\.example$/m);
    const [, port = ""] = /OPEN_SANDBOX_DOMAIN=127\.0\.0\.1:(\d+)/.exec(text) ?? [];
    const status = (host: string) =>
      new Promise<number | undefined>((resolve, reject) => {
        const options = { host: "127.0.0.1", port, path: "/health", headers: { host } };
        get(options, (response) => resolve(response.resume().statusCode)).on("error", reject);
      });
    expect(await status("b.example")).toBe(200);
    expect(await status("c.example")).toBe(403);
    child.kill("SIGTERM");
    await ended;
  });

  test("gives sandboxes the hosts of --network, and a sandbox those of its own", async () => {
    const args = ["serve", "--port", "0", "--api-key", "k", "--network", "pypi.org,*.npmjs.org"];
    const { child, printed, ended } = start(args);
    const text = await printed("Stop it with Ctrl-C.");
    expect(text).toMatch(/^ {2}isolation {2}bubblewrap, network only to pypi\.org, \*\.npmjs\.org$/m);
    const [, domain = ""] = /OPEN_SANDBOX_DOMAIN=(\S+)/.exec(text) ?? [];
    const env = { OPEN_SANDBOX_DOMAIN: domain, OPEN_SANDBOX_API_KEY: "k" };
    const policyAfter = async (...create: string[]) => {
      const { stdout } = await call(["sandboxes", "create", ...create], { env });
      const connectionConfig = { domain, apiKey: "k" };
      await using sandbox = await Sandbox.connect({ sandboxId: stdout.trim(), connectionConfig });
      return (await sandbox.egress.get()).policy;
    };
    expect(await policyAfter()).toEqual({ defaultAction: "deny", egress: allow("pypi.org", "*.npmjs.org") });
    expect(await policyAfter("--network", "10.0.0.0/8")).toEqual({
      defaultAction: "deny",
      egress: allow("10.0.0.0/8"),
    });
    expect(await policyAfter("--network", "allow")).toEqual({ defaultAction: "allow", egress: [] });
    child.kill("SIGTERM");
    await ended;
  });

  test("refuses another address without an API key", async () => {
    const { exitCode, stderr } = await call(["serve", "--port", "0", "--host", "0.0.0.0", "--api-key", ""]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain("apiKey must not be empty");
  });

  test("says that a port is taken, and what to do", async () => {
    const holder = createServer().listen(0, "127.0.0.1");
    await once(holder, "listening");
    const { port } = holder.address() as AddressInfo;
    const { exitCode, stderr } = await call(["serve", "--port", String(port)]);
    holder.close();
    expect(exitCode).toBe(70);
    expect(stderr).toContain(`cannot listen on port ${port}: another program uses it.`);
    expect(stderr).toContain("Use another port, or port 0 for any free one.");
  });
});
