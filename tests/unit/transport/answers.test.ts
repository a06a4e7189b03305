import { gzipSync } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import {
  SandboxApiException,
  SandboxRateLimitException,
  SandboxTimeoutException,
} from "../../../src/errors.js";
import { expectDate, expectRecord, expectRecords, expectText } from "../../../src/transport/response.js";
import { FaultServer, type FaultExchange } from "../../helpers/fault-server.js";
import { CapturingLogger } from "../../helpers/capturing-logger.js";
import { failureOf } from "../../helpers/promises.js";
import { streamOf, TestClock, transportTo } from "./test-transport.js";

/** Resolves to the data of one GET to a server that responds in this way. */
async function get(answer: (exchange: FaultExchange) => void): Promise<unknown> {
  await using server = await FaultServer.start(answer);
  const { client, json } = transportTo(server.origin, { retryPolicy: { maxRetries: 0 } });
  return (await client.GET("/things", json())).data;
}

async function failureOfGet(answer: (exchange: FaultExchange) => void): Promise<unknown> {
  return failureOf(get(answer));
}

describe("a fetch of the caller's own", () => {
  const given = (answer: unknown) =>
    transportTo("http://things.test", {
      retryPolicy: { maxRetries: 0 },
      fetch: () => Promise.resolve(answer as Response),
    });
  const read = async (): Promise<Response> => {
    const response = new Response("{}");
    await response.text();
    return response;
  };

  test.each<[string, () => unknown]>([
    ["nothing", () => undefined],
    ["null", () => null],
    ["text", () => "{}"],
    ["an object that is not a response", () => ({ ok: true, status: 200 })],
    ["an answer that it has read itself", read],
  ])("that returns %s gets an error that says so", async (_, answer) => {
    const { client, json, stream } = given(await answer());
    for (const init of [json(), stream()]) {
      const failure = await failureOf(client.GET("/things", init));
      expect(failure).toMatchObject({ error: { code: "UNEXPECTED_RESPONSE" } });
      expect(String(failure)).toContain("The custom `fetch` did not return a Response with an unread body.");
    }
  });

  test("whose body yields text instead of bytes breaks its stream", async () => {
    const text = new ReadableStream({ start: (controller) => controller.enqueue("text") });
    const { client, stream } = given(new Response(text));
    const body = streamOf(await client.GET("/things", stream()));
    const failure = await failureOf(body.getReader().read());
    expect(failure).toMatchObject({ name: "SandboxConnectionException", error: { code: "STREAM_BROKEN" } });
  });
});

