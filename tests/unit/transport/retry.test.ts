import { describe, expect, test } from "@jest/globals";
import type { ConnectionOptions } from "../../../src/connection.js";
import { RetryPolicy, type RetryEvent, type RetryPolicyOptions } from "../../../src/retry-policy.js";
import { decideRetry, type RetryState } from "../../../src/transport/retry.js";
import { CapturingLogger } from "../../helpers/capturing-logger.js";
import { failureOf } from "../../helpers/promises.js";
import { TestClock, transportTo } from "./test-transport.js";

const state: RetryState = {
  method: "GET",
  server: "lifecycle",
  replay: "by-method",
  outcome: { statusCode: 503, code: "UNEXPECTED_RESPONSE" },
  retries: 0,
  previousWaitMillis: undefined,
  elapsedMillis: 0,
  random: 0.5,
};
const status = (statusCode: number, code = "UNEXPECTED_RESPONSE"): RetryState["outcome"] => ({
  statusCode,
  code,
});
const asked = (retryAfterSeconds: number): RetryState["outcome"] => ({ ...status(429), retryAfterSeconds });
const notSent: RetryState["outcome"] = { isNotSent: true };
const maybeSent: RetryState["outcome"] = { isNotSent: false };

describe("whether a request is sent again:", () => {
  test.each<[string, Partial<RetryState>, RetryPolicyOptions, boolean]>([
    ...["GET", "HEAD", "PUT", "DELETE"].flatMap<[string, Partial<RetryState>, RetryPolicyOptions, boolean]>(
      (method) => [
        [`${method} after a reset`, { method, outcome: maybeSent }, {}, true],
        [`${method} after a refused connection`, { method, outcome: notSent }, {}, true],
        ...[408, 425, 429, 502, 503, 504].map<[string, Partial<RetryState>, RetryPolicyOptions, boolean]>(
          (code) => [`${method} after ${code}`, { method, outcome: status(code), server: "execd" }, {}, true],
        ),
        ...[301, 400, 401, 403, 404, 409, 422, 501].map<
          [string, Partial<RetryState>, RetryPolicyOptions, boolean]
        >((code) => [`${method} after ${code}`, { method, outcome: status(code) }, {}, false]),
      ],
    ),
    ...["POST", "PATCH"].flatMap<[string, Partial<RetryState>, RetryPolicyOptions, boolean]>((method) => [
      [`${method} after a reset`, { method, outcome: maybeSent }, {}, false],
      [`${method} after a refused connection`, { method, outcome: notSent }, {}, true],
      [`${method} after 503`, { method, outcome: status(503) }, {}, false],
      [`${method} after 429`, { method, outcome: asked(1) }, {}, false],
      [
        `${method} after 503, opted in`,
        { method, outcome: status(503) },
        { retryablePostStatuses: [503] },
        true,
      ],
      [
        `${method} after 502, another opted in`,
        { method, outcome: status(502) },
        { retryablePostStatuses: [503] },
        false,
      ],
      [
        `${method} after a reset, opted in by status`,
        { method, outcome: maybeSent },
        { retryablePostStatuses: [503] },
        false,
      ],
    ]),
    ["a crash of the lifecycle server", { outcome: status(500) }, {}, true],
    ["a 500 of the lifecycle server with its code", { outcome: status(500, "DOCKER::ERROR") }, {}, true],
    [
      "a 500 with execd's code, through the lifecycle server",
      { outcome: status(500, "RUNTIME_ERROR") },
      {},
      false,
    ],
    ["a 500 of execd", { outcome: status(500), server: "execd" }, {}, false],
    ["a 500 of the egress sidecar", { outcome: status(500), server: "egress" }, {}, false],
    ["a stream that was not sent", { method: "POST", replay: "if-not-sent", outcome: notSent }, {}, true],
    ["a stream that may have been sent", { replay: "if-not-sent", outcome: maybeSent }, {}, false],
    [
      "a stream after 503, opted in",
      { method: "POST", replay: "if-not-sent" },
      { retryablePostStatuses: [503] },
      false,
    ],
    [
      "a lifecycle server's connection that this machine refuses",
      { outcome: { isNotSent: true, isRefusedByLoopback: true } },
      {},
      false,
    ],
    [
      "a sandbox's connection that this machine refuses",
      { outcome: { isNotSent: true, isRefusedByLoopback: true }, server: "execd" },
      {},
      true,
    ],
    ["what is never replayed", { replay: "never", outcome: notSent }, {}, false],
    ["the last of the retries", { retries: 2 }, {}, true],
    ["one more than the retries", { retries: 3 }, {}, false],
    ["with retries disabled", {}, { maxRetries: 0 }, false],
    ["just before the deadline", { elapsedMillis: 9_000 }, { deadlineSeconds: 10 }, true],
    ["with a wait beyond the deadline", { elapsedMillis: 9_001 }, { deadlineSeconds: 10 }, false],
    ["with a deadline of 0, which disables it", { elapsedMillis: 9_001 }, { deadlineSeconds: 0 }, true],
  ])("%s", (_, some, policy, isRetried) => {
    expect(decideRetry({ ...state, ...some }, new RetryPolicy(policy)) !== undefined).toBe(isRetried);
  });
});

