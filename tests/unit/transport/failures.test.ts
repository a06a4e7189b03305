import { createServer, type Server } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { once } from "node:events";
import { describe, expect, test } from "@jest/globals";
import { SandboxConnectionException, SandboxException } from "../../../src/errors.js";
import { describeConnectionFailure, isNotSent } from "../../../src/transport/connection-failure.js";
import { FaultServer, unusedOrigin } from "../../helpers/fault-server.js";
import { failureOf } from "../../helpers/promises.js";
import { TestClock, transportTo } from "./test-transport.js";

function portOf(server: Server): number {
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("It does not listen.");
  return address.port;
}

describe("a refused connection", () => {
  test("names the address, and is retried", async () => {
    const origin = await unusedOrigin();
    const clock = new TestClock();
    const { client, json } = transportTo(origin, {}, { clock });
    const failure = await failureOf(client.POST("/things", { body: {}, ...json() }));
    expect(failure).toBeInstanceOf(SandboxConnectionException);
    expect(failure).toMatchObject({
      error: { code: "CONNECTION" },
      isRetryable: true,
      sandboxId: "sandbox-1",
    });
    expect(String(failure)).toContain(
      `POST ${origin}/things failed: the connection was refused; nothing listens there [connect ECONNREFUSED ${new URL(origin).host}]`,
    );
    expect(failure).toMatchObject({ cause: { name: "TypeError", message: "fetch failed" } });
    expect(clock.waits).toHaveLength(3);
    expect(String(failure)).not.toContain("serve");
  });

  test("to a lifecycle server on this machine says how to start one, and is not retried", async () => {
    const origin = await unusedOrigin();
    const clock = new TestClock();
    const { client, json } = transportTo(origin, {}, { clock, server: "lifecycle" });
    const failure = await failureOf(client.GET("/things", json()));
    expect(failure).toMatchObject({ error: { code: "CONNECTION" }, isRetryable: true });
    expect(String(failure)).toContain(
      `[connect ECONNREFUSED ${new URL(origin).host}]. Start a local server with "npx opensandbox-code-interpreter serve", or set OPEN_SANDBOX_DOMAIN or "domain" to the address of another.`,
    );
    expect(clock.waits).toEqual([]);
  });

  test("to a lifecycle server elsewhere is retried, without that hint", async () => {
    const clock = new TestClock();
    const cause = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
    const fetch = () => Promise.reject(new TypeError("fetch failed", { cause }));
    const { client, json } = transportTo("http://there.test", { fetch }, { clock, server: "lifecycle" });
    const failure = await failureOf(client.GET("/things", json()));
    expect(clock.waits).toHaveLength(3);
    expect(String(failure)).not.toContain("serve");
  });

  test("is retried for a stream as well, which then starts", async () => {
    let sent = 0;
    await using server = await FaultServer.start((exchange) => exchange.answer(200, "data"));
    const fetch = (url: string, init: RequestInit): Promise<Response> => {
      sent += 1;
      return sent === 1
        ? Promise.reject(
            new TypeError("fetch failed", {
              cause: Object.assign(new Error("connect"), { code: "EHOSTUNREACH" }),
            }),
          )
        : globalThis.fetch(url, init);
    };
    const { client, stream } = transportTo(server.origin, { fetch });
    const { data } = await client.POST("/things", { body: { a: 1 }, ...stream() });
    expect(await new Response(data).text()).toBe("data");
    expect(await server.exchange(1).body).toBe('{"a":1}');
  });
});

describe("a reset before the headers", () => {
  test("is retried for GET, with the same query and headers", async () => {
    await using server = await FaultServer.start((exchange, count) => {
      if (count === 1) exchange.reset();
      else exchange.json(200, { a: 1 });
    });
    const { client, json } = transportTo(server.origin, {}, { headers: { "X-Route": "r" } });
    const { data } = await client.GET("/things", { params: { query: { q: "1" } }, ...json() });
    expect(data).toEqual({ a: 1 });
    expect(server.exchanges.map(({ path, headers }) => [path, headers["x-route"]])).toEqual([
      ["/things?q=1", "r"],
      ["/things?q=1", "r"],
    ]);
  });

  test("is retried for PUT, with the same body", async () => {
    await using server = await FaultServer.start((exchange, count) => {
      if (count === 1)
        exchange.body.then(
          () => exchange.reset(),
          () => undefined,
        );
      else exchange.json(200, {});
    });
    const { client, json } = transportTo(server.origin);
    await client.PUT("/things", { body: { a: "ü" }, ...json() });
    expect(await server.exchange(1).body).toBe('{"a":"ü"}');
    expect(await server.exchange(2).body).toBe('{"a":"ü"}');
  });

  test.each(["POST", "PATCH"] as const)(
    "is not retried for %s, which may have taken effect",
    async (method) => {
      await using server = await FaultServer.start((exchange) => {
        exchange.body.then(
          () => exchange.reset(),
          () => undefined,
        );
      });
      const { client, json } = transportTo(server.origin);
      const init = { body: {}, ...json() };
      const failure = await failureOf(
        method === "POST" ? client.POST("/things", init) : client.PATCH("/things", init),
      );
      expect(failure).toBeInstanceOf(SandboxConnectionException);
      expect(failure).toMatchObject({ error: { code: "CONNECTION" }, isRetryable: false });
      expect(server.exchanges).toHaveLength(1);
    },
  );

  test("is not retried for a stream, even with GET, or with `retry: false`", async () => {
    await using server = await FaultServer.start((exchange) => exchange.reset());
    const { client, json, stream } = transportTo(server.origin);
    await failureOf(client.POST("/things", { body: {}, ...stream() }));
    await failureOf(client.GET("/things", stream()));
    await failureOf(
      client.DELETE("/things/{id}", { params: { path: { id: "a" } }, ...json({ retry: false }) }),
    );
    expect(server.exchanges.map(({ method }) => method)).toEqual(["POST", "GET", "DELETE"]);
  });
});

