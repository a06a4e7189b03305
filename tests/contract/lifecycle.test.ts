import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import nock from "nock";
import { ConnectionConfig, type ConnectionOptions } from "../../src/connection.js";
import { InvalidArgumentException, SandboxApiException, type SandboxException } from "../../src/errors.js";
import { Page } from "../../src/lifecycle/page.js";
import type { Volume } from "../../src/lifecycle/volumes.js";
import { SandboxManager } from "../../src/sandbox-manager.js";
import { Sandbox, type SandboxCreateOptions } from "../../src/sandbox.js";
import { Transport } from "../../src/transport/transport.js";
import { UnsentRequest } from "../../src/transport/request.js";
import { RetryPolicy } from "../../src/retry-policy.js";
import { expectExecution } from "../helpers/expect-execution.js";
import { bodyOf, loadFixture, type Exchange } from "../helpers/fixtures.js";
import { disableNet, replay, restoreNet, type Replay } from "../helpers/replay.js";
import { failureOf } from "../helpers/promises.js";

const ORIGIN = "http://opensandbox.test";
const ID = "2cae86e0-ffcf-43c1-ac64-f4bc577ca688";
const MANUAL_ID = "7e8612df-e749-47e4-a9ad-281bb0fcc3d0";
const SNAPSHOT_ID = "374dda3c-7c62-4194-91c8-e5ae89607e6d";

/** How the facade makes a recorded request. */
interface Made {
  readonly call: (config: ConnectionConfig) => Promise<unknown>;
  /** The expected result, given the recorded JSON; not needed for a sandbox or a page of sandboxes. */
  readonly gives?: (json: unknown) => unknown;
  /** The body that is sent, if it is not the recorded one. */
  readonly sends?: unknown;
  /** The path and query that are sent, if they are equivalent to but not the same as the recorded ones. */
  readonly asks?: string;
  readonly connection?: ConnectionOptions;
  /** Whether the call needs an instance, whose creation requests its endpoint first. */
  readonly isOnInstance?: boolean;
}

const manager = (config: ConnectionConfig) => SandboxManager.create({ connectionConfig: config });
const BASIC: SandboxCreateOptions = { image: "python:3.11", timeoutSeconds: 600 };
const create = (options: Partial<Record<keyof SandboxCreateOptions, unknown>>): Made => ({
  // Some are of types that the compiler refuses too.
  call: (connectionConfig) =>
    Sandbox.create({ ...BASIC, ...(options as SandboxCreateOptions), connectionConfig }),
  gives: (json) => expect.objectContaining({ id: (json as { id: string }).id }),
});
const mount = (...volumes: readonly Partial<Volume>[]): Made =>
  create({ volumes: volumes.map((volume) => ({ name: "v1", mountPath: "/mnt", ...volume })) });
const tmp = { path: "/tmp/opensandbox-e2e" };
const list = (...[filter]: Parameters<SandboxManager["listSandboxInfos"]>): Made => ({
  call: (config) => manager(config).listSandboxInfos(filter),
});
const get = (id: string): Made => ({ call: (config) => manager(config).getSandboxInfo(id) });
const patch = (id: string, labels: Record<string, string | null>): Made => ({
  call: (config) => manager(config).patchSandboxMetadata(id, labels),
});
/** The response has the instant as the server parsed it, in whichever form it was sent. */
const renew = (id = ID): Made => ({
  call: (config) => manager(config).renewSandbox(id, 900),
  sends: { expiresAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) },
  gives: (json) => new Date((json as { expiresAt: string }).expiresAt),
});
const nothing = (call: (manager: SandboxManager) => Promise<void>): Made => ({
  call: (config) => call(manager(config)),
  gives: () => undefined,
});
const snapshot = (options: { name?: string } = {}): Made => ({
  call: (config) => manager(config).createSnapshot(ID, options),
});
const instance = (config: ConnectionConfig) =>
  Sandbox.connect({ sandboxId: ID, connectionConfig: config, skipHealthCheck: true });
