import { describe, expect, jest, test } from "@jest/globals";
import { SandboxApiException } from "../../../src/errors.js";
import { Health } from "../../../src/services/health.js";
import type { SandboxMetrics } from "../../../src/services/metric-calls.js";
import { Metrics } from "../../../src/services/metrics.js";
import { FakeExecd, LiveBody } from "../../helpers/fake-server.js";
import { collect, failureOf } from "../../helpers/promises.js";

const onWire = {
  cpu_count: 2,
  cpu_used_pct: 51.5,
  mem_total_mib: 24_103.9,
  mem_used_mib: 920.5,
  timestamp: 7,
};
const measured: SandboxMetrics = {
  cpuCount: 2,
  cpuUsedPercentage: 51.5,
  memoryTotalMiB: 24_103.9,
  memoryUsedMiB: 920.5,
  timestamp: 7,
};

describe("measuring once", () => {
  test("gives readable names", async () => {
    const execd = new FakeExecd(() => Response.json(onWire));
    expect(await new Metrics(execd.link).getMetrics()).toEqual(measured);
    expect(execd.lines).toEqual(["GET /metrics"]);
  });

  test("refuses a measurement that lacks a figure", async () => {
    const execd = new FakeExecd(() => Response.json({ ...onWire, mem_used_mib: "920" }));
    expect(await failureOf(new Metrics(execd.link).getMetrics())).toMatchObject({
      error: { code: "UNEXPECTED_RESPONSE" },
      message: expect.stringContaining("mem_used_mib"),
      sandboxId: "sandbox-1",
    });
  });
});

describe("watching", () => {
  test.each([
    ["lines", `${JSON.stringify(onWire)}\n`],
    ["a standard event stream", `data: ${JSON.stringify(onWire)}\n\n`],
  ])("reads %s", async (_, text) => {
    const execd = new FakeExecd(() => new Response(text + text));
    expect(await collect(new Metrics(execd.link).watch())).toEqual([measured, measured]);
  });

  test("yields a measurement as soon as it arrives, and reads no faster than its consumer", async () => {
    const body = new LiveBody().send(`${JSON.stringify(onWire)}\n`);
    const iterator = new Metrics(new FakeExecd(() => body.response).link).watch()[Symbol.asyncIterator]();
    expect(await iterator.next()).toEqual({ done: false, value: measured });
    body.send(`${JSON.stringify({ ...onWire, timestamp: 8 })}\n`);
    expect(await iterator.next()).toEqual({ done: false, value: { ...measured, timestamp: 8 } });
    await iterator.return?.();
  });

  test("leaving the loop ends the request", async () => {
    const body = new LiveBody().send(`${JSON.stringify(onWire)}\n`);
    const execd = new FakeExecd(() => body.response);
    for await (const metrics of new Metrics(execd.link).watch()) {
      expect(metrics).toEqual(measured);
      break;
    }
    expect(execd.requests[0]?.signal.aborted).toBe(true);
  });

  test("leaving it while it waits ends the wait without an error", async () => {
    const body = new LiveBody().send(`${JSON.stringify(onWire)}\n`);
    const execd = new FakeExecd(() => body.response);
    const iterator = new Metrics(execd.link).watch()[Symbol.asyncIterator]();
    await iterator.next();
    const waiting = iterator.next();
    await iterator.return?.();
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(execd.requests[0]?.signal.aborted).toBe(true);
  });

  test("throws the server's message about a failed measurement, after those before it", async () => {
    const body = new LiveBody({ "x-request-id": "request-1" }).send(
      `${JSON.stringify(onWire)}\n{"error":"no /proc"}\n`,
    );
    const execd = new FakeExecd(() => body.response);
    const seen: SandboxMetrics[] = [];
    const failure = await failureOf(
      (async () => {
        for await (const metrics of new Metrics(execd.link).watch()) seen.push(metrics);
      })(),
    );
    expect(seen).toEqual([measured]);
    expect(failure).toBeInstanceOf(SandboxApiException);
    expect(failure).toMatchObject({
      message: "no /proc",
      statusCode: 200,
      sandboxId: "sandbox-1",
      requestId: "request-1",
    });
    expect(execd.requests[0]?.signal.aborted).toBe(true);
  });

  test.each([
    ["STREAM_CUT", '{"cpu_count":2,', "end"],
    ["STREAM_MALFORMED", "{nonsense}\n", "end"],
    ["STREAM_BROKEN", "", "break"],
  ] as const)("fails with %s", async (code, text, ending) => {
    const body = new LiveBody({ "x-request-id": "request-1" }).send(`${JSON.stringify(onWire)}\n`);
    const iterator = new Metrics(new FakeExecd(() => body.response).link).watch()[Symbol.asyncIterator]();
    expect(await iterator.next()).toMatchObject({ value: measured });
    body.send(text);
    body[ending]();
    expect(await failureOf(iterator.next())).toMatchObject({
      error: { code },
      sandboxId: "sandbox-1",
      requestId: "request-1",
    });
  });

  test("fails when nothing comes for too long", async () => {
    const body = new LiveBody().send(`${JSON.stringify(onWire)}\n`);
    const execd = new FakeExecd(() => body.response, { streamIdleTimeoutSeconds: 0.02 });
    expect(await failureOf(collect(new Metrics(execd.link).watch()))).toMatchObject({
      error: { code: "STREAM_STALLED" },
    });
  });

  test("rejects with the signal's own reason", async () => {
    const body = new LiveBody();
    const controller = new AbortController();
    const execd = new FakeExecd(() => {
      controller.abort("enough");
      return body.response;
    });
    expect(await failureOf(collect(new Metrics(execd.link).watch({ signal: controller.signal })))).toBe(
      "enough",
    );
  });
});

