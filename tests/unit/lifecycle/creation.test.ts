import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import {
  InvalidArgumentException,
  SandboxApiException,
  SandboxConnectionException,
  SandboxTimeoutException,
  SandboxUnhealthyException,
} from "../../../src/errors.js";
import { ConnectionConfig } from "../../../src/connection.js";
import { Sandbox, type SandboxCreateOptions } from "../../../src/sandbox.js";
import { FaultServer } from "../../helpers/fault-server.js";
import { CapturingLogger } from "../../helpers/capturing-logger.js";
import { errorResponse, EXECD, FakeLifecycle, ID, sandboxJson } from "../../helpers/fake-server.js";
import { failureOf, settle } from "../../helpers/promises.js";

const CREATE = "POST /sandboxes";
const ENDPOINT = `GET /sandboxes/${ID}/endpoints/44772`;
const PING = "GET /ping";
const DELETE = `DELETE /sandboxes/${ID}`;

let server: FakeLifecycle;
beforeEach(() => {
  server = new FakeLifecycle();
  jest.useFakeTimers({ doNotFake: ["setImmediate", "nextTick", "queueMicrotask"] });
});
afterEach(() => {
  jest.useRealTimers();
});

const create = (options: SandboxCreateOptions = {}): Promise<Sandbox> =>
  Sandbox.create({ connectionConfig: server.config(), ...options });

/** A response that the test sends later. */
function later(route: string): (response: Response) => void {
  let answer: (response: Response) => void = () => undefined;
  server.on(route, () => new Promise<Response>((resolve) => (answer = resolve)));
  return (response) => {
    answer(response);
  };
}
const created = (): Response => Response.json(sandboxJson(), { status: 202 });

describe("a creation", () => {
  test("is three requests: create, endpoint, ping", async () => {
    const sandbox = await create();
    expect(server.routes).toEqual([CREATE, ENDPOINT, PING]);
    expect(sandbox.id).toBe(ID);
    expect(server.only(CREATE).body).toMatchObject({ image: { uri: "opensandbox/code-interpreter:v1.1.0" } });
    expect(server.only(ENDPOINT).url.search).toBe("?use_server_proxy=false");
    expect(server.only(PING).url.href).toBe(`http://${EXECD}/ping`);
    expect(jest.getTimerCount()).toBe(0);
  });

  test("does not send the API key to the sandbox", async () => {
    server.on(ENDPOINT, () => Response.json({ endpoint: EXECD, headers: { "x-token": "t" } }));
    const connectionConfig = server.config({ headers: { "x-mine": "1" }, sandboxHeaders: { "x-gate": "2" } });
    await create({ connectionConfig });
    expect(Object.fromEntries(server.only(CREATE).headers)).toMatchObject({
      "open-sandbox-api-key": "the-key",
      "x-mine": "1",
    });
    expect(server.only(CREATE).headers.has("x-gate")).toBe(false);
    const ping = Object.fromEntries(server.only(PING).headers);
    expect(ping).toMatchObject({ "x-token": "t", "x-gate": "2" });
    expect(ping).not.toHaveProperty("open-sandbox-api-key");
    expect(ping).not.toHaveProperty("x-mine");
  });

  test("accepts plain options as its connection", async () => {
    await create({ connectionConfig: { domain: "plain.test/api", fetch: server.fetch } });
    expect(server.only(CREATE).url.href).toBe("http://plain.test/api/v1/sandboxes");
  });

  test("sends nothing with bad options", async () => {
    expect(await failureOf(create({ timeoutSeconds: 1 }))).toBeInstanceOf(InvalidArgumentException);
    expect(await failureOf(create({ readyTimeoutSeconds: -1 }))).toBeInstanceOf(InvalidArgumentException);
    expect(await failureOf(create({ connectionConfig: { domain: "" } }))).toBeInstanceOf(
      InvalidArgumentException,
    );
    expect(server.requests).toHaveLength(0);
  });

  test("skips the health check when told to", async () => {
    await create({ skipHealthCheck: true });
    expect(server.routes).toEqual([CREATE, ENDPOINT]);
  });

  test("that the server rejects deletes nothing", async () => {
    server.on(CREATE, () =>
      errorResponse(400, "SANDBOX::INVALID_PARAMETER", { headers: { "x-request-id": "r-1" } }),
    );
    expect(await failureOf(create())).toMatchObject({
      name: "SandboxApiException",
      statusCode: 400,
      requestId: "r-1",
      error: { code: "SANDBOX::INVALID_PARAMETER" },
    });
    expect(server.routes).toEqual([CREATE]);
  });

  test("is not sent again after a 503", async () => {
    server.on(CREATE, () => new Response("busy", { status: 503 }));
    expect(await failureOf(create({ connectionConfig: server.config({ retryPolicy: {} }) }))).toMatchObject({
      statusCode: 503,
      isRetryable: true,
    });
    expect(server.routes).toEqual([CREATE]);
  });
});

