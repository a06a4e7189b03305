import { describe, expect, test, beforeEach } from "@jest/globals";
import { CodeInterpreter } from "../../src/code-interpreter.js";
import { InvalidArgumentException } from "../../src/errors.js";
import { Sandbox, type SandboxConnectOptions } from "../../src/sandbox.js";
import { toWire } from "../helpers/wire.js";
import { errorResponse, EXECD, FakeLifecycle, ID, sandboxJson } from "../helpers/fake-server.js";
import { failureOf, settle } from "../helpers/promises.js";
import { complete, init, stdout } from "../helpers/scripted-run.js";

const INFO = `GET /sandboxes/${ID}`;
const DELETE = `DELETE /sandboxes/${ID}`;
const RESUME = `POST /sandboxes/${ID}/resume`;
const ENDPOINT = `${INFO}/endpoints/44772`;
const GONE = "DOCKER::SANDBOX_NOT_FOUND";

let server: FakeLifecycle;
beforeEach(() => {
  server = new FakeLifecycle();
});

const connect = (options: Partial<SandboxConnectOptions> = {}): Promise<Sandbox> =>
  Sandbox.connect({ sandboxId: ID, connectionConfig: server.config(), ...options });

/** A run that continues until the test ends it or its request is aborted. */
function runThatGoesOn(): { finish(): void; readonly isAborted: () => boolean } {
  let body: ReadableStreamDefaultController<Uint8Array> | undefined;
  let isAborted = false;
  const send = (...events: Parameters<typeof toWire>[0][]): void => {
    for (const event of events)
      body?.enqueue(new TextEncoder().encode(`${JSON.stringify(toWire(event))}\n\n`));
  };
  server.on("POST /command", ({ signal }) => {
    const stream = new ReadableStream<Uint8Array>({
      start: (controller) => {
        body = controller;
        send(init());
        signal.addEventListener("abort", () => {
          isAborted = true;
          controller.error(signal.reason);
        });
      },
    });
    return new Response(stream, { headers: { "content-type": "text/event-stream" } });
  });
  return {
    finish: () => {
      send(stdout("done"), complete);
    },
    isAborted: () => isAborted,
  };
}

describe("connect", () => {
  test("refuses a missing id", async () => {
    for (const sandboxId of [undefined, "", " ", 5] as unknown as string[]) {
      expect(await failureOf(connect({ sandboxId }))).toBeInstanceOf(InvalidArgumentException);
    }
    expect(server.requests).toHaveLength(0);
  });

  test("does not change a sandbox that is not ready", async () => {
    server.on("GET /ping", () => errorResponse(401, "X"));
    await failureOf(connect());
    expect(server.routes).toEqual([ENDPOINT, "GET /ping"]);
  });

  test("reaches execd under a path, with the endpoint's headers", async () => {
    server.on(ENDPOINT, () =>
      Response.json({ endpoint: `gate.test/${ID}/44772`, headers: { "x-route": "r" } }),
    );
    server.on(`GET /${ID}/44772/ping`, () => new Response(null));
    await connect();
    expect(server.only(`GET /${ID}/44772/ping`).headers.get("x-route")).toBe("r");
  });
});

const DOCKER = "docker.test:40000";
/** The address that Docker's bridge mode gives: execd's own proxy, to itself. */
const OWN_PROXY = `${DOCKER}/proxy/44772`;