describe("health", () => {
  test("is true with a response to a ping", async () => {
    const execd = new FakeExecd(() => new Response(null));
    const health = new Health(execd.link);
    await health.ping();
    expect(await health.isHealthy()).toBe(true);
    expect(execd.lines).toEqual(["GET /ping", "GET /ping"]);
  });

  test.each([401, 500, 503])("is false with status %d, after one request", async (status) => {
    const execd = new FakeExecd(() => new Response(null, { status }));
    const health = new Health(execd.link);
    expect(await health.isHealthy()).toBe(false);
    expect(execd.requests).toHaveLength(1);
    expect(await failureOf(health.ping())).toMatchObject({ statusCode: status });
  });

  test("is false without a connection", async () => {
    const execd = new FakeExecd(() => Promise.reject(new TypeError("fetch failed")));
    expect(await new Health(execd.link).isHealthy()).toBe(false);
    expect(execd.requests).toHaveLength(1);
  });

  test("is false without a response within 5 s, as with a paused sandbox", async () => {
    jest.useFakeTimers({ doNotFake: ["setImmediate", "nextTick", "queueMicrotask"] });
    try {
      const execd = new FakeExecd(
        ({ signal }) =>
          new Promise((_, reject) => {
            signal.addEventListener("abort", () => reject(signal.reason as Error));
          }),
      );
      const healthy = new Health(execd.link).isHealthy();
      await jest.advanceTimersByTimeAsync(5_000);
      expect(await healthy).toBe(false);
      expect(jest.getTimerCount()).toBe(0);
    } finally {
      jest.useRealTimers();
    }
  });

  test("rejects with the reason of an abort", async () => {
    const execd = new FakeExecd(() => new Response(null));
    const signal = AbortSignal.abort("enough");
    expect(await failureOf(new Health(execd.link).isHealthy({ signal }))).toBe("enough");
  });

  test("rejects with CLOSED if the client is closed", async () => {
    const execd = new FakeExecd(() => new Response(null));
    execd.link.execd.close();
    expect(await failureOf(new Health(execd.link).isHealthy())).toMatchObject({ error: { code: "CLOSED" } });
  });
});
