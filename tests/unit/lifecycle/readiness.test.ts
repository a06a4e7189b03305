import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import type { SandboxException } from "../../../src/errors.js";
import {
  InvalidArgumentException,
  SandboxReadyTimeoutException,
  SandboxUnhealthyException,
} from "../../../src/errors.js";
import { Sandbox, type SandboxConnectOptions } from "../../../src/sandbox.js";
import { errorResponse, EXECD, FakeLifecycle, ID, sandboxJson } from "../../helpers/fake-server.js";
import { failureOf, settle } from "../../helpers/promises.js";

const INFO = `GET /sandboxes/${ID}`;
const ENDPOINT = `${INFO}/endpoints/44772`;
const PING = "GET /ping";

let server: FakeLifecycle;
beforeEach(() => {
  server = new FakeLifecycle();
  jest.useFakeTimers({ doNotFake: ["setImmediate", "nextTick", "queueMicrotask"] });
});
afterEach(() => {
  jest.useRealTimers();
});

const connect = (options: Partial<SandboxConnectOptions> = {}): Promise<Sandbox> =>
  Sandbox.connect({ sandboxId: ID, connectionConfig: server.config(), ...options });
const notReady = (): Response => new Response("no", { status: 503 });
const state = (name: string, message?: string) => (): Response =>
  Response.json(sandboxJson(ID, { status: { state: name, message } }));

describe("a wait", () => {
  test("for a sandbox that is ready is one request each for endpoint and ping", async () => {
    await connect();
    expect(server.routes).toEqual([ENDPOINT, PING]);
  });

  test("checks again after 200 ms, and requests the state only after a failure", async () => {
    server.on(PING, (_, count) => (count < 3 ? notReady() : new Response(null)));
    const opening = connect();
    await settle();
    expect(server.routes).toEqual([ENDPOINT, PING, INFO]);
    await jest.advanceTimersByTimeAsync(199);
    expect(server.requests).toHaveLength(3);
    await jest.advanceTimersByTimeAsync(1);
    expect(server.requests).toHaveLength(5);
    await jest.advanceTimersByTimeAsync(200);
    await opening;
    expect(server.routes).toEqual([ENDPOINT, PING, INFO, PING, INFO, PING]);
    expect(jest.getTimerCount()).toBe(0);
  });

  test("ends at once when the entrypoint exits while a check gets no response, with the reason", async () => {
    for (const stuck of [PING, ENDPOINT]) {
      server = new FakeLifecycle();
      server.hang(stuck);
      server.on(INFO, (_, count) =>
        count < 2 ? Response.json(sandboxJson()) : state("Failed", "The entrypoint exited with code 1.")(),
      );
      const opening = failureOf(connect());
      await jest.advanceTimersByTimeAsync(2_000);
      expect(await opening).toBeInstanceOf(SandboxUnhealthyException);
      expect(String(await opening)).toContain("The entrypoint exited with code 1.");
      expect(jest.getTimerCount()).toBe(0);
    }
  });

  test("uses the given polling interval", async () => {
    server.on(PING, (_, count) => (count === 1 ? notReady() : new Response(null)));
    const opening = connect({ healthCheckPollingIntervalMillis: 3_000 });
    await jest.advanceTimersByTimeAsync(2_999);
    expect(server.requests).toHaveLength(3);
    await jest.advanceTimersByTimeAsync(1);
    await opening;
  });

  test("continues while the server has no address yet", async () => {
    server.on(ENDPOINT, (_, count) =>
      count < 3 ? errorResponse(404, "KUBERNETES::POD_IP_NOT_AVAILABLE") : Response.json({ endpoint: EXECD }),
    );
    const opening = connect();
    await jest.advanceTimersByTimeAsync(400);
    await opening;
    expect(server.routes).toEqual([ENDPOINT, INFO, ENDPOINT, INFO, ENDPOINT, PING]);
  });

  test("continues when the request for the state fails", async () => {
    server.on(PING, (_, count) => (count === 1 ? notReady() : new Response(null))).on(INFO, notReady);
    const opening = connect();
    await jest.advanceTimersByTimeAsync(200);
    await opening;
  });

  test("continues when execd cannot be reached", async () => {
    server.on(PING, (_, count) => {
      if (count === 1) throw new TypeError("fetch failed");
      return new Response(null);
    });
    const opening = connect();
    await jest.advanceTimersByTimeAsync(200);
    await opening;
  });
});