describe("an endpoint that is execd's own proxy", () => {
  beforeEach(() => {
    server.on(ENDPOINT, () => Response.json({ endpoint: OWN_PROXY, headers: { "x-token": "t" } }));
    server.on("GET /proxy/44772/ping", () => new Response(null));
  });

  test("is removed if execd responds without it", async () => {
    const sandbox = await connect();
    const [ping] = server.requests.filter(({ url }) => url.pathname === "/ping");
    expect([ping?.url.host, ping?.headers.get("x-token")]).toEqual([DOCKER, "t"]);
    await sandbox.health.ping();
    expect(server.requests.at(-1)?.url.href).toBe(`http://${DOCKER}/ping`);
  });

  test("is removed again after a resume", async () => {
    const sandbox = await connect();
    server.on(ENDPOINT, () => Response.json({ endpoint: "docker.test:40001/proxy/44772" }));
    await sandbox.resume();
    await sandbox.health.ping();
    expect(server.requests.at(-1)?.url.href).toBe("http://docker.test:40001/ping");
  });

  test("is used if nothing else responds", async () => {
    server.on("GET /ping", () => new Response(null, { status: 404 }));
    const sandbox = await connect();
    await sandbox.health.ping();
    expect(server.requests.at(-1)?.url.href).toBe(`http://${OWN_PROXY}/ping`);
  });

  test("is not confused with the lifecycle server's proxy", async () => {
    const path = `/sandboxes/${ID}/proxy/44772`;
    server.on(ENDPOINT, () => Response.json({ endpoint: `lifecycle.test/v1${path}` }));
    server.on(`GET ${path}/ping`, () => new Response(null));
    await connect();
    expect(server.routes).toEqual([ENDPOINT, `GET ${path}/ping`]);
  });
});

describe("resume", () => {
  test("as a static method resumes, then connects", async () => {
    const sandbox = await Sandbox.resume({ sandboxId: ID, connectionConfig: server.config() });
    expect(server.routes).toEqual([RESUME, ENDPOINT, "GET /ping"]);
    expect(sandbox.id).toBe(ID);
  });

  test("as a static method fails if the sandbox is not paused", async () => {
    server.on(RESUME, () => errorResponse(409, "DOCKER::SANDBOX_NOT_PAUSED"));
    const failure = failureOf(Sandbox.resume({ sandboxId: ID, connectionConfig: server.config() }));
    expect(await failure).toMatchObject({ statusCode: 409, sandboxId: ID });
    expect(server.routes).toEqual([RESUME]);
  });

  test("of an instance moves it to the new address", async () => {
    const sandbox = await connect();
    await sandbox.pause();
    server.on(ENDPOINT, () => Response.json({ endpoint: "moved.test:1", headers: { "x-new": "1" } }));
    expect(await sandbox.resume()).toBe(sandbox);
    expect(await sandbox.isHealthy()).toBe(true);
    const ping = server.requests.at(-1);
    expect([ping?.url.href, ping?.headers.get("x-new")]).toEqual(["http://moved.test:1/ping", "1"]);
  });

  test.each<[string, () => void]>([
    ["is refused", () => server.on(RESUME, () => errorResponse(409, "DOCKER::SANDBOX_NOT_PAUSED"))],
    ["finds no endpoint", () => server.on(ENDPOINT, () => errorResponse(403, "X"))],
    ["gets an invalid endpoint", () => server.on(ENDPOINT, () => Response.json({ endpoint: "ftp://a b" }))],
    [
      "finds a sandbox that is not ready",
      () =>
        server.on("GET /ping", ({ url }) =>
          url.host === EXECD ? new Response(null) : errorResponse(401, "X"),
        ),
    ],
  ])("that %s changes nothing, and a run continues", async (_, breakIt) => {
    const sandbox = await connect();
    const goesOn = runThatGoesOn();
    const run = sandbox.commands.run("sleep 1");
    await settle();
    server.on(ENDPOINT, () => Response.json({ endpoint: "moved.test:1" }));
    breakIt();
    await failureOf(sandbox.resume());
    goesOn.finish();
    expect((await run).stdout).toBe("done\n");
    expect(await sandbox.isHealthy()).toBe(true);
    expect(server.requests.at(-1)?.url.host).toBe(EXECD);
  });

  test("of an instance that is closed meanwhile ends with CLOSED", async () => {
    const sandbox = await connect();
    const healthCheck = async (): Promise<boolean> => {
      await sandbox.close();
      return true;
    };
    expect(await failureOf(sandbox.resume({ healthCheck }))).toMatchObject({ error: { code: "CLOSED" } });
  });
});

