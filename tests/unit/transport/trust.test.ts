import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import type { ConnectionOptions } from "../../../src/connection.js";
import type { ServerKind, Target } from "../../../src/transport/endpoint.js";
import { VERSION } from "../../../src/transport/platform.js";
import { FaultServer, unusedOrigin } from "../../helpers/fault-server.js";
import { CapturingLogger } from "../../helpers/capturing-logger.js";
import { failureOf } from "../../helpers/promises.js";
import { streamOf, TestClock, transportTo } from "./test-transport.js";

/** The headers that a server gets and that matter here. */
async function seenBy(
  server: ServerKind,
  options: ConnectionOptions = {},
  { isLifecycleOrigin = false, path = "" } = {},
): Promise<Record<string, string | undefined>> {
  await using raw = await FaultServer.start((exchange) => exchange.json(200, {}));
  const { client, json } = transportTo(
    raw.origin + path,
    {
      apiKey: "the-key",
      headers: { "X-Lifecycle": "l", "X-Both": "lifecycle" },
      sandboxHeaders: { "X-Sandbox": "s", "X-Both": "sandbox" },
      domain: isLifecycleOrigin ? raw.origin : "lifecycle.test",
      ...options,
    },
    { server, headers: { "X-Endpoint": "e" } },
  );
  await client.POST("/things", { body: {}, ...json() });
  const { headers } = raw.exchange(1);
  return {
    key: headers["open-sandbox-api-key"],
    lifecycle: headers["x-lifecycle"],
    sandbox: headers["x-sandbox"],
    endpoint: headers["x-endpoint"],
    both: headers["x-both"],
  };
}

const proxied = { isLifecycleOrigin: true, path: "/sandboxes/sb/proxy/44772" };
const lifecycleOnly = {
  key: "the-key",
  lifecycle: "l",
  sandbox: undefined,
  endpoint: "e",
  both: "lifecycle",
};
const sandboxOnly = { key: undefined, lifecycle: undefined, sandbox: "s", endpoint: "e", both: "sandbox" };
const everything = { key: "the-key", lifecycle: "l", sandbox: "s", endpoint: "e", both: "sandbox" };

describe("which server gets which headers:", () => {
  test("the lifecycle server gets its key and headers, never those for sandboxes", async () => {
    expect(await seenBy("lifecycle")).toEqual(lifecycleOnly);
  });

  test.each(["execd", "egress"] as const)(
    "%s the endpoint's headers and those for sandboxes, never the key",
    async (server) => {
      expect(await seenBy(server)).toEqual(sandboxOnly);
    },
  );

  test("the lifecycle server's proxy gets all of them, with or without /v1 in its path", async () => {
    expect(await seenBy("execd", { useServerProxy: true }, proxied)).toEqual(everything);
    expect(
      await seenBy("execd", { useServerProxy: true }, { ...proxied, path: `/v1${proxied.path}` }),
    ).toEqual(everything);
  });

  test("a URL that only resembles the proxy gets no key: without the option, at another origin, at another path", async () => {
    expect(await seenBy("execd", { useServerProxy: false }, proxied)).toEqual(sandboxOnly);
    expect(await seenBy("execd", { useServerProxy: true }, { ...proxied, isLifecycleOrigin: false })).toEqual(
      sandboxOnly,
    );
    expect(await seenBy("execd", { useServerProxy: true }, { ...proxied, path: "/proxy/44772" })).toEqual(
      sandboxOnly,
    );
  });

  test("a key among the headers, in any case, overrides the option", async () => {
    expect(await seenBy("lifecycle", { headers: { "Open-Sandbox-Api-Key": "own" } })).toMatchObject({
      key: "own",
    });
  });

  test("without a key none is sent", async () => {
    expect(await seenBy("lifecycle", { apiKey: "" })).toMatchObject({ key: undefined });
  });
});