describe("ends at once", () => {
  test.each<[string, string, number, string]>([
    ["without a key", ENDPOINT, 401, "MISSING_API_KEY"],
    ["when forbidden", ENDPOINT, 403, "FORBIDDEN"],
    ["when there is no such sandbox", ENDPOINT, 404, "DOCKER::SANDBOX_NOT_FOUND"],
    ["without execd's token", PING, 401, "MISSING_OR_INVALID_SECURE_ACCESS"],
    ["when execd is forbidden", PING, 403, "FORBIDDEN"],
    ["when the proxy knows no such sandbox", PING, 404, "KUBERNETES::SANDBOX_NOT_FOUND"],
  ])("%s", async (_, route, status, code) => {
    server.on(route, () => errorResponse(status, code, { headers: { "x-request-id": "r-1" } }));
    expect(await failureOf(connect())).toMatchObject({
      statusCode: status,
      error: { code },
      sandboxId: ID,
      requestId: "r-1",
    });
    expect(server.routes.at(-1)).toBe(route);
    expect(jest.getTimerCount()).toBe(0);
  });

  test.each([401, 403, 404])("when the request for the state gets status %i", async (status) => {
    server.on(PING, notReady).on(INFO, () => errorResponse(status, "X"));
    expect(await failureOf(connect())).toMatchObject({ statusCode: status });
    expect(server.routes).toEqual([ENDPOINT, PING, INFO]);
  });

  test.each(["Failed", "Terminated", "failed"])("in the state %s", async (name) => {
    server.on(PING, notReady).on(INFO, state(name, "exit code 1"));
    const failure = await failureOf(connect());
    expect(failure).toBeInstanceOf(SandboxUnhealthyException);
    expect(failure).toMatchObject({
      error: { code: "UNHEALTHY", message: `The sandbox is ${name} and will not become ready: exit code 1` },
      sandboxId: ID,
    });
  });

  test("for an endpoint that is not a valid address", async () => {
    server.on(ENDPOINT, () => Response.json({ endpoint: "ftp://a b" }));
    expect(await failureOf(connect())).toMatchObject({
      error: { code: "UNEXPECTED_RESPONSE" },
      sandboxId: ID,
    });
    expect(server.routes).toEqual([ENDPOINT]);
  });

  test("for an id that cannot be part of a path", async () => {
    expect(await failureOf(connect({ sandboxId: ".." }))).toBeInstanceOf(InvalidArgumentException);
    expect(server.requests).toHaveLength(0);
  });

  test("with CLOSED when the instance is closed meanwhile", async () => {
    const sandbox = await connect();
    server.on(PING, notReady);
    const failure = failureOf(sandbox.waitUntilReady());
    await settle();
    await sandbox.close();
    await jest.advanceTimersByTimeAsync(200);
    expect(await failure).toMatchObject({ error: { code: "CLOSED" } });
  });
});