test("a connection that breaks while a response is read is retried for GET, and the message says so", async () => {
  await using server = await FaultServer.start((exchange) => {
    exchange.chunkedHead();
    exchange.chunk('{"a":');
    exchange.socket.end();
  });
  const { client, json } = transportTo(server.origin);
  const failure = await failureOf(client.GET("/things", json()));
  expect(failure).toBeInstanceOf(SandboxConnectionException);
  expect(failure).toMatchObject({ error: { code: "CONNECTION" }, isRetryable: true });
  expect(String(failure)).toContain("/things failed while its response was read: ");
  expect(server.exchanges).toHaveLength(4);
});

test("a response that is shorter than its content-length is an error", async () => {
  await using server = await FaultServer.start((exchange) => {
    exchange.head(200, { "content-length": "100" });
    exchange.socket.end('{"a":1}');
  });
  const { client, json } = transportTo(server.origin);
  expect(await failureOf(client.POST("/things", { body: {}, ...json() }))).toMatchObject({
    error: { code: "CONNECTION" },
  });
});

test("a request to a name that cannot be looked up is known not to be sent", async () => {
  const { client, json } = transportTo("http://no-such-host.invalid");
  const failure = await failureOf(client.POST("/things", { body: {}, ...json() }));
  expect(failure).toMatchObject({ error: { code: "CONNECTION" }, isRetryable: true });
  expect((failure as SandboxConnectionException).isNotSent).toBe(true);
});

test("a request to a server without TLS is known not to be sent, and the message suggests the protocol", async () => {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    // Any server of plain HTTP answers a ClientHello with a complaint.
    socket.once("data", () => socket.end("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n"));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { client, json } = transportTo(`https://127.0.0.1:${portOf(server)}`, {
    retryPolicy: { maxRetries: 0 },
  });
  const failure = await failureOf(client.POST("/things", { body: {}, ...json() }));
  server.close();
  await once(server, "close");
  expect((failure as SandboxConnectionException).isNotSent).toBe(true);
  expect(String(failure)).toContain("the TLS handshake failed; is it http, not https?");
});

test("a request whose handshake fails is known not to be sent", async () => {
  // Without a certificate no handshake succeeds.
  const server = createTlsServer().listen(0, "127.0.0.1");
  server.on("tlsClientError", () => undefined);
  await once(server, "listening");
  const { client, json } = transportTo(`https://127.0.0.1:${portOf(server)}`, {
    retryPolicy: { maxRetries: 0 },
  });
  const failure = await failureOf(client.POST("/things", { body: {}, ...json() }));
  server.close();
  await once(server, "close");
  expect(failure).toMatchObject({ error: { code: "CONNECTION" } });
  expect((failure as SandboxConnectionException).isNotSent).toBe(true);
});