describe("kill", () => {
  test("ends the sandbox; a second call sends nothing and succeeds", async () => {
    const sandbox = await connect();
    await sandbox.kill();
    await sandbox.kill();
    expect(server.routes.filter((route) => route === DELETE)).toHaveLength(1);
  });

  test("ends current and later calls to the sandbox at once", async () => {
    const run = runThatGoesOn();
    const sandbox = await connect();
    const { codes } = await CodeInterpreter.create(sandbox);
    const failed = failureOf(sandbox.commands.run("sleep 9"));
    await settle();
    await sandbox.kill();
    expect(await failed).toMatchObject({ code: "CLOSED" });
    expect(run.isAborted()).toBe(true);
    const before = server.requests.length;
    for (const call of [
      () => sandbox.commands.run("ls"),
      () => sandbox.files.readFile("/a"),
      () => codes.run("1"),
      () => sandbox.getMetrics(),
      () => sandbox.isHealthy(),
    ]) {
      expect(await failureOf(call())).toMatchObject({ code: "CLOSED", sandboxId: ID });
    }
    expect(server.requests).toHaveLength(before);
  });

  test("that fails does not change the instance", async () => {
    const sandbox = await connect();
    server.on(DELETE, () => errorResponse(403, "FORBIDDEN"));
    await failureOf(sandbox.kill());
    expect(await sandbox.isHealthy()).toBe(true);
  });

  test("of a sandbox that is gone throws the first time, and then succeeds", async () => {
    const sandbox = await connect();
    server.on(DELETE, () => errorResponse(404, GONE, { headers: { "x-request-id": "r-1" } }));
    expect(await failureOf(sandbox.kill())).toMatchObject({
      statusCode: 404,
      error: { code: GONE },
      sandboxId: ID,
      requestId: "r-1",
    });
    await sandbox.kill();
  });

  test("treats a 404 after a retry as success", async () => {
    server.on(DELETE, (_, count) =>
      count === 1 ? new Response("", { status: 503 }) : errorResponse(404, GONE),
    );
    const sandbox = await connect({
      connectionConfig: server.config({ retryPolicy: { initialBackoffMillis: 1 } }),
    });
    await sandbox.kill();
    expect(server.routes.filter((route) => route === DELETE)).toHaveLength(2);
  });

  test("does not treat a 404 after a refused connection as success", async () => {
    server.on(DELETE, (_, count) => {
      if (count > 1) return errorResponse(404, GONE);
      throw Object.assign(new TypeError("fetch failed"), {
        cause: Object.assign(new Error(""), { code: "ECONNREFUSED" }),
      });
    });
    const sandbox = await connect({
      connectionConfig: server.config({ retryPolicy: { initialBackoffMillis: 1 } }),
    });
    expect(await failureOf(sandbox.kill())).toMatchObject({ statusCode: 404 });
  });

  test("called several times at once sends one request", async () => {
    const sandbox = await connect();
    await Promise.all([sandbox.kill(), sandbox.kill(), sandbox.kill()]);
    expect(server.routes.filter((route) => route === DELETE)).toHaveLength(1);
  });

  test("called while another one fails sends its own request", async () => {
    const sandbox = await connect();
    server.on(DELETE, (_, count) =>
      count === 1 ? errorResponse(409, "X") : new Response(null, { status: 204 }),
    );
    const [first, second] = await Promise.allSettled([sandbox.kill(), sandbox.kill()]);
    expect([first.status, second.status]).toEqual(["rejected", "fulfilled"]);
  });

  test("ends with its own signal while another one is under way", async () => {
    const sandbox = await connect();
    server.hang(DELETE);
    const first = failureOf(sandbox.kill());
    const controller = new AbortController();
    const second = failureOf(sandbox.kill({ signal: controller.signal }));
    await settle();
    controller.abort("enough");
    expect(await second).toBe("enough");
    await sandbox.close();
    expect(await first).toMatchObject({ error: { code: "CLOSED" } });
    expect(await failureOf(sandbox.kill({ signal: controller.signal }))).toBe("enough");
  });
});