describe("a success", () => {
  test("with JSON is data, whatever its content type", async () => {
    expect(
      await get((exchange) => exchange.answer(200, '{"a":1}', { "content-type": "text/plain" })),
    ).toEqual({ a: 1 });
  });

  test("that is compressed or chunked is data as well", async () => {
    expect(
      await get((exchange) => exchange.answer(200, gzipSync('{"a":1}'), { "content-encoding": "gzip" })),
    ).toEqual({ a: 1 });
    expect(
      await get((exchange) => {
        exchange.chunkedHead();
        exchange.chunk('{"a"');
        exchange.chunk(":1}");
        exchange.lastChunk();
      }),
    ).toEqual({ a: 1 });
  });

  test.each<[string, (exchange: FaultExchange) => void]>([
    ["with a length of 0", (exchange) => exchange.answer(200)],
    [
      "in chunks",
      (exchange) => {
        exchange.chunkedHead(202);
        exchange.lastChunk();
      },
    ],
    ["of 204", (exchange) => exchange.answer(204)],
    [
      "with its end as its length",
      (exchange) => {
        exchange.head(200);
        exchange.socket.end();
      },
    ],
    ["with a newline", (exchange) => exchange.answer(200, "\n")],
    ["compressed", (exchange) => exchange.answer(200, gzipSync(""), { "content-encoding": "gzip" })],
  ])("that is empty, %s, is not an error", async (_, answer) => {
    expect(await get(answer)).toBeUndefined();
  });

  test("that is not JSON is an error with the body and the request id", async () => {
    const failure = await failureOfGet((exchange) =>
      exchange.answer(200, "<html>hi", { "x-request-id": "r-1" }),
    );
    expect(failure).toBeInstanceOf(SandboxApiException);
    expect(failure).toMatchObject({
      error: { code: "UNEXPECTED_RESPONSE", message: "Expected JSON in the response body." },
      statusCode: 200,
      requestId: "r-1",
      rawBody: "<html>hi",
      sandboxId: "sandbox-1",
    });
  });

  test("that is not JSON is an error if it is chunked as well", async () => {
    const failure = await failureOfGet((exchange) => {
      exchange.chunkedHead();
      exchange.chunk("{");
      exchange.lastChunk();
    });
    expect(failure).toMatchObject({ error: { code: "UNEXPECTED_RESPONSE" }, rawBody: "{" });
  });

  test("must have the expected objects, lists, strings and timestamps", () => {
    const info = { statusCode: 200, requestId: "r-1", sandboxId: "sandbox-1" };
    expect(expectRecord({ a: 1 }, info)).toEqual({ a: 1 });
    expect(() => expectRecord(undefined, info)).toThrow("Expected a JSON object in the response body.");
    expect(() => expectRecord([], info)).toThrow("Expected a JSON object in the response body.");
    expect(expectRecords([{ a: 1 }], info)).toEqual([{ a: 1 }]);
    expect(expectRecords(null, info)).toEqual([]);
    expect(() => expectRecords([1 as never], info)).toThrow("Expected a list of JSON objects");
    expect(expectText("a", "id", info)).toBe("a");
    expect(() => expectText(undefined, "id", info)).toThrow('The response has no "id".');
    expect(expectDate("2026-11-23T17:02:20.207151Z", "createdAt", info)).toEqual(
      new Date("2026-11-23T17:02:20.207Z"),
    );
    expect(() => expectDate("soon", "createdAt", info)).toThrow(
      'The "createdAt" of the response is not a valid timestamp.',
    );
  });

  test("is refused beyond maxResponseBytes, and its connection is closed", async () => {
    await using server = await FaultServer.start((exchange) => {
      exchange.chunkedHead();
      exchange.chunk(`"${"x".repeat(2_000)}`);
    });
    const { client, json } = transportTo(server.origin, { maxResponseBytes: 1_000 });
    expect(await failureOf(client.GET("/things", json()))).toMatchObject({
      name: "SandboxApiException",
      error: {
        code: "UNEXPECTED_RESPONSE",
        message: "The response body exceeds maxResponseBytes of 1000 bytes.",
      },
      sandboxId: "sandbox-1",
    });
    await server.exchange(1).closed;
  });
});

describe("an error contains what the server sent:", () => {
  test.each<[string, number, string, { readonly code?: string; readonly message: string }]>([
    [
      "code and message",
      404,
      '{"code":"A::B","message":"not there"}',
      { code: "A::B", message: "not there" },
    ],
    ["a code alone", 500, '{"code":"RUNTIME_ERROR"}', { code: "RUNTIME_ERROR", message: "RUNTIME_ERROR" }],
    ["a nested error", 400, '{"error":{"code":"X","message":"y"}}', { code: "X", message: "y" }],
    [
      "fields that are not valid",
      422,
      '{"detail":[{"loc":["body","timeout"],"msg":"Input should be a number","type":"t"},{"msg":"Other"}]}',
      { message: "body.timeout: Input should be a number; Other" },
    ],
    ["a detail", 404, '{"detail":"Not Found"}', { message: "Not Found" }],
    ["an error's text", 401, '{"error":"Unauthorized: token"}', { message: "Unauthorized: token" }],
    ["plain text", 404, "404 page not found\n", { message: "404 page not found" }],
    [
      "a gateway's page",
      502,
      "<!DOCTYPE html><html><head><title>\n502 Bad\nGateway</title></head><body>long</body></html>",
      { message: 'HTML response "502 Bad Gateway"; from a gateway in front of the server?' },
    ],
    ["JSON of another shape", 400, '{"reason":1}', { message: '{"reason":1}' }],
    ["half a JSON", 400, '{"code":"A"', { message: '{"code":"A"' }],
    ["nothing", 500, "", { message: "GET /things failed: 500 Some Reason (empty body)." }],
  ])("%s", async (_, status, body, { code = "UNEXPECTED_RESPONSE", message }) => {
    const failure = await failureOfGet((exchange) =>
      exchange.answer(status, body, { "x-request-id": "r-7" }),
    );
    expect(failure).toBeInstanceOf(SandboxApiException);
    expect(failure).toMatchObject({
      error: { code, message },
      statusCode: status,
      rawBody: body,
      requestId: "r-7",
      sandboxId: "sandbox-1",
    });
  });

  test("at most 1,000 characters of it, of at most 64 KiB that are kept", async () => {
    const failure = await failureOfGet((exchange) => exchange.answer(500, "ü".repeat(200_000)));
    expect(failure).toMatchObject({ message: `${"ü".repeat(999)}…` });
    const { rawBody = "" } = failure as SandboxApiException;
    expect(Buffer.byteLength(rawBody)).toBe(64 * 1024);
  });

  test("and only the status if the body breaks off", async () => {
    const failure = await failureOfGet((exchange) => {
      exchange.head(404, { "content-length": "100" });
      exchange.socket.write("", () => exchange.reset());
    });
    expect(failure).toBeInstanceOf(SandboxApiException);
    expect(failure).toMatchObject({ statusCode: 404, error: { code: "UNEXPECTED_RESPONSE" } });
  });

  test("also to a stream", async () => {
    await using server = await FaultServer.start((exchange) =>
      exchange.json(404, { code: "A", message: "b" }),
    );
    const { client, stream } = transportTo(server.origin);
    expect(await failureOf(client.POST("/things", { body: {}, ...stream() }))).toMatchObject({
      statusCode: 404,
      error: { code: "A", message: "b" },
    });
  });
});

