import { expect, test } from "@jest/globals";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describeIf, isolationWorks, NO_ISOLATION_REASON } from "../helpers/skips.js";
import { packed, tools } from "./packed-package.js";
import { run, succeed } from "./programs.js";
import { Servers } from "./servers.js";

const bin = (path: string) => join(tools, path);

test("jest with jsdom loads the main entry", async () => {
  const config = JSON.stringify({ testEnvironment: "jsdom", testMatch: ["**/page.test.js"] });
  const jest = await run(process.execPath, [bin("jest/bin/jest.js"), "--config", config], {
    cwd: packed.consumer,
  });
  expect({ ...jest, isGreen: jest.output.includes("Tests:       1 passed, 1 total") }).toMatchObject({
    exitCode: 0,
    isGreen: true,
  });
});

const describeWithServer = describeIf(isolationWorks, "package/runners", NO_ISOLATION_REASON);

describeWithServer("a program of a consumer", () => {
  test("runs code on a local server in jest", async () => {
    const config = JSON.stringify({ testMatch: ["**/runners.test.js"] });
    const jest = await run(process.execPath, [bin("jest/bin/jest.js"), "--config", config], {
      cwd: packed.consumer,
    });
    expect({ ...jest, isGreen: jest.output.includes("Tests:       1 passed, 1 total") }).toMatchObject({
      exitCode: 0,
      isGreen: true,
    });
  });

  test("runs code on a local server in Vitest", async () => {
    const args = ["run", "--globals", "--root", packed.consumer, "runners.test.js"];
    const vitest = await run(process.execPath, [bin("vitest/vitest.mjs"), ...args], {
      env: { NO_COLOR: "1" },
    });
    expect({ ...vitest, isGreen: vitest.output.includes("Tests  1 passed (1)") }).toMatchObject({
      exitCode: 0,
      isGreen: true,
    });
  });

  test("runs code in a route handler of Next.js", async () => {
    const app = join(packed.consumer, "next-app");
    const next = [bin("next/dist/bin/next")];
    await succeed(process.execPath, [...next, "build"], app);
    const servers = await Servers.start();
    const { domain, apiKey } = servers.addresses.connection;
    const env = {
      ...process.env,
      OPEN_SANDBOX_DOMAIN: domain,
      OPEN_SANDBOX_API_KEY: apiKey,
      NODE_ENV: "production",
    };
    const started = spawn(process.execPath, [...next, "start", "--hostname", "127.0.0.1", "--port", "0"], {
      cwd: app,
      env,
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      const response = await fetch(`${await addressOf(started.stdout)}/run`, {
        method: "POST",
        body: "6 * 7",
      });
      expect(await response.json()).toEqual({ text: "42", stdout: "" });
    } finally {
      const ended = once(started, "exit");
      started.kill();
      await ended;
      await servers.close();
    }
  });
});

/** Resolves to the address that Next.js prints when it listens. */
async function addressOf(output: NodeJS.ReadableStream): Promise<string> {
  let address: string | undefined;
  for await (const line of createInterface({ input: output })) {
    address ??= /http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0];
    if (address !== undefined && line.includes("Ready")) return address;
  }
  throw new Error("Next.js ended before it was ready.");
}