test("every method refuses an invalid signal before anything is sent", async () => {
  const sandbox = await connect();
  const { codes } = await CodeInterpreter.create(sandbox);
  const before = server.requests.length;
  for (const value of ["now", {}, new AbortController()] as unknown as AbortSignal[]) {
    const options = { signal: value };
    const calls: (() => PromiseLike<unknown>)[] = [
      () => Sandbox.create({ connectionConfig: server.config(), ...options }),
      () => connect(options),
      () => sandbox.getInfo(options),
      () => sandbox.kill(options),
      () => sandbox.waitUntilReady(options),
      () => sandbox.files.readFile("/a", options),
      () => sandbox.files.upload("/nowhere", "/a", options),
      () => sandbox.metrics.watch(options)[Symbol.asyncIterator]().next(),
      () => sandbox.commands.run("true", options),
      () => sandbox.commands.runStream("true", options)[Symbol.asyncIterator]().next(),
      () => codes.run("1", options),
      () => CodeInterpreter.create(sandbox, options),
    ];
    for (const call of calls) expect(await failureOf(call())).toBeInstanceOf(InvalidArgumentException);
  }
  expect(server.requests).toHaveLength(before);
});

test("waiting until it is ready finds the new address of a sandbox that was resumed elsewhere", async () => {
  const sandbox = await connect();
  server.on(ENDPOINT, () => Response.json({ endpoint: "elsewhere.test/b" }));
  server.on("GET /b/ping", () => new Response(null));
  server.on("GET /ping", () => {
    throw new TypeError("fetch failed");
  });
  await sandbox.waitUntilReady({ healthCheckPollingIntervalMillis: 1 });
  expect(server.routes.slice(2)).toEqual(["GET /ping", ENDPOINT, INFO, "GET /b/ping"]);
});

describe("close", () => {
  test("ends current and later calls with CLOSED, and keeps the sandbox", async () => {
    const sandbox = await connect();
    const goesOn = runThatGoesOn();
    const run = failureOf(sandbox.commands.run("sleep 1"));
    server.hang(INFO);
    const asked = failureOf(sandbox.getInfo());
    await settle();
    await sandbox.close();
    await sandbox.close();
    expect(await run).toMatchObject({ error: { code: "CLOSED" }, sandboxId: ID });
    expect(goesOn.isAborted()).toBe(true);
    expect(await asked).toMatchObject({ error: { code: "CLOSED" }, sandboxId: ID });
    const before = server.requests.length;
    const calls: (() => PromiseLike<unknown>)[] = [
      () => sandbox.getInfo(),
      () => sandbox.isHealthy(),
      () => sandbox.commands.run("x"),
      () => sandbox.files.readFile("/x"),
      () => sandbox.getMetrics(),
      () => sandbox.kill(),
      () => sandbox.renew(60),
      () => sandbox.resume(),
      () => sandbox.waitUntilReady(),
      () => sandbox.getEndpoint(80),
    ];
    for (const call of calls) expect(await failureOf(call())).toMatchObject({ error: { code: "CLOSED" } });
    expect(server.requests).toHaveLength(before);
    expect(server.routes).not.toContain(DELETE);
  });

  test("of one instance does not affect another one of the same sandbox", async () => {
    const connectionConfig = server.config();
    const [one, other] = [await connect({ connectionConfig }), await connect({ connectionConfig })];
    await one.close();
    expect(await other.isHealthy()).toBe(true);
  });
});