describe("whether an error is retryable", () => {
  test.each([
    [408, true, true],
    [425, true, true],
    [429, true, true],
    [503, true, true],
    // The request may have taken effect behind the gateway.
    [502, true, false],
    [504, true, false],
    [500, false, false],
    [404, false, false],
  ])("after %i: a GET %p, a POST %p", async (status, get, post) => {
    await using server = await FaultServer.start((exchange) => exchange.answer(status, "x"));
    const { client, json } = transportTo(server.origin, { retryPolicy: { maxRetries: 0 } });
    expect(await failureOf(client.GET("/things", json()))).toMatchObject({ isRetryable: get });
    expect(await failureOf(client.POST("/things", { body: {}, ...json() }))).toMatchObject({
      isRetryable: post,
    });
  });
});

describe("a request to slow down", () => {
  test("has a class of its own, with the time that the server named", async () => {
    const failure = await failureOfGet((exchange) =>
      exchange.answer(429, "slow down", { "retry-after": "7" }),
    );
    expect(failure).toBeInstanceOf(SandboxRateLimitException);
    expect(failure).toMatchObject({ retryAfterSeconds: 7, isRetryable: true, message: "slow down" });
    expect(await failureOfGet((exchange) => exchange.answer(429, "slow down"))).toMatchObject({
      retryAfterSeconds: undefined,
    });
  });

  test("is waited for, in seconds or until a date, at any status", async () => {
    await using server = await FaultServer.start((exchange, count) => {
      if (count === 1) exchange.answer(503, "", { "retry-after": "7" });
      else if (count === 2) exchange.answer(429, "", { "retry-after": "Wed, 01 Jan 2200 00:00:00 GMT" });
      else if (count === 3) exchange.answer(429, "", { "retry-after": "Wed, 01 Jan 2020 00:00:00 GMT" });
      else exchange.json(200, { a: 1 });
    });
    const clock = new TestClock();
    const { client, json } = transportTo(server.origin, {}, { clock });
    expect((await client.GET("/things", json())).data).toEqual({ a: 1 });
    expect(clock.waits).toEqual([7_000, 60_000, 0]);
  });
});