describe("progress", () => {
  test("is reported in order, and awaited", async () => {
    const told: [string, string, number][] = [];
    const asked: number[] = [];
    await create({
      onProgress: async ({ phase, sandboxId, elapsedMillis }) => {
        asked.push(server.requests.length);
        await settle();
        told.push([phase, sandboxId, elapsedMillis]);
      },
    });
    expect(told.map(([phase, id]) => [phase, id])).toEqual([
      ["created", ID],
      ["endpoint", ID],
      ["ready", ID],
    ]);
    expect(told.every(([, , elapsedMillis]) => Number.isInteger(elapsedMillis))).toBe(true);
    expect(asked).toEqual([1, 2, 3]);
  });

  test.each(["created", "endpoint", "ready"])(
    "that throws at %s ends the creation and deletes",
    async (phase) => {
      const mine = new Error("mine");
      const onProgress = (progress: { phase: string }): void => {
        if (progress.phase === phase) throw mine;
      };
      expect(await failureOf(create({ onProgress }))).toBe(mine);
      expect(server.routes.at(-1)).toBe(DELETE);
    },
  );

  test("that rejects deletes the sandbox too", async () => {
    expect(await failureOf(create({ onProgress: () => Promise.reject(new Error("mine")) }))).toEqual(
      new Error("mine"),
    );
    expect(server.routes).toEqual([CREATE, DELETE]);
  });

  test("that never settles is ended by an abort", async () => {
    const controller = new AbortController();
    const failure = failureOf(
      create({ signal: controller.signal, onProgress: () => new Promise(() => undefined) }),
    );
    await settle();
    controller.abort("enough");
    expect(await failure).toBe("enough");
    await settle();
    expect(server.routes).toEqual([CREATE, DELETE]);
  });
});