describe("await using", () => {
  const use = async (options: Partial<SandboxConnectOptions>, body?: (sandbox: Sandbox) => Promise<void>) => {
    await using sandbox = await connect(options);
    await body?.(sandbox);
    return sandbox;
  };

  test("closes, and keeps the sandbox", async () => {
    expect(await failureOf((await use({})).getInfo())).toMatchObject({ error: { code: "CLOSED" } });
    expect(server.routes).not.toContain(DELETE);
  });

  test("kills first with killOnDispose", async () => {
    const sandbox = await use({ killOnDispose: true });
    expect(server.routes.at(-1)).toBe(DELETE);
    expect(await failureOf(sandbox.getInfo())).toMatchObject({ error: { code: "CLOSED" } });
  });

  test("ignores that the sandbox is gone, or was killed or closed before", async () => {
    server.on(DELETE, () => errorResponse(404, GONE));
    await use({ killOnDispose: true });
    await use({ killOnDispose: true }, (sandbox) => sandbox.close());
    server.on(DELETE, () => new Response(null, { status: 204 }));
    await use({ killOnDispose: true }, (sandbox) => sandbox.kill());
  });

  test("throws if it could not kill, and still closes", async () => {
    server.on(DELETE, () => errorResponse(403, "X"));
    let used: Sandbox | undefined;
    const failure = failureOf(
      use({ killOnDispose: true }, (sandbox) => {
        used = sandbox;
        return Promise.resolve();
      }),
    );
    expect(await failure).toMatchObject({ statusCode: 403 });
    expect(await failureOf(used?.getInfo() ?? Promise.resolve())).toMatchObject({
      error: { code: "CLOSED" },
    });
  });
});

describe("renew", () => {
  test("sends the time in that many seconds, and returns the server's", async () => {
    const route = `POST /sandboxes/${ID}/renew-expiration`;
    server.on(route, () => Response.json({ expiresAt: "2030-01-01T00:00:00.5Z" }));
    const sandbox = await connect();
    const [before, renewed, after] = [Date.now(), await sandbox.renew(90.5), Date.now()];
    expect(renewed).toEqual(new Date("2030-01-01T00:00:00.500Z"));
    const sent = Date.parse((server.only(route).body as { expiresAt: string }).expiresAt) - 90_500;
    expect(sent).toBeGreaterThanOrEqual(before);
    expect(sent).toBeLessThanOrEqual(after);
  });

  test.each([0, -1, Number.NaN, Infinity, 1e15, "60", undefined])("refuses %p", async (seconds) => {
    const sandbox = await connect();
    const failure = await failureOf(sandbox.renew(seconds as number));
    expect(failure).toBeInstanceOf(InvalidArgumentException);
    expect(failure).toMatchObject({ sandboxId: ID });
  });

  test("fails if the response has no time", async () => {
    server.on(`POST /sandboxes/${ID}/renew-expiration`, () => Response.json({ expiresAt: "soon" }));
    expect(await failureOf((await connect()).renew(60))).toMatchObject({
      error: { code: "UNEXPECTED_RESPONSE" },
      sandboxId: ID,
    });
  });
});

describe("patchMetadata", () => {
  const PATCH = `PATCH /sandboxes/${ID}/metadata`;

  test("sends null for deleted entries, and leaves out undefined ones", async () => {
    server.on(PATCH, () => Response.json(sandboxJson(ID, { metadata: { a: "b" } })));
    const patch = { a: "b", c: null, d: undefined } as unknown as Record<string, string>;
    expect(await (await connect()).patchMetadata(patch)).toMatchObject({ metadata: { a: "b" } });
    expect(server.only(PATCH).body).toEqual({ a: "b", c: null });
  });

  test.each<unknown>([
    undefined,
    null,
    [],
    "a",
    { a: 1 },
    { a: "x y" },
    { "a b": null },
    { "opensandbox.io/a": null },
  ])("refuses %j", async (patch) => {
    const failure = failureOf((await connect()).patchMetadata(patch as Record<string, string>));
    expect(await failure).toBeInstanceOf(InvalidArgumentException);
  });
});