const endpoint = (port: number, options: Partial<Made> = {}): Made => ({
  isOnInstance: true,
  call: async (config) => (await instance(config)).getEndpoint(port),
  gives: (json) => {
    const { endpoint } = json as { endpoint: string };
    return { url: `http://${endpoint}`, headers: {} };
  },
  ...options,
});
/** The SDK always sends `use_server_proxy`; `false` is the server's default. */
const direct = (port: number): Made =>
  endpoint(port, { asks: `/v1/sandboxes/${ID}/endpoints/${port}?use_server_proxy=false` });
const diagnostics = (kind: "logs" | "events", scope: string): Made => ({
  isOnInstance: true,
  call: async (config) => (await instance(config)).getDiagnostics(kind, { scope }),
});

/** Requests that the facades make. An exchange is named by its label; the second of a label by "label (2)". */
const MADE: Readonly<Record<string, Made>> = {
  "bad key": { ...list(), connection: { apiKey: "x" } },
  "Authorization bearer not accepted": {
    ...list(),
    connection: { apiKey: "", headers: { authorization: "Bearer e2e-test" } },
  },
  "401 has request id": { ...list(), connection: { apiKey: "", headers: { "x-request-id": "abc" } } },

  create: {
    ...create({ metadata: { tag: "t1", team: "a" }, env: { A: "1" }, extensions: {} }),
    // A variable with the value `null` is left out.
    sends: { ...basicBody(), metadata: { tag: "t1", team: "a" }, env: { A: "1" }, extensions: {} },
  },
  "create timeout null": {
    ...create({ timeoutSeconds: null, metadata: { tag: "t2" } }),
    // null and nothing mean the same.
    sends: { ...basicBody(), timeout: undefined, metadata: { tag: "t2" } },
  },
  "resourceLimits garbage": create({ resource: { cpu: "abc", memory: "lots" } }),
  "env bool str": create({ env: { a: "true" } }),
  "snapshot missing": create({
    image: undefined,
    snapshotId: "nope",
    entrypoint: ["tail", "-f", "/dev/null"],
  }),
  "missing image pull": create({ image: "missing:1" }),
  "image auth": create({ image: { uri: "python:3.11", auth: { username: "u", password: "p" } } }),
  "networkPolicy on host net": create({ networkPolicy: { defaultAction: "deny", egress: [] } }),
  secureAccess: create({ secureAccess: true }),
  platform: create({ platform: { os: "linux", arch: "amd64" } }),
  poolRef: create({ extensions: { poolRef: "p" }, resource: { cpu: "1", memory: "2Gi" } }),
  "ext renew bad": create({ extensions: { "access.renew.extend.seconds": "10" } }),
  "ext renew ok": create({ extensions: { "access.renew.extend.seconds": "300" } }),
  "vol host not allowed": mount({ host: { path: "/etc" } }),

  get: get(ID),
  "get manual (expiresAt absent)": get(MANUAL_ID),
  "list page1": list({ pageSize: 2 }),
  "page 2": list({ pageSize: 2, page: 2 }),
  "page beyond": list({ pageSize: 2, page: 999 }),
  metadata: list({ metadata: { tag: "t1" } }),
  "metadata 2": list({ metadata: { tag: "t1", team: "a" } }),
  state: list({ states: ["Running", "Paused"], pageSize: 1 }),
  "state lower": list({ states: ["running"], pageSize: 1 }),
  "state unknown": list({ states: ["Bogus"] }),
  "state csv": list({ states: ["Running,Paused"] }),
  patch: patch(ID, { env: "stage", team: null }),
  "patch {}": patch(ID, {}),
  "patch missing": patch("nope", { a: "b" }),
  "metadata after patch": list({ metadata: { env: "stage" } }),
  renew: renew(),
  "renew shorter than current (allowed)": renew(),
  "renew naive = UTC": renew(),
  "renew Z": renew(),
  "renew +08:00": renew(),
  "renew beyond max (not enforced)": renew(),
  "renew epoch number": renew(),
  "renew missing": renew("nope"),

  "endpoint execd": direct(44_772),
  "endpoint proxy": endpoint(44_772, { connection: { domain: "127.0.0.1:8089", useServerProxy: true } }),
  "endpoint proxy false": endpoint(44_772),
  "endpoint proxy, other Host": endpoint(44_772, {
    connection: { domain: "example.com:1234", useServerProxy: true },
  }),
  "endpoint while paused": direct(44_772),
  egress: direct(18_080),
  "unknown port": direct(9999),
  expires: {
    isOnInstance: true,
    call: async (config) => (await instance(config)).getSignedEndpoint(44_772, 4_102_444_800),
  },

  pause: nothing((sandboxes) => sandboxes.pauseSandbox(ID)),
  "get paused": get(ID),
  "pause again": nothing((sandboxes) => sandboxes.pauseSandbox(ID)),
  "pause missing": nothing((sandboxes) => sandboxes.pauseSandbox("nope")),
  resume: nothing((sandboxes) => sandboxes.resumeSandbox(ID)),
  "resume again": nothing((sandboxes) => sandboxes.resumeSandbox(ID)),
  snapshot: snapshot({ name: "s1" }),
  // No body, and an empty object, mean the same.
  "snapshot no body": { ...snapshot(), sends: {} },
  "snapshot of paused": snapshot(),
  "snapshot get": { call: (config) => manager(config).getSnapshot(SNAPSHOT_ID) },
  "snapshots list": { call: (config) => manager(config).listSnapshots({ sandboxId: ID, pageSize: 2 }) },
  "snapshots state": { call: (config) => manager(config).listSnapshots({ states: ["Ready"] }) },
  "snapshot missing (2)": { call: (config) => manager(config).getSnapshot("nope") },
  "snapshot delete again": nothing((sandboxes) => sandboxes.deleteSnapshot(SNAPSHOT_ID)),
  "diag logs scope": diagnostics("logs", "container"),
  "diag events scope": diagnostics("events", "runtime"),
  delete: nothing((sandboxes) => sandboxes.killSandbox(ID)),
  "delete again": nothing((sandboxes) => sandboxes.killSandbox(ID)),
  "get deleted": get(ID),
};