describe("a creation whose sandbox does not become ready", () => {
  test("deletes it", async () => {
    server.on(PING, () => new Response("no", { status: 503 }));
    const failure = failureOf(create({ readyTimeoutSeconds: 1 }));
    await jest.advanceTimersByTimeAsync(1_000);
    expect(await failure).toMatchObject({ error: { code: "READY_TIMEOUT" }, sandboxId: ID });
    expect(server.routes.at(-1)).toBe(DELETE);
  });

  test("deletes it at once when it has failed", async () => {
    server.on(PING, () => new Response("no", { status: 503 }));
    server.on(`GET /sandboxes/${ID}`, () => Response.json(sandboxJson(ID, { status: { state: "Failed" } })));
    expect(await failureOf(create())).toBeInstanceOf(SandboxUnhealthyException);
    expect(server.routes.at(-1)).toBe(DELETE);
  });

  test("ignores that it is already gone", async () => {
    const logger = new CapturingLogger();
    server.on(ENDPOINT, () => errorResponse(404, "DOCKER::SANDBOX_NOT_FOUND"));
    server.on(DELETE, () => errorResponse(404, "DOCKER::SANDBOX_NOT_FOUND"));
    const failure = await failureOf(create({ connectionConfig: server.config({ logger }) }));
    expect(failure).toMatchObject({ statusCode: 404, sandboxId: ID });
    expect(logger.records.join("\n")).not.toContain("could not be deleted");
  });

  test("logs that it could not be deleted, and throws the reason why it was not ready", async () => {
    const logger = new CapturingLogger();
    server.on(ENDPOINT, () => errorResponse(403, "X"));
    server.on(DELETE, () => errorResponse(403, "Y"));
    const failure = await failureOf(create({ connectionConfig: server.config({ logger }) }));
    expect(failure).toMatchObject({ error: { code: "X" } });
    expect(logger.records).toContain(
      `warn The sandbox ${ID}, whose creation failed, could not be deleted: status 403 (Y).`,
    );
  });

  test("does not wait for a deletion that never ends", async () => {
    server.on(ENDPOINT, () => errorResponse(403, "X")).hang(DELETE);
    const failure = failureOf(create());
    await jest.advanceTimersByTimeAsync(5_000);
    expect(await failure).toMatchObject({ error: { code: "X" } });
  });

  test("deletes it although the health check has closed the instance", async () => {
    const healthCheck = async (sandbox: Sandbox): Promise<boolean> => {
      await sandbox.close();
      await sandbox.health.ping();
      return true;
    };
    expect(await failureOf(create({ healthCheck }))).toMatchObject({ error: { code: "CLOSED" } });
    expect(server.routes).toEqual([CREATE, ENDPOINT, DELETE]);
  });
});

describe("an abort", () => {
  const reason = { of: "the caller's own" };

  test("before the request sends nothing", async () => {
    expect(await failureOf(create({ signal: AbortSignal.abort(reason) }))).toBe(reason);
    expect(server.requests).toHaveLength(0);
  });

  test("during it rejects at once, and deletes the sandbox when its id arrives", async () => {
    const answer = later(CREATE);
    const controller = new AbortController();
    const failure = failureOf(create({ signal: controller.signal }));
    await settle();
    controller.abort(reason);
    expect(await failure).toBe(reason);
    expect(server.only(CREATE).signal.aborted).toBe(false);
    answer(created());
    await settle();
    expect(server.routes).toEqual([CREATE, DELETE]);
    expect(jest.getTimerCount()).toBe(0);
  });

  test("during it logs nothing if the server then rejects the creation", async () => {
    const logger = new CapturingLogger();
    const answer = later(CREATE);
    const controller = new AbortController();
    const failure = failureOf(
      create({ signal: controller.signal, connectionConfig: server.config({ logger }) }),
    );
    await settle();
    controller.abort(reason);
    expect(await failure).toBe(reason);
    answer(errorResponse(400, "SANDBOX::INVALID_PARAMETER"));
    await settle();
    expect(logger.records.filter((record) => record.startsWith("warn"))).toEqual([]);
    expect(server.routes).toEqual([CREATE]);
  });

  test("logs a warning if the response never arrives", async () => {
    const logger = new CapturingLogger();
    const answer = later(CREATE);
    const controller = new AbortController();
    const failure = failureOf(
      create({ signal: controller.signal, connectionConfig: server.config({ logger }) }),
    );
    await settle();
    controller.abort(reason);
    expect(await failure).toBe(reason);
    answer(new Response("", { status: 504 }));
    await settle();
    expect(logger.records).toContain(
      "warn No response to an aborted creation arrived: the sandbox may exist.",
    );
    expect(server.routes).toEqual([CREATE]);
  });

  test.each([ENDPOINT, PING])("during %s rejects at once, and deletes in the background", async (route) => {
    server.hang(route).hang(DELETE);
    const controller = new AbortController();
    const failure = failureOf(create({ signal: controller.signal }));
    await settle();
    controller.abort(reason);
    expect(await failure).toBe(reason);
    expect(server.only(route).signal.aborted).toBe(true);
    await settle();
    expect(server.routes.at(-1)).toBe(DELETE);
  });

  test("between two checks does the same", async () => {
    server.on(PING, () => new Response("no", { status: 503 }));
    const controller = new AbortController();
    const failure = failureOf(create({ signal: controller.signal }));
    await settle();
    controller.abort(reason);
    expect(await failure).toBe(reason);
    await settle();
    expect(server.routes.at(-1)).toBe(DELETE);
  });

  test("after it has no effect", async () => {
    const controller = new AbortController();
    const sandbox = await create({ signal: controller.signal });
    controller.abort(reason);
    expect(await sandbox.isHealthy()).toBe(true);
  });
});