describe("a timeout", () => {
  test("covers the wait for the headers, is not retried, and closes the connection", async () => {
    await using server = await FaultServer.start(() => undefined);
    const { client, json } = transportTo(server.origin);
    const failure = await failureOf(client.GET("/things", json({ timeoutSeconds: 0.3 })));
    expect(failure).toBeInstanceOf(SandboxTimeoutException);
    expect(failure).toMatchObject({
      error: { code: "REQUEST_TIMEOUT", message: "GET /things did not complete within 0.3 s." },
      isRetryable: true,
      sandboxId: "sandbox-1",
    });
    await server.exchange(1).closed;
    expect(server.exchanges).toHaveLength(1);
  });

  test("covers the reading of the response", async () => {
    await using server = await FaultServer.start((exchange) => {
      exchange.chunkedHead();
      exchange.chunk("{");
    });
    const { client, json } = transportTo(server.origin, { requestTimeoutSeconds: 0.3 });
    const failure = await failureOf(client.POST("/things", { body: {}, ...json() }));
    expect(failure).toMatchObject({ error: { code: "REQUEST_TIMEOUT" }, isRetryable: false });
    await server.exchange(1).closed;
  });

  test("that is null, or longer than a timer can hold, never fires", async () => {
    await using server = await FaultServer.start((exchange) => exchange.json(200, {}));
    const { client, json } = transportTo(server.origin, { requestTimeoutSeconds: 0.000_001 });
    for (const timeoutSeconds of [null, 1e9]) {
      expect((await client.GET("/things", json({ timeoutSeconds }))).data).toEqual({});
    }
  });
});

describe("a redirect", () => {
  test.each([301, 302, 303, 307, 308])(
    "%i to another origin is not followed, and no credential arrives there",
    async (status) => {
      await using elsewhere = await FaultServer.start((exchange) => exchange.json(200, {}));
      await using server = await FaultServer.start((exchange) =>
        exchange.answer(status, "", { location: `${elsewhere.origin}/other?token=secret-token` }),
      );
      const { client, json } = transportTo(server.origin, {}, { server: "lifecycle" });
      const failure = await failureOf(client.POST("/things", { body: {}, ...json() }));
      expect(failure).toBeInstanceOf(SandboxApiException);
      expect(failure).toMatchObject({
        statusCode: status,
        error: { code: "UNEXPECTED_RESPONSE" },
        isRetryable: false,
      });
      expect(String(failure)).toContain(`to ${elsewhere.origin}/other?token=*** (status ${status})`);
      expect(elsewhere.exchanges).toHaveLength(0);
      expect(server.exchanges).toHaveLength(1);
    },
  );

  test("without a location is an error too, and so is an opaque redirect of a browser", async () => {
    expect(await failureOfGet((exchange) => exchange.answer(304))).toMatchObject({ statusCode: 304 });
    const opaque = new Response(null);
    Object.defineProperties(opaque, {
      type: { value: "opaqueredirect" },
      status: { value: 0 },
      ok: { value: false },
    });
    const { client, json } = transportTo("http://sandbox.test", { fetch: () => Promise.resolve(opaque) });
    expect(await failureOf(client.GET("/things", json()))).toMatchObject({
      statusCode: 0,
      error: { code: "UNEXPECTED_RESPONSE" },
    });
  });
});

test("the log has one record per attempt, with status, time and request id", async () => {
  await using server = await FaultServer.start((exchange, count) => {
    if (count === 1) exchange.answer(503, "secret-words", { "x-request-id": "r-1" });
    else exchange.json(200, { a: "secret-data" }, { "x-request-id": "r-2" });
  });
  const logger = new CapturingLogger();
  const { client, json } = transportTo(
    `http://${new URL(server.origin).host}/secret-prefix`,
    { logger, apiKey: "secret-key", headers: { "X-A": "secret-a" }, sandboxHeaders: { "X-B": "secret-b" } },
    { headers: { "X-C": "secret-c" }, server: "lifecycle" },
  );
  await client.GET("/things", { params: { query: { token: "secret-token", page: "2" } }, ...json() });
  expect(logger.records).toEqual([
    "debug lifecycle GET /things?token=***&page=2: status 503 (UNEXPECTED_RESPONSE), 0 ms, request id r-1",
    "warn lifecycle GET /things?token=***&page=2: retry 1 of 3 in 1000 ms, after status 503 (UNEXPECTED_RESPONSE)",
    "debug lifecycle GET /things?token=***&page=2: status 200, 0 ms, request id r-2",
  ]);
  expect(server.exchange(2).headers["x-a"]).toBe("secret-a");
});