/** Requests that the SDK refuses to send, and their outcome if they are sent anyway. */
const REFUSED: Readonly<Record<string, Made["call"]>> = {
  "timeout 59": create({ timeoutSeconds: 59 }).call,
  "timeout 0": create({ timeoutSeconds: 0 }).call,
  "timeout float": create({ timeoutSeconds: 60.5 }).call,
  "timeout string": create({ timeoutSeconds: "600" }).call,
  "resourceLimits non-string": create({ resource: { cpu: 1 } }).call,
  "metadata bad key": create({ metadata: { "a b": "x" } }).call,
  "metadata bad value": create({ metadata: { a: "x y" } }).call,
  "metadata reserved": create({ metadata: { "opensandbox.io/x": "y" } }).call,
  "metadata 64 char value": create({ metadata: { a: "x".repeat(64) } }).call,
  "metadata number": create({ metadata: { a: 1 } }).call,
  "image auth partial": create({ image: { uri: "python:3.11", auth: { username: "u" } } }).call,
  "ext non-string": create({ extensions: { a: 1 } }).call,
  "vol none": mount({}).call,
  "vol host rel": mount({ host: { path: "etc" } }).call,
  "vol bad name": mount({ name: "Bad_Name", host: tmp }).call,
  "vol rel mount": mount({ mountPath: "mnt", host: tmp }).call,
  "vol subpath ..": mount({ subPath: "../x", host: tmp }).call,
  "vol dup": mount({ host: tmp }, { host: tmp }).call,
  "pageSize 0": list({ pageSize: 0 }).call,
  "pageSize 201": list({ pageSize: 201 }).call,
  "patch bad value": patch(ID, { a: "x y" }).call,
  "port 0": endpoint(0).call,
  "port 65536": endpoint(65_536).call,
  "snapshot empty name": snapshot({ name: "" }).call,
};