test("the SDK sets its User-Agent unless the user sets one, and keeps the content type", async () => {
  await using server = await FaultServer.start((exchange) => exchange.json(200, {}));
  const headers = { "user-agent": "mine/1", "Content-Type": "text/plain" };
  for (const options of [{}, { sandboxHeaders: headers }]) {
    const { client, json } = transportTo(server.origin, options);
    await client.POST("/things", { body: {}, ...json() });
  }
  expect(server.exchange(1).headers["user-agent"]).toBe(`opensandbox-code-interpreter-ts/${VERSION}`);
  expect(server.exchange(2).headers["user-agent"]).toBe("mine/1");
  expect(server.exchange(2).headers["content-type"]).toBe("application/json");
  expect(readFileSync("package.json", "utf8")).toContain(`"version": "${VERSION}"`);
});

test("no credential is in a log, an error or its JSON", async () => {
  await using server = await FaultServer.start((exchange, count) => {
    if (count === 1) exchange.reset();
    else if (count === 2)
      exchange.answer(302, "", { location: "http://u:secret-p@other.test/?sig=secret-q" });
    else exchange.chunkedHead();
  });
  const logger = new CapturingLogger();
  const errors: unknown[] = [];
  const { client, json, download } = transportTo(
    `${server.origin}/sb/8080/tl3k9z/0a1b2c3dk`,
    {
      logger,
      apiKey: "secret-key",
      headers: { "X-A": "secret-a" },
      sandboxHeaders: { Authorization: "Bearer secret-b" },
    },
    { headers: { "X-C": "secret-c" } },
  );
  errors.push(
    await failureOf(
      client.POST("/things", { params: { query: { token: "secret-t" } }, body: {}, ...json() }),
    ),
  );
  errors.push(await failureOf(client.POST("/things", { body: {}, ...json() })));
  errors.push(await failureOf(client.POST("/things", { body: {}, ...json({ timeoutSeconds: 0.3 }) })));
  const answer = await client.POST("/things", { body: {}, ...download({ idleTimeoutSeconds: 0.3 }) });
  errors.push(await failureOf(new Response(streamOf(answer)).text()));
  expect(logger.records.length).toBeGreaterThanOrEqual(5);
  const shown = [
    ...logger.records,
    ...errors.map(String),
    ...errors.map((error) => JSON.stringify(error)),
  ].join("\n");
  expect(shown).toContain("STREAM_STALLED");
  expect(shown).toContain("REQUEST_TIMEOUT");
  expect(shown).not.toMatch(/secret|0a1b2c3dk/);
});

