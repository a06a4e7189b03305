import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { SandboxApiException } from "../../src/errors.js";
import { Codes } from "../../src/services/codes.js";
import { Commands } from "../../src/services/commands.js";
import { Health } from "../../src/services/health.js";
import type { SandboxMetrics } from "../../src/services/metric-calls.js";
import { Metrics } from "../../src/services/metrics.js";
import { expectExecution } from "../helpers/expect-execution.js";
import { findExchange, loadFixture } from "../helpers/fixtures.js";
import { disableNet, replay, restoreNet } from "../helpers/replay.js";
import { linkTo } from "../helpers/link.js";
import { failureOf } from "../helpers/promises.js";

const origin = "http://sandbox.test:44772";
const exchanges = loadFixture("execd-misc");

/** The exchanges that a test below replays, by its name. */
const REPLAYED = [
  "metrics watch",
  "proxy to self",
  "proxy SSE",
  "bad token",
  "good token",
  "proxy also guarded",
  "no jupyter configured",
  "create ctx no jupyter",
] as const;

const NO_SUCH_CALL = "the SDK makes no such request";
const PTY = "terminals.test.ts replays it";
const NO_PROXY_CALL = "the SDK gives the address of a port; what is asked there is the user's own request";
const EXCLUDED: Readonly<Record<string, string>> = {
  "HEAD ping": NO_SUCH_CALL,
  "unknown route": NO_SUCH_CALL,
  "wrong method": NO_SUCH_CALL,
  "trailing slash": NO_SUCH_CALL,
  "PUT command": NO_SUCH_CALL,
  "OPTIONS preflight": "browsers make it, not the SDK",
  "proxy closed port": NO_PROXY_CALL,
  "proxy non-numeric": NO_PROXY_CALL,
  "pty create": PTY,
  "pty create no body": PTY,
  "pty create bad": PTY,
  "pty status": PTY,
  "pty status unknown": PTY,
  "pty create bad cwd": PTY,
  "pty delete": PTY,
};

beforeEach(disableNet);
afterEach(restoreNet);

test("every exchange is replayed, or left out for a reason", () => {
  const covered = [...REPLAYED, ...Object.keys(EXCLUDED)];
  expect(covered.sort()).toEqual(exchanges.map(({ label }) => label).sort());
});

const recorded = (label: (typeof REPLAYED)[number]) => findExchange(exchanges, label);

describe("metrics", () => {
  test("metrics watch", async () => {
    replay(recorded("metrics watch"), { origin });
    const seen: SandboxMetrics[] = [];
    for await (const metrics of new Metrics(linkTo(origin)).watch()) {
      seen.push(metrics);
      // The recording does not end, like the server's response.
      if (seen.length === 3) break;
    }
    expect(seen.map(({ timestamp }) => timestamp)).toEqual([
      1_795_453_199_542, 1_795_453_201_544, 1_795_453_203_546,
    ]);
    expect(seen[0]).toEqual({
      cpuCount: 2,
      cpuUsedPercentage: 90.909090909093,
      memoryTotalMiB: 24_103.921875,
      memoryUsedMiB: 994.06640625,
      timestamp: 1_795_453_199_542,
    });
  });
});

describe("health", () => {
  test("good token", async () => {
    replay(recorded("good token"), { origin });
    await new Health(linkTo(origin)).ping();
  });

  test("bad token", async () => {
    replay(recorded("bad token"), { origin, times: 2 });
    const health = new Health(linkTo(origin));
    const failure = await failureOf(health.ping());
    expect(failure).toBeInstanceOf(SandboxApiException);
    expect(failure).toMatchObject({
      statusCode: 401,
      message: "Unauthorized: invalid or missing header X-EXECD-ACCESS-TOKEN",
    });
    expect(await health.isHealthy()).toBe(false);
  });
});

describe("an execd behind a proxy, at an address with a path", () => {
  const link = () => linkTo(`${origin}/proxy/44772`);

  test("proxy to self", async () => {
    replay(recorded("proxy to self"), { origin });
    expect(await new Health(link()).isHealthy()).toBe(true);
  });

  test("proxy SSE", async () => {
    const replayed = replay(recorded("proxy SSE"), { origin });
    await expectExecution(new Commands(link()).run("echo via-proxy")).toPrint("via-proxy\n");
    expect(replayed.request.body).toEqual({ command: "echo via-proxy" });
  });

  test("proxy also guarded", async () => {
    replay(recorded("proxy also guarded"), { origin });
    expect(await failureOf(new Health(link()).ping())).toMatchObject({ statusCode: 401 });
  });
});

describe("an execd without kernels", () => {
  test("no jupyter configured", async () => {
    replay(recorded("no jupyter configured"), { origin });
    expect(await failureOf(new Codes(linkTo(origin)).run("1"))).toMatchObject({
      statusCode: 500,
      error: { code: "RUNTIME_ERROR" },
      message: expect.stringContaining("language runtime server not configured"),
    });
  });

  test("create ctx no jupyter: never responds, until the caller cancels", async () => {
    const replayed = replay(recorded("create ctx no jupyter"), { origin });
    const controller = new AbortController();
    const failure = failureOf(
      new Codes(linkTo(origin)).createContext("python", { signal: controller.signal }),
    );
    while (!replayed.isDone()) await new Promise(setImmediate);
    controller.abort("enough");
    expect(await failure).toBe("enough");
  });
});