const DEPRECATED = "diagnostics without a scope are deprecated, and in none of the documents";
const NO_POOLS = "the pools of Kubernetes are the operator's; the SDK uses them only by their name";
const NO_PROXY_CALL = "the SDK sends execd's own requests through the proxy, and no other ones";
/** Requests that no facade sends, and why. The transport still reads their responses. */
const UNREACHED: Readonly<Record<string, string>> = {
  health: "it says that the lifecycle server is alive, which any call of it does",
  "unknown route": "the SDK asks for no such route",
  "no /v1 prefix": "the SDK always asks below /v1",
  "no image": "the SDK has a default image",
  "image string": "the SDK makes an object of it",
  "no resourceLimits": "the SDK has default limits",
  "malformed json": "the SDK sends JSON",
  "no content-type": "the SDK always names the type",
  "empty body": "the SDK always sends one",
  "metadata plain (unencoded &)": "the SDK encodes the filter",
  "expires+proxy": "the SDK sends one of the two",
  "proxy root": NO_PROXY_CALL,
  "proxy bad port with key": NO_PROXY_CALL,
  "proxy HEAD": NO_PROXY_CALL,
  "proxy double-slash path": NO_PROXY_CALL,
  "proxy path with ..": NO_PROXY_CALL,
  "diag logs": DEPRECATED,
  "diag inspect": DEPRECATED,
  "diag summary": DEPRECATED,
  "diag missing": DEPRECATED,
  "diag tail 0": DEPRECATED,
  pools: NO_POOLS,
  "pools create": NO_POOLS,
};

/** Requests to execd through the server's proxy, each in a separate test. */
const PROXIED = [
  "proxy ping no api key",
  "proxy v1",
  "proxy missing sb",
  "proxy SSE",
  "proxy download query",
] as const;

const exchanges = new Map<string, Exchange>();
for (const exchange of loadFixture("lifecycle-docker")) {
  const isSecond = exchanges.has(exchange.label);
  exchanges.set(isSecond ? `${exchange.label} (2)` : exchange.label, exchange);
}

beforeEach(disableNet);
afterEach(restoreNet);

test("every exchange is used once, or left out for a reason", () => {
  const used = [...Object.keys(MADE), ...Object.keys(REFUSED), ...Object.keys(UNREACHED), ...PROXIED];
  expect(used.sort()).toEqual([...exchanges.keys()].sort());
});

describe("through the facades", () => {
  test.each(Object.entries(MADE))("%s", async (name, made) => {
    const { call, gives, sends, asks, connection = {}, isOnInstance = false } = made;
    const exchange = asking(exchangeOf(name), asks);
    const config = connect(connection);
    const origin = `http://${config.domain}`;
    if (isOnInstance) knowEndpoint(origin, ID, config.useServerProxy);
    const replayed = replay(exchange, { origin });
    const isCreation = exchange.request.path === "/v1/sandboxes" && exchange.request.method === "POST";
    if (isCreation) {
      knowEndpoint(origin, "[^/]+");
      nock("http://127.0.0.1:44772").get("/ping").reply(200);
    }
    if (isOk(exchange)) {
      const outcome = await call(config);
      const json: unknown = bodyOf(exchange) === "" ? undefined : JSON.parse(bodyOf(exchange));
      if (outcome instanceof Page)
        expect({ items: outcome.items, pagination: outcome.pagination }).toEqual(decoded(json));
      else expect(outcome).toEqual(gives === undefined ? decoded(json) : gives(json));
    } else {
      expectFailure(await failureOf(call(config)), exchange, {
        sandboxId: sandboxOf(exchange),
        hint: config.apiKey === undefined ? NO_API_KEY_HINT : "",
      });
    }
    expectRequest(replayed, exchange, { config, sends });
  });
});

describe("refused before sending", () => {
  test.each(Object.entries(REFUSED))("%s", async (name, call) => {
    const exchange = exchangeOf(name);
    const config = connect();
    knowEndpoint(ORIGIN, ID);
    const replayed = replay(exchange, { origin: ORIGIN });
    expect(await failureOf(call(config))).toBeInstanceOf(InvalidArgumentException);
    expect(replayed.requests).toHaveLength(0);
    await expectRaw(exchange, config);
  });
});

describe("made by no facade", () => {
  test.each(Object.entries(UNREACHED))("%s: %s", async (name) => {
    const exchange = exchangeOf(name);
    replay(exchange, { origin: ORIGIN });
    await expectRaw(exchange, connect());
  });
});