describe("endpoints", () => {
  const PORT = `${INFO}/endpoints/8080`;

  test.each<[string, string, Parameters<FakeLifecycle["config"]>[0], string]>([
    ["an authority", "h.test:1", {}, "http://h.test:1"],
    ["an authority and a path", "h.test/a/b/", {}, "http://h.test/a/b"],
    ["the config's scheme", "h.test", { protocol: "https" }, "https://h.test"],
    ["a scheme of its own", "HTTPS://h.test/x", {}, "https://h.test/x"],
    [
      "an older server's proxy",
      "lifecycle.test/sandboxes/s/proxy/8080",
      { useServerProxy: true },
      "http://lifecycle.test/sandboxes/s/proxy/8080",
    ],
    [
      "a newer server's proxy",
      "lifecycle.test/v1/sandboxes/s/proxy/8080",
      { useServerProxy: true },
      "http://lifecycle.test/v1/sandboxes/s/proxy/8080",
    ],
    [
      "a proxy behind a path prefix",
      "inner:8080/v1/sandboxes/s/proxy/8080",
      { useServerProxy: true, domain: "https://g.test/api" },
      "https://g.test/api/v1/sandboxes/s/proxy/8080",
    ],
    [
      "a proxy behind TLS",
      "g.test/sandboxes/s/proxy/8080",
      { useServerProxy: true, domain: "https://g.test" },
      "https://g.test/sandboxes/s/proxy/8080",
    ],
  ])("with %s", async (_, endpoint, options, url) => {
    const connectionConfig = server.config(options);
    server.on(PORT, () => Response.json({ endpoint, headers: { "x-h": "1" } }));
    const sandbox = await connect({ connectionConfig, skipHealthCheck: true });
    expect(await sandbox.getEndpoint(8080)).toEqual({ url, headers: { "x-h": "1" } });
    expect(server.requests.map(({ url }) => url.search)).toEqual(
      Array.from({ length: 2 }, () => `?use_server_proxy=${String(connectionConfig.useServerProxy)}`),
    );
  });

  test("that are signed are requested without the proxy, until whole seconds", async () => {
    const sandbox = await connect({
      connectionConfig: server.config({ useServerProxy: true }),
      skipHealthCheck: true,
    });
    server.on(PORT, () => Response.json({ endpoint: "s-8080-x-y.gate.test" }));
    const at = new Date("2100-01-01T00:00:00.900Z");
    expect(await sandbox.getSignedEndpoint(8080, at)).toMatchObject({ url: "http://s-8080-x-y.gate.test" });
    expect(server.only(PORT).url.search).toBe("?expires=4102444800");
  });

  test.each([0, 1.5, Number.NaN, new Date(0), new Date(Number.NaN), Date.now() * 1e12])(
    "are not signed until %p",
    async (expires) => {
      expect(await failureOf((await connect()).getSignedEndpoint(8080, expires))).toBeInstanceOf(
        InvalidArgumentException,
      );
    },
  );

  test.each([0, 65_536, 80.5, "80", undefined])("are not requested for port %p", async (port) => {
    expect(await failureOf((await connect()).getEndpoint(port as number))).toBeInstanceOf(
      InvalidArgumentException,
    );
  });
});

test("an endpoint without headers has none, even if the server sends null", async () => {
  server.on(`${INFO}/endpoints/8080`, () => Response.json({ endpoint: "h.test:1", headers: null }));
  expect((await (await connect()).getEndpoint(8080)).headers).toEqual({});
});