describe("the outcome is unknown", () => {
  test("when the response is late; the sandbox is deleted when it arrives", async () => {
    const answer = later(CREATE);
    const failure = failureOf(create({ createTimeoutSeconds: 7 }));
    await jest.advanceTimersByTimeAsync(7_000);
    const error = await failure;
    expect(error).toBeInstanceOf(SandboxTimeoutException);
    expect(error).toMatchObject({ error: { code: "CREATE_OUTCOME_UNKNOWN" }, isRetryable: false });
    expect(String(error)).toContain("createTimeoutSeconds of 7 s");
    await jest.advanceTimersByTimeAsync(100_000);
    answer(created());
    await settle();
    expect(server.routes).toEqual([CREATE, DELETE]);
  });

  test.each<[string, () => Response]>([
    [
      "a gateway's 504",
      () => new Response("<html><title>504 Gateway Time-out</title></html>", { status: 504 }),
    ],
    ["an empty 502", () => new Response(null, { status: 502 })],
    ["Cloudflare's 524", () => new Response("error code: 524", { status: 524 })],
    ["a success without an id", () => Response.json({ status: "ok" }, { status: 202 })],
    ["a page instead of an answer", () => new Response("<html>Please log in</html>", { status: 200 })],
    ["an empty success", () => new Response(null, { status: 202 })],
  ])("after %s", async (_, answer) => {
    server.on(CREATE, answer);
    const error = await failureOf(create());
    expect(error).toBeInstanceOf(SandboxApiException);
    expect(error).toMatchObject({
      error: { code: "CREATE_OUTCOME_UNKNOWN" },
      statusCode: answer().status,
      cause: { error: { code: "UNEXPECTED_RESPONSE" } },
    });
    expect(String(error)).toContain("Look for it before you create another one");
  });

  test("but not after a 504 of the server itself, which has cleaned up", async () => {
    server.on(CREATE, () => errorResponse(504, "KUBERNETES::POD_READY_TIMEOUT"));
    expect(await failureOf(create())).toMatchObject({
      statusCode: 504,
      error: { code: "KUBERNETES::POD_READY_TIMEOUT", message: "KUBERNETES::POD_READY_TIMEOUT happened" },
    });
  });

  test.each(["before", "inside"])("when the connection is reset %s the response", async (when) => {
    jest.useRealTimers();
    await using raw = await FaultServer.start((exchange) => {
      if (when === "inside") {
        exchange.head(202, { "content-length": "100", "x-request-id": "r-1" });
        exchange.write('{"id":');
      }
      void exchange.body.then(() => setImmediate(() => exchange.reset()));
    });
    const connectionConfig = new ConnectionConfig({ domain: raw.origin });
    const error = await failureOf(Sandbox.create({ connectionConfig }));
    expect(error).toBeInstanceOf(SandboxConnectionException);
    expect(error).toMatchObject({
      error: { code: "CREATE_OUTCOME_UNKNOWN" },
      cause: { error: { code: "CONNECTION" } },
      requestId: when === "inside" ? "r-1" : undefined,
    });
    expect(raw.exchanges).toHaveLength(1);
  });

  test("but not when nothing was sent", async () => {
    server.on(CREATE, () => {
      throw Object.assign(new TypeError("fetch failed"), {
        cause: Object.assign(new Error("no"), { code: "ECONNREFUSED" }),
      });
    });
    expect(await failureOf(create())).toMatchObject({ error: { code: "CONNECTION" }, isRetryable: true });
  });
});