describe("READY_TIMEOUT", () => {
  const timedOut = async (
    options: Partial<SandboxConnectOptions>,
    millis: number,
  ): Promise<SandboxException> => {
    const failure = failureOf(connect(options));
    await jest.advanceTimersByTimeAsync(millis);
    const error = await failure;
    if (!(error instanceof SandboxReadyTimeoutException)) throw error;
    expect(jest.getTimerCount()).toBe(0);
    return error;
  };

  test("names the time, the number of checks, the last failure and the connection", async () => {
    server.on(PING, notReady);
    const error = await timedOut({ readyTimeoutSeconds: 1 }, 1_000);
    expect(error.message).toBe(
      "The sandbox was not ready within 1 s. Check 5 failed: no (domain=lifecycle.test, useServerProxy=false). " +
        "If its address cannot be reached from here, set useServerProxy.",
    );
    expect(error).toMatchObject({
      error: { code: "READY_TIMEOUT" },
      sandboxId: ID,
      cause: { statusCode: 503 },
    });
  });

  test("does not advise an option that is already set", async () => {
    server.on(PING, notReady);
    const connectionConfig = server.config({ useServerProxy: true });
    const { message } = await timedOut({ connectionConfig, readyTimeoutSeconds: 1 }, 1_000);
    expect(message).toMatch(/useServerProxy=true\)\.$/);
  });

  test("comes after 30 s, and covers endpoint and pings together", async () => {
    // Ten seconds without an address, then one that does not respond.
    server
      .on(ENDPOINT, (_, count) =>
        count <= 50
          ? errorResponse(404, "KUBERNETES::POD_IP_NOT_AVAILABLE")
          : Response.json({ endpoint: EXECD }),
      )
      .on(PING, notReady);
    const error = await timedOut({}, 30_000);
    expect(error.message).toContain("not ready within 30 s");
    expect(server.routes.filter((route) => route === PING).length).toBeGreaterThan(90);
  });

  test.each([ENDPOINT, PING])("limits a %s that gets no response", async (route) => {
    server.hang(route);
    const error = await timedOut({ readyTimeoutSeconds: 2 }, 2_000);
    expect(error.message).toContain("No check completed");
    expect(server.only(route).signal.aborted).toBe(true);
  });

  test("limits a request for the state that gets no response, and reports the error before it", async () => {
    server.on(PING, notReady).hang(INFO);
    const error = await timedOut({ readyTimeoutSeconds: 2 }, 2_000);
    expect(error.message).toContain("Check 1 failed: no ");
    expect(server.only(INFO).signal.aborted).toBe(true);
  });
});

describe("a custom health check", () => {
  test("replaces the ping, and gets the instance", async () => {
    const seen: string[] = [];
    const sandbox = await connect({
      healthCheck: (candidate, { signal }) => {
        seen.push(candidate.id, String(signal.aborted));
        return Promise.resolve(true);
      },
    });
    expect(seen).toEqual([sandbox.id, "false"]);
    expect(server.routes).toEqual([ENDPOINT]);
  });

  test("that returns false is called again", async () => {
    let count = 0;
    const opening = connect({ healthCheck: () => Promise.resolve((count += 1) === 3) });
    await jest.advanceTimersByTimeAsync(400);
    await opening;
    expect(count).toBe(3);
  });

  test("that always returns false times out", async () => {
    const failure = failureOf(connect({ healthCheck: () => Promise.resolve(false), readyTimeoutSeconds: 1 }));
    await jest.advanceTimersByTimeAsync(1_000);
    expect(String(await failure)).toContain("Check 5 was not successful");
  });

  test.each<[string, () => Promise<boolean>]>([
    [
      "throws",
      () => {
        throw new Error("mine");
      },
    ],
    ["rejects", () => Promise.reject(new Error("mine"))],
  ])("that %s is called again", async (_, healthCheck) => {
    const failure = failureOf(connect({ healthCheck, readyTimeoutSeconds: 1 }));
    await jest.advanceTimersByTimeAsync(1_000);
    const error = await failure;
    expect(String(error)).toContain("Check 5 failed: mine");
    expect(error).toMatchObject({ cause: new Error("mine") });
  });

  test("that never settles is abandoned, with its signal aborted", async () => {
    let given: AbortSignal | undefined;
    const healthCheck = (_: Sandbox, { signal }: { signal: AbortSignal }): Promise<boolean> => {
      given = signal;
      return new Promise(() => undefined);
    };
    const failure = failureOf(connect({ healthCheck, readyTimeoutSeconds: 1 }));
    await jest.advanceTimersByTimeAsync(1_000);
    expect(await failure).toMatchObject({ error: { code: "READY_TIMEOUT" } });
    expect(given?.aborted).toBe(true);
  });
});

test("a wait ends with the reason of its signal", async () => {
  const sandbox = await connect();
  server.on(PING, notReady);
  const controller = new AbortController();
  const failure = failureOf(sandbox.waitUntilReady({ signal: controller.signal }));
  await settle();
  controller.abort("enough");
  expect(await failure).toBe("enough");
  expect(await failureOf(sandbox.waitUntilReady({ signal: controller.signal }))).toBe("enough");
  expect(jest.getTimerCount()).toBe(0);
});