describe("diagnostics", () => {
  test.each(["logs", "events"] as const)("gives %s", async (kind) => {
    const route = `${INFO}/diagnostics/${kind}`;
    const sandbox = await connect();
    const inline = {
      sandboxId: ID,
      kind,
      scope: "container",
      delivery: "inline",
      contentType: "text/plain",
      truncated: false,
    };
    server.on(route, () => Response.json({ ...inline, content: "a\n", contentLength: 2 }));
    expect(await sandbox.getDiagnostics(kind, { scope: "container" })).toEqual({
      sandboxId: ID,
      kind,
      scope: "container",
      delivery: "inline",
      contentType: "text/plain",
      content: "a\n",
      contentLength: 2,
      isTruncated: false,
      warnings: [],
    });
    expect(server.only(route).url.search).toBe("?scope=container");
    server.on(route, () =>
      Response.json({
        ...inline,
        delivery: "url",
        truncated: true,
        contentUrl: "http://x/y",
        expiresAt: "2030-01-01T00:00:00Z",
        warnings: ["w"],
      }),
    );
    expect(await sandbox.getDiagnostics(kind, { scope: "a&b" })).toMatchObject({
      delivery: "url",
      contentUrl: "http://x/y",
      expiresAt: new Date("2030-01-01T00:00:00Z"),
      isTruncated: true,
      warnings: ["w"],
    });
    expect(server.requests.at(-1)?.url.searchParams.get("scope")).toBe("a&b");
    const nulls = { content: null, contentUrl: null, contentLength: null, expiresAt: null, warnings: null };
    server.on(route, () => Response.json({ ...inline, ...nulls }));
    const { content, contentUrl, contentLength, warnings } = await sandbox.getDiagnostics(kind, {
      scope: "x",
    });
    expect([content, contentUrl, contentLength, warnings]).toEqual([undefined, undefined, undefined, []]);
  });

  test("rejects a blank scope, and fails if the server has no diagnostics", async () => {
    const sandbox = await connect();
    expect(await failureOf(sandbox.getDiagnostics("logs", { scope: "" }))).toBeInstanceOf(
      InvalidArgumentException,
    );
    server.on(`${INFO}/diagnostics/logs`, () => errorResponse(501, "DIAGNOSTICS_NOT_IMPLEMENTED"));
    expect(await failureOf(sandbox.getDiagnostics("logs", { scope: "x" }))).toMatchObject({
      statusCode: 501,
      sandboxId: ID,
    });
  });
});

test("a snapshot of the instance is described", async () => {
  const route = `POST /sandboxes/${ID}/snapshots`;
  const createdAt = "2026-11-23T17:02:20Z";
  server.on(route, () =>
    Response.json(
      { id: "s", sandboxId: ID, name: "n", status: { state: "Creating" }, createdAt },
      { status: 202 },
    ),
  );
  expect(await (await connect()).createSnapshot({ name: "n" })).toMatchObject({
    id: "s",
    sandboxId: ID,
    name: "n",
    status: { state: "Creating" },
    createdAt: new Date(createdAt),
  });
  expect(server.only(route).body).toEqual({ name: "n" });
});

test("null fields of a server are left out", async () => {
  server.on(INFO, () =>
    Response.json(
      sandboxJson(ID, {
        image: null,
        snapshotId: null,
        platform: null,
        metadata: null,
        extensions: null,
        entrypoint: null,
        expiresAt: null,
        status: { state: "Odd", reason: null, message: null, lastTransitionAt: null },
      }),
    ),
  );
  expect(await (await connect()).getInfo()).toEqual({
    id: ID,
    status: { state: "Odd" },
    entrypoint: [],
    metadata: {},
    extensions: {},
    createdAt: new Date("2026-11-23T17:02:20.207Z"),
  });
});

test.each<[string, Response]>([
  ["no JSON", new Response("<html>", { status: 200 })],
  ["nothing", new Response(null, { status: 200 })],
  ["no status", Response.json({ id: ID, createdAt: "2026-11-23T17:02:20Z" })],
  ["no time", Response.json(sandboxJson(ID, { createdAt: "x" }))],
])("a response with %s is unexpected, and the error has the sandbox id", async (_, answer) => {
  server.on(INFO, () => answer);
  expect(await failureOf((await connect()).getInfo())).toMatchObject({
    error: { code: "UNEXPECTED_RESPONSE" },
    sandboxId: ID,
  });
});