describe("how long a retry waits:", () => {
  test.each<[string, Partial<RetryState>, RetryPolicyOptions, number]>([
    ["at least the first backoff", { random: 0 }, {}, 500],
    ["at most three times the first backoff", { random: 1 }, {}, 1_500],
    ["at most three times the wait before", { random: 1, previousWaitMillis: 1_500 }, {}, 4_500],
    ["at least the first backoff, whatever came before", { random: 0, previousWaitMillis: 9_000 }, {}, 500],
    ["at most 30 s", { random: 1, previousWaitMillis: 29_000 }, {}, 30_000],
    ["at most what the policy says", { random: 1 }, { maxBackoffMillis: 700 }, 700],
    ["what the server asks for, in seconds", { outcome: asked(7) }, {}, 7_000],
    ["what the server asks for, beyond the backoff", { outcome: asked(45) }, {}, 45_000],
    ["60 s where the server asks for more", { outcome: asked(3_600) }, {}, 60_000],
    ["not at all where the server says so", { outcome: asked(0) }, {}, 0],
    ["not at all with backoffs of 0", { random: 1 }, { initialBackoffMillis: 0, maxBackoffMillis: 0 }, 0],
  ])("%s", (_, some, policy, waitMillis) => {
    expect(decideRetry({ ...state, ...some }, new RetryPolicy(policy))).toBe(waitMillis);
  });
});

test("a policy is frozen, with the defaults that its documentation names", () => {
  expect(new RetryPolicy()).toMatchObject({
    maxRetries: 3,
    initialBackoffMillis: 500,
    maxBackoffMillis: 30_000,
    deadlineSeconds: null,
    retryablePostStatuses: [],
  });
  expect(Object.isFrozen(new RetryPolicy())).toBe(true);
  expect(RetryPolicy.disabled.maxRetries).toBe(0);
});

describe("a request under a policy", () => {
  const unavailable = (): Response => new Response("what the server said", { status: 503 });

  /** A client whose `fetch` has these outcomes in order, and then succeeds. */
  function attempts(failures: readonly (() => Response)[], options: ConnectionOptions = {}) {
    const clock = new TestClock();
    let sent = 0;
    const transport = transportTo(
      "http://things.test",
      {
        fetch: async () => {
          const failure = failures[sent];
          sent += 1;
          return await Promise.resolve(failure?.() ?? new Response("{}"));
        },
        ...options,
      },
      { clock, server: "lifecycle" },
    );
    return { client: transport.client, json: transport.json, clock, sent: () => sent };
  }

  test("is sent again until it succeeds, with growing waits", async () => {
    const { client, clock, sent } = attempts([unavailable, unavailable]);
    await client.GET("/things");
    expect(sent()).toBe(3);
    expect(clock.waits).toEqual([1_000, 1_750]);
  });

  test("fails with the last failure when the retries are used up", async () => {
    const last = () => new Response("the last", { status: 503 });
    const { client, sent } = attempts([unavailable, unavailable, unavailable, last]);
    expect(await failureOf(client.GET("/things"))).toMatchObject({ message: "the last" });
    expect(sent()).toBe(4);
  });

  test("reports each wait to the hook and the log, without credentials or the server's message", async () => {
    const events: RetryEvent[] = [];
    const logger = new CapturingLogger();
    const retryPolicy = new RetryPolicy({ onRetry: (event) => events.push(event) });
    const { client } = attempts([unavailable], { retryPolicy, logger });
    await client.GET("/things", { params: { query: { token: "abc" } } });
    expect(events).toEqual([
      {
        attempt: 1,
        waitMillis: 1_000,
        method: "GET",
        path: "/things?token=***",
        error: expect.objectContaining({ statusCode: 503 }),
      },
    ]);
    expect(logger.records).toContain(
      "warn lifecycle GET /things?token=***: retry 1 of 3 in 1000 ms, after status 503 (UNEXPECTED_RESPONSE)",
    );
  });

  test.each<[string, () => void]>([
    [
      "throws",
      () => {
        throw new Error("a hook's own");
      },
    ],
    ["rejects", () => Promise.reject(new Error("a hook's own"))],
  ])("continues when the hook %s", async (_, onRetry) => {
    const logger = new CapturingLogger();
    const { client, sent } = attempts([unavailable], { retryPolicy: { onRetry }, logger });
    await client.GET("/things");
    expect(sent()).toBe(2);
    expect(logger.records).toContain("warn retryPolicy.onRetry threw: Error: a hook's own");
  });

  test("is sent once if its body can be read once", async () => {
    const refused = () => {
      throw Object.assign(new Error("connect"), { code: "ECONNREFUSED" });
    };
    const body = new ReadableStream({ pull: (controller) => controller.close() });
    const once = attempts([refused]);
    const failing = once.client.PUT("/things", { body: null, bodySerializer: () => body });
    expect(await failureOf(failing)).toMatchObject({ error: { code: "CONNECTION" } });
    expect(once.sent()).toBe(1);
    const often = attempts([refused]);
    await often.client.PUT("/things", { body: "text" });
    expect(often.sent()).toBe(2);
  });

  test("fails with the signal's reason if the abort came before its own failure", async () => {
    const controller = new AbortController();
    const notFound = () => {
      controller.abort("enough");
      return new Response("", { status: 404 });
    };
    const { client, json, sent } = attempts([notFound]);
    expect(await failureOf(client.GET("/things", json({ signal: controller.signal })))).toBe("enough");
    expect(sent()).toBe(1);
  });

  test("ends a wait at once when it is aborted, with the signal's reason", async () => {
    const controller = new AbortController();
    const { client, json, sent } = attempts([unavailable]);
    const call = json({ signal: controller.signal, onRetry: () => controller.abort("enough") });
    expect(await failureOf(client.GET("/things", call))).toBe("enough");
    expect(sent()).toBe(1);
  });
});