describe("execd through the server's proxy", () => {
  const origin = "http://127.0.0.1:8089";
  const config = connect({ domain: "127.0.0.1:8089", useServerProxy: true });
  const proxied = async (sandboxId: string, prefix = ""): Promise<Sandbox> => {
    nock(origin)
      .get(`/v1/sandboxes/${sandboxId}/endpoints/44772?use_server_proxy=true`)
      .reply(200, { endpoint: `127.0.0.1:8089${prefix}/sandboxes/${sandboxId}/proxy/44772` });
    return await Sandbox.connect({ sandboxId, connectionConfig: config, skipHealthCheck: true });
  };

  test("proxy ping no api key", async () => {
    replay(exchangeOf("proxy ping no api key"), { origin });
    expect(await (await proxied(ID)).isHealthy()).toBe(true);
  });

  test("proxy v1: a newer server's address has the prefix", async () => {
    replay(exchangeOf("proxy v1"), { origin });
    expect(await (await proxied(ID, "/v1")).isHealthy()).toBe(true);
  });

  test("proxy missing sb: the wait for it ends at once", async () => {
    const replayed = replay(exchangeOf("proxy missing sb"), { origin });
    const sandbox = await proxied("nope");
    expectFailure(await failureOf(sandbox.waitUntilReady()), exchangeOf("proxy missing sb"), {
      sandboxId: "nope",
    });
    expect(replayed.requests).toHaveLength(1);
  });

  test("proxy SSE", async () => {
    const replayed = replay(exchangeOf("proxy SSE"), { origin, matchBody: true });
    const sandbox = await proxied(ID);
    await expectExecution(sandbox.commands.run("echo hi; sleep 1; echo there")).toPrint("hi\nthere\n");
    // A server with several tenants asks for it here as well, and takes it off.
    expect(replayed.request.headers).toMatchObject({ "open-sandbox-api-key": "e2e-test" });
  });

  test("proxy download query", async () => {
    replay(exchangeOf("proxy download query"), { origin });
    const infos = await (await proxied(ID)).files.getFileInfo(["/tmp", "/var"]);
    expect(Object.keys(infos)).toEqual(["/tmp", "/var"]);
    expect(infos["/tmp"]).toMatchObject({ path: "/tmp", type: "directory", size: 12_288 });
  });
});

test("the recorded pages are one iterable", async () => {
  const config = connect();
  const first = asking(exchangeOf("list page1"), "/v1/sandboxes?pageSize=2");
  replay(first, { origin: ORIGIN });
  replay(exchangeOf("page 2"), { origin: ORIGIN });
  const ids: string[] = [];
  for await (const { id } of await manager(config).listSandboxInfos({ pageSize: 2 })) {
    ids.push(id);
    if (ids.length === 4) break;
  }
  const idsOf = (name: string) =>
    (JSON.parse(bodyOf(exchangeOf(name))) as { items: { id: string }[] }).items.map(({ id }) => id);
  expect(ids).toEqual([...idsOf("list page1"), ...idsOf("page 2")]);
});

test("use_server_proxy=false returns the recorded endpoint without the parameter", () => {
  expect(bodyOf(exchangeOf("endpoint proxy false"))).toBe(bodyOf(exchangeOf("endpoint execd")));
});

function exchangeOf(name: string): Exchange {
  const exchange = exchanges.get(name);
  if (exchange === undefined) throw new RangeError(`There is no exchange "${name}".`);
  return exchange;
}

function asking(exchange: Exchange, path = exchange.request.path): Exchange {
  return { ...exchange, request: { ...exchange.request, path } };
}

function connect(options: ConnectionOptions = {}): ConnectionConfig {
  return new ConnectionConfig({
    domain: "opensandbox.test",
    apiKey: "e2e-test",
    retryPolicy: RetryPolicy.disabled,
    ...options,
  });
}

/** The common options of the recorded creations. */
function basicBody(): Record<string, unknown> {
  return {
    image: { uri: "python:3.11" },
    timeout: 600,
    resourceLimits: { cpu: "1", memory: "2Gi" },
    entrypoint: ["tail", "-f", "/dev/null"],
  };
}