describe("an address that changes", () => {
  test("keeps the client, with other headers", async () => {
    await using before = await FaultServer.start((exchange) => exchange.json(200, { at: "before" }));
    await using after = await FaultServer.start((exchange) => exchange.json(200, { at: "after" }));
    const transport = transportTo(before.origin, {}, { headers: { "X-Route": "old", "X-Old": "1" } });
    const { client, json } = transport;
    expect((await client.GET("/things", json())).data).toEqual({ at: "before" });
    transport.transport.retarget({ url: `${after.origin}/base`, headers: { "X-Route": "new" } });
    expect((await client.GET("/things", json())).data).toEqual({ at: "after" });
    expect(after.exchange(1)).toMatchObject({ path: "/base/things", headers: { "x-route": "new" } });
    expect(after.exchange(1).headers["x-old"]).toBeUndefined();
  });

  test("is rejected if it or its headers are not valid, and the old one stays", async () => {
    await using server = await FaultServer.start((exchange) => exchange.json(200, {}));
    const transport = transportTo(server.origin);
    for (const [url, headers] of [
      ["not a URL", {}],
      [server.origin, { "X-A": "a\nb" }],
    ] as const) {
      expect(() => transport.transport.retarget({ url, headers })).toThrow(
        /sent an endpoint that is not valid/,
      );
    }
    expect((await transport.client.GET("/things", transport.json())).data).toEqual({});
  });

  test("is looked up once for all requests when connections fail, and they are sent there", async () => {
    await using after = await FaultServer.start((exchange) => exchange.json(200, {}));
    const url = await unusedOrigin();
    let lookups = 0;
    const clock = new TestClock();
    const refresh = (): Promise<Target> => {
      lookups += 1;
      return new Promise((resolve) =>
        setImmediate(() => resolve({ url: after.origin, headers: { "X-New": "1" } })),
      );
    };
    const { client, json, stream } = transportTo(url, {}, { endpoint: { url, headers: {}, refresh }, clock });
    await Promise.all([
      client.GET("/things", json()),
      client.POST("/things", { body: { a: 1 }, ...json() }),
      client.POST("/things", { body: { a: 1 }, ...stream() }).then(({ data }) => new Response(data).text()),
    ]);
    expect(lookups).toBe(1);
    expect(clock.waits).toEqual([]);
    expect(after.exchanges.map(({ headers }) => headers["x-new"])).toEqual(["1", "1", "1"]);
  });

  test("is not looked up for a POST that may have been sent, nor with `retry: false`", async () => {
    await using server = await FaultServer.start((exchange) => exchange.reset());
    const refresh = (): Promise<never> => {
      throw new Error("It was looked up.");
    };
    const endpoint = { url: server.origin, headers: {}, refresh };
    const { client, json } = transportTo(server.origin, {}, { endpoint });
    await failureOf(client.POST("/things", { body: {}, ...json() }));
    await failureOf(client.GET("/things", json({ retry: false })));
    expect(server.exchanges).toHaveLength(2);
  });

  test.each<[string, () => Promise<Target | undefined>]>([
    ["fails", () => Promise.reject(new Error("lookup"))],
    [
      "throws",
      () => {
        throw new Error("lookup");
      },
    ],
    ["gives nothing", () => Promise.resolve(undefined)],
    ["gives nonsense", () => Promise.resolve({ url: "nonsense", headers: {} })],
  ])(
    "stays, and the failure is that of the connection, when the lookup %s; it is made once per call",
    async (_, refresh) => {
      const url = await unusedOrigin();
      let lookups = 0;
      const counted = (): Promise<Target | undefined> => {
        lookups += 1;
        return refresh();
      };
      const { client, json } = transportTo(url, {}, { endpoint: { url, headers: {}, refresh: counted } });
      expect(String(await failureOf(client.GET("/things", json())))).toContain(
        `GET ${url}/things failed: the connection was refused`,
      );
      expect(lookups).toBe(1);
      await failureOf(client.GET("/things", json()));
      expect(lookups).toBe(2);
    },
  );

  test("stays the one that a resume has set meanwhile, and the call goes there", async () => {
    await using after = await FaultServer.start((exchange) => exchange.json(200, {}));
    const url = await unusedOrigin();
    const refresh = (): Promise<Target> => {
      transport.transport.retarget({ url: after.origin, headers: {} });
      return Promise.resolve({ url: "http://stale.invalid", headers: {} });
    };
    const transport = transportTo(url, {}, { endpoint: { url, headers: {}, refresh } });
    expect((await transport.client.GET("/things", transport.json())).data).toEqual({});
  });
});

describe("the cache of a browser", () => {
  const optionsOfFetch = async (): Promise<object> => {
    const seen: object[] = [];
    const fetch = (_: string, init: RequestInit): Promise<Response> => {
      seen.push(init);
      return Promise.resolve(Response.json({}));
    };
    const { client, json } = transportTo("http://things.test", { fetch });
    await client.GET("/things", json());
    return seen[0] ?? {};
  };

  test.each(["document", "WorkerNavigator"])("is not used if there is a global %s", async (name) => {
    Object.defineProperty(globalThis, name, { value: {}, configurable: true });
    try {
      expect(await optionsOfFetch()).toMatchObject({ cache: "no-store" });
    } finally {
      Reflect.deleteProperty(globalThis, name);
    }
  });

  test("is not set elsewhere, since some platforms refuse the option", async () => {
    expect(await optionsOfFetch()).not.toHaveProperty("cache");
  });
});