describe("the cause of a failure", () => {
  const coded = (code: string, others: Record<string, unknown> = {}): Error =>
    Object.assign(new Error(`some ${code}`), { code, ...others });
  const wrapped = (cause: unknown): Error => new TypeError("fetch failed", { cause });

  test.each<[string, unknown, boolean]>([
    ["a refused connection", wrapped(coded("ECONNREFUSED")), true],
    [
      "several, all refused",
      wrapped(new AggregateError([coded("ECONNREFUSED"), coded("ENETUNREACH")])),
      true,
    ],
    [
      "several, one of them reset",
      wrapped(new AggregateError([coded("ECONNREFUSED"), coded("ECONNRESET")])),
      false,
    ],
    [
      "several, with their code",
      wrapped(Object.assign(new AggregateError([]), { code: "ECONNREFUSED" })),
      true,
    ],
    ["a lookup", wrapped(coded("EAI_AGAIN", { syscall: "getaddrinfo" })), true],
    ["a timeout of connecting", wrapped(coded("UND_ERR_CONNECT_TIMEOUT")), true],
    ["a system's timeout of connecting", wrapped(coded("ETIMEDOUT", { syscall: "connect" })), true],
    ["a system's timeout of reading", wrapped(coded("ETIMEDOUT", { syscall: "read" })), false],
    ...[
      "DEPTH_ZERO_SELF_SIGNED_CERT",
      "SELF_SIGNED_CERT_IN_CHAIN",
      "CERT_HAS_EXPIRED",
      "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
      "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
      "ERR_TLS_CERT_ALTNAME_INVALID",
      "ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE",
      "ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE",
      "ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL",
    ].map<[string, unknown, boolean]>((code) => [code, wrapped(coded(code)), true]),
    [
      "an alert that may come after the handshake",
      wrapped(coded("ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED")),
      false,
    ],
    ["a reset", wrapped(coded("ECONNRESET")), false],
    ["the other side's end", wrapped(coded("UND_ERR_SOCKET")), false],
    ["something else", new Error("boom"), false],
    ["nothing", undefined, false],
  ])("%s: known not to be sent? %#", (_, error, expected) => {
    expect(isNotSent(error)).toBe(expected);
  });

  test("is described by the innermost cause that has a message", () => {
    expect(describeConnectionFailure(wrapped(coded("ECONNRESET")))).toBe(
      "the server closed the connection [some ECONNRESET]",
    );
    expect(
      describeConnectionFailure(
        wrapped(Object.assign(new AggregateError([coded("ECONNREFUSED")]), { code: "ECONNREFUSED" })),
      ),
    ).toBe("the connection was refused; nothing listens there [some ECONNREFUSED]");
    expect(describeConnectionFailure("a string")).toBe("a string");
    expect(describeConnectionFailure(new Error(""))).toBe("no reason given");
  });

  test("may be circular", () => {
    const error = new Error("round");
    error.cause = error;
    expect(isNotSent(error)).toBe(false);
    expect(describeConnectionFailure(error)).toBe("round");
  });
});

describe("a custom fetch", () => {
  test("that throws or rejects with any value fails the call, with the value as cause", async () => {
    const own = { not: "an error" };
    for (const fetch of [
      () => {
        throw own as unknown as Error;
      },
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- users' code does so
      () => Promise.reject(own),
    ]) {
      const { client, json } = transportTo("http://sandbox.test", { fetch });
      const failure = await failureOf(client.POST("/things", { body: {}, ...json() }));
      expect(failure).toBeInstanceOf(SandboxConnectionException);
      expect((failure as Error).cause).toBe(own);
    }
  });

  test("that returns a value that is not a Response fails the call with an exception of the library", async () => {
    const nonsense: unknown = { ok: true, status: 200, headers: new Map(), body: {} };
    const fetch = (): Promise<Response> => Promise.resolve(nonsense as Response);
    const { client, json, stream } = transportTo("http://sandbox.test", { fetch });
    for (const init of [json(), stream()]) {
      expect(await failureOf(client.GET("/things", init))).toBeInstanceOf(SandboxException);
    }
  });

  test("may throw an exception of the library, which is passed on", async () => {
    const own = new SandboxException({ code: "CLOSED", message: "the local server is closed" });
    const { client, json } = transportTo("http://sandbox.test", { fetch: () => Promise.reject(own) });
    expect(await failureOf(client.POST("/things", { body: {}, ...json() }))).toBe(own);
  });
});

describe("arguments that no URL can hold are refused before anything is sent:", () => {
  const { client, json } = transportTo("http://sandbox.test", {
    fetch: () => Promise.reject(new Error("It was sent.")),
  });

  test.each(["", ".", ".."])("%j as a part of the path", async (id) => {
    expect(
      await failureOf(client.GET("/things/{id}", { params: { path: { id } }, ...json() })),
    ).toMatchObject({
      error: { code: "INVALID_ARGUMENT" },
    });
  });

  test("a lone surrogate in path and query", async () => {
    const half = "\ud800";
    expect(
      await failureOf(client.GET("/things/{id}", { params: { path: { id: half } }, ...json() })),
    ).toMatchObject({
      error: { code: "INVALID_ARGUMENT" },
    });
    expect(await failureOf(client.GET("/things", { params: { query: { half } }, ...json() }))).toMatchObject({
      error: { code: "INVALID_ARGUMENT" },
    });
  });
});

test("path and query values arrive unchanged, whatever characters they have", async () => {
  await using server = await FaultServer.start((exchange) => exchange.json(200, {}));
  const { client, json } = transportTo(`${server.origin}/base/`);
  await client.GET("/things/{id}", {
    params: { path: { id: "a/../b?c#d%2e" }, query: { q: "a&b=c+d e/ü" } },
    ...json(),
  });
  expect(server.exchange(1).path).toBe("/base/things/a%2F..%2Fb%3Fc%23d%252e?q=a%26b%3Dc%2Bd%20e%2F%C3%BC");
});