/** Answers one request for execd's endpoint. */
function knowEndpoint(origin: string, id: string, useServerProxy = false): void {
  nock(origin)
    .get(new RegExp(`^/v1/sandboxes/${id}/endpoints/44772\\?use_server_proxy=${String(useServerProxy)}$`))
    .reply(200, { endpoint: "127.0.0.1:44772" });
}

function isOk({ response: { status } }: Exchange): boolean {
  return status !== null && status >= 200 && status < 300;
}

function sandboxOf({ request }: Exchange): string | undefined {
  return /\/sandboxes\/([^/?]+)/.exec(request.path)?.[1];
}

/** Checks the body of the sent request; the path has already matched. */
function expectRequest(
  replayed: Replay,
  { request }: Exchange,
  { config, sends }: { readonly config: ConnectionConfig; readonly sends: unknown },
): void {
  expect(replayed.request.body).toEqual(sends ?? request.body ?? "");
  expect(replayed.request.headers["open-sandbox-api-key"]).toBe(config.apiKey);
  for (const [name, value] of Object.entries(request.headers)) {
    if (name.toLowerCase() === "host") continue;
    expect([name, replayed.request.headers[name.toLowerCase()]]).toEqual([name, value]);
  }
}

/** Sends the recorded request without the SDK's checks, and checks how the transport reads the response. */
async function expectRaw(exchange: Exchange, config: ConnectionConfig): Promise<void> {
  const transport = new Transport({
    server: "lifecycle",
    config,
    endpoint: { url: ORIGIN, headers: {} },
    createClient: (facts) => facts,
  });
  const { method, path, headers, body } = exchange.request;
  const answer = transport.download().fetch(
    new UnsentRequest(path, {
      method,
      headers,
      ...(body !== null && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    }) as unknown as Request,
  );
  if (isOk(exchange)) expect(await (await answer).text()).toBe(bodyOf(exchange));
  else expectFailure(await failureOf(answer), exchange, {});
}

const NO_API_KEY_HINT = " No API key is configured: set OPEN_SANDBOX_API_KEY or apiKey.";

/** Expects that the error has the server's message, in every error shape. */
function expectFailure(
  outcome: unknown,
  exchange: Exchange,
  { sandboxId, hint = "" }: { readonly sandboxId?: string | undefined; readonly hint?: string },
): asserts outcome is SandboxException {
  expect(outcome).toBeInstanceOf(SandboxApiException);
  const text = bodyOf(exchange);
  const said = text.startsWith("{") ? (JSON.parse(text) as ErrorBody) : {};
  const { detail } = said;
  expect(outcome).toMatchObject({
    statusCode: exchange.response.status,
    error: {
      code: said.code ?? "UNEXPECTED_RESPONSE",
      message:
        (said.message === undefined ? undefined : said.message + hint) ??
        (typeof detail === "string"
          ? detail
          : detail?.map(({ loc, msg }) => `${loc.join(".")}: ${msg}`).join("; ")) ??
        expect.stringContaining(text === "" ? "(empty body)" : text),
    },
    requestId: exchange.response.headers["x-request-id"],
    sandboxId,
    rawBody: text,
  });
}

interface ErrorBody {
  readonly code?: string;
  readonly message?: string;
  readonly detail?: string | readonly { readonly loc: readonly (string | number)[]; readonly msg: string }[];
}

/** The recorded JSON as the models have it: with dates, and with what may be absent. */
function decoded(json: unknown): unknown {
  return JSON.parse(JSON.stringify(json), (_, value: unknown) => {
    if (typeof value !== "object" || value === null || !("createdAt" in value)) return value;
    const { createdAt, expiresAt, status, ...others } = value as {
      createdAt: string;
      expiresAt?: string;
      status: { lastTransitionAt: string };
    };
    return {
      // Snapshots have none of these.
      ...("sandboxId" in value ? {} : { metadata: {}, extensions: {} }),
      ...others,
      status: { ...status, lastTransitionAt: new Date(status.lastTransitionAt) },
      createdAt: new Date(createdAt),
      ...(expiresAt !== undefined && { expiresAt: new Date(expiresAt) }),
    };
  });
}
