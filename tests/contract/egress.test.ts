import { describe, expect, test } from "@jest/globals";
import { Egress } from "../../src/services/egress.js";
import { Schemas } from "../helpers/schemas.js";
import { loadOperations } from "../helpers/operations.js";
import { FakeServer, type FakeRequest } from "../helpers/fake-server.js";
import { linkTo } from "../helpers/link.js";
import { failureOf } from "../helpers/promises.js";

// Hand-built from the contract's facts: no sidecar could be recorded.

const TOKEN = "sidecar-token";
const STATUS = {
  status: "ok",
  mode: "enforcing",
  enforcementMode: "dns+nft",
  policy: { defaultAction: "deny", egress: [{ action: "allow", target: "pypi.org" }] },
};
const DETAIL = {
  mode: "enforcing",
  enforcementMode: "dns+nft",
  reason: undefined,
  policy: { defaultAction: "deny", egress: [{ action: "allow", target: "pypi.org" }] },
};

/** A lifecycle server and a sidecar. `sidecar` responds to the requests of the latter. */
function servers(
  respond: (request: FakeRequest) => Response = () => Response.json(STATUS),
  { origin }: { readonly origin?: string } = {},
) {
  const server = new FakeServer((request) => {
    if (!request.route.endsWith("/endpoints/18080")) return respond(request);
    const headers = { "OPENSANDBOX-EGRESS-AUTH": TOKEN };
    return Response.json(
      { endpoint: "sidecar.test:18080", headers },
      { headers: origin === undefined ? {} : { "OPEN-SANDBOX-ORIGIN": origin } },
    );
  });
  const link = linkTo("http://sandbox.test:44772", {
    fetch: server.fetch,
    retryPolicy: { maxRetries: 0 },
  });
  return { server, link, egress: new Egress(link) };
}

describe("the network policy at the sidecar (hand-built)", () => {
  test("its address is looked up at the first call, and its token is sent", async () => {
    const { server, egress } = servers();
    expect(server.lines).toEqual([]);
    expect(await egress.get()).toEqual(DETAIL);
    await egress.get();
    expect(server.lines).toEqual([
      "GET /v1/sandboxes/sandbox-1/endpoints/18080?use_server_proxy=false",
      "GET /policy",
      "GET /policy",
    ]);
    expect(server.requests[1]?.headers.get("opensandbox-egress-auth")).toBe(TOKEN);
    // The key is the lifecycle server's.
    expect(server.requests[1]?.headers.get("open-sandbox-api-key")).toBeNull();
  });

  test.each<[string, (egress: Egress) => Promise<unknown>, string, unknown]>([
    [
      "replace",
      (egress) =>
        egress.replace({ defaultAction: "allow", egress: [{ action: "deny", target: "10.0.0.0/8" }] }),
      "PUT /policy",
      { defaultAction: "allow", egress: [{ action: "deny", target: "10.0.0.0/8" }] },
    ],
    [
      "patch",
      (egress) => egress.patch([{ action: "allow", target: "*.example.com" }]),
      "PATCH /policy",
      [{ action: "allow", target: "*.example.com" }],
    ],
    [
      "delete",
      (egress) => egress.delete(["pypi.org", "fe80::/10"]),
      "DELETE /policy",
      ["pypi.org", "fe80::/10"],
    ],
  ])("%s sends its body as JSON", async (_, change, line, body) => {
    const { server, egress } = servers();
    expect(await change(egress)).toEqual(DETAIL);
    expect(server.requests.at(-1)).toMatchObject({ line, body });
    expect(server.requests.at(-1)?.headers.get("content-type")).toBe("application/json");
  });

  test("a response without the policy, as after replacing it, is accepted", async () => {
    const { egress } = servers(() =>
      Response.json({ status: "ok", mode: "deny_all", reason: "policy reset to default deny-all" }),
    );
    expect(await egress.replace({})).toEqual({
      mode: "deny_all",
      enforcementMode: undefined,
      reason: "policy reset to default deny-all",
      policy: undefined,
    });
  });

  test.each([
    [401, "unauthorized"],
    [400, "invalid target"],
    [413, "too many rules"],
    [500, "nft failed"],
  ])("status %i: the plain text becomes the message", async (status, text) => {
    const { egress } = servers(
      () => new Response(text, { status, headers: { "content-type": "text/plain" } }),
    );
    expect(await failureOf(egress.patch([{ action: "allow", target: "a.test" }]))).toMatchObject({
      name: "SandboxApiException",
      code: "UNEXPECTED_RESPONSE",
      message: text,
      statusCode: status,
      sandboxId: "sandbox-1",
    });
  });

  test("without a sidecar, the error says how to get one", async () => {
    const { egress } = servers(() => {
      throw Object.assign(new Error("connect"), { code: "ECONNREFUSED" });
    });
    expect(await failureOf(egress.get())).toMatchObject({
      name: "SandboxConnectionException",
      code: "CONNECTION",
      isNotSent: true,
      message: expect.stringMatching(
        /refused.*\. Only a sandbox that was created with a networkPolicy has/,
      ) as unknown,
    });
    const { egress: proxied } = servers(() => new Response("Could not connect", { status: 502 }));
    expect(await failureOf(proxied.get())).toMatchObject({
      statusCode: 502,
      message:
        "Could not connect. Only a sandbox that was created with a networkPolicy has an egress sidecar.",
    });
  });

  test.each([
    ["is not asked again if its address came without a token", undefined, 1],
    ["is asked again if there is a token", TOKEN, 3],
  ])("a sidecar that does not respond %s", async (_name, token, attempts) => {
    const server = new FakeServer(({ route }) =>
      route.endsWith("/endpoints/18080")
        ? Response.json({
            endpoint: "sidecar.test:18080",
            ...(token !== undefined && { headers: { "OPENSANDBOX-EGRESS-AUTH": token } }),
          })
        : new Response("Bad Gateway", { status: 502 }),
    );
    const retryPolicy = { maxRetries: 2, initialBackoffMillis: 1, maxBackoffMillis: 1 };
    const egress = new Egress(linkTo("http://sandbox.test:44772", { fetch: server.fetch, retryPolicy }));
    expect(await failureOf(egress.get())).toMatchObject({ statusCode: 502 });
    expect(server.lines.filter((line) => line === "GET /policy")).toHaveLength(attempts);
  });

  test("closing the sandbox ends its calls", async () => {
    const { link, egress } = servers();
    await egress.get();
    link.execd.close();
    expect(await failureOf(egress.get())).toMatchObject({ code: "CLOSED" });
  });

  test("an abort rejects with its reason", async () => {
    const { egress } = servers();
    const reason = new Error("enough");
    expect(await failureOf(egress.get({ signal: AbortSignal.abort(reason) }))).toBe(reason);
  });
});

describe("the network policy of a sandbox from a template (hand-built)", () => {
  const ROUTE = "/v1/sandboxes/sandbox-1/networkpolicy";

  test("is that of the lifecycle server, with its key", async () => {
    const { server, egress } = servers(undefined, { origin: "template" });
    expect(await egress.get()).toEqual(DETAIL);
    await egress.replace({ defaultAction: "deny" });
    await egress.patch([{ action: "deny", target: "a.test" }]);
    await egress.delete(["a.test"]);
    expect(server.lines.slice(1)).toEqual([
      `GET ${ROUTE}`,
      `PUT ${ROUTE}`,
      `PATCH ${ROUTE}`,
      `DELETE ${ROUTE}`,
    ]);
    expect(server.requests.slice(2).map(({ body }) => body)).toEqual([
      { defaultAction: "deny" },
      [{ action: "deny", target: "a.test" }],
      ["a.test"],
    ]);
    for (const { headers } of server.requests) expect(headers.get("open-sandbox-api-key")).toBe("the-key");
  });

  test("its errors are JSON", async () => {
    const error = { code: "KUBERNETES::SANDBOX_NOT_FOUND", message: "gone" };
    const { egress } = servers(() => Response.json(error, { status: 404 }), { origin: "template" });
    expect(await failureOf(egress.get())).toMatchObject({ ...error, statusCode: 404 });
  });

  test("its requests match the document", async () => {
    const schemas = new Schemas();
    const operations = [...loadOperations().values()];
    const { server, egress } = servers(undefined, { origin: "template" });
    await egress.replace({ defaultAction: "deny", egress: [{ action: "allow", target: "a.test" }] });
    await egress.patch([{ action: "deny", target: "a.test" }]);
    await egress.delete(["a.test"]);
    for (const { method, body } of server.requests.slice(1)) {
      const operation = operations.find(
        (each) => each.template.endsWith("/networkpolicy") && each.method === method,
      );
      const part = operation && schemas.requestBody(operation);
      expect(operation && part && schemas.faults(operation, part, "application/json", body)).toEqual([]);
    }
  });
});

describe("rules are checked before anything is sent:", () => {
  test.each<[string, (egress: Egress) => Promise<unknown>]>([
    ["rules must be a list; got object", (egress) => egress.patch({} as never)],
    ["rules must be a list of at least one rule", (egress) => egress.patch([])],
    ["rules[0] must be an object; got a string", (egress) => egress.patch(["a.test" as never])],
    [
      'rules[0].action must be one of "allow", "deny"; got "drop"',
      (egress) => egress.patch([{ action: "drop" as never, target: "a" }]),
    ],
    ["rules[0].target must not be blank", (egress) => egress.patch([{ action: "allow", target: " " }])],
    ["targets must be a list of at least one target", (egress) => egress.delete([])],
    ["targets[1] must be a string; got 1", (egress) => egress.delete(["a.test", 1 as never])],
    [
      'policy.defaultAction must be one of "allow", "deny"',
      (egress) => egress.replace({ defaultAction: "no" as never }),
    ],
    ["policy must be an object", (egress) => egress.replace("deny" as never)],
    ...["https://a.test", "a.test:443", "a.test/path", "a b", "[::1]"].map(
      (target): [string, (egress: Egress) => Promise<unknown>] => [
        `targets[0] must be a host name, an address or a range of addresses, without scheme, port and path; got "${target}"`,
        (egress) => egress.delete([target]),
      ],
    ),
  ])("%s", async (message, call) => {
    const { server, egress } = servers();
    expect(await failureOf(call(egress))).toMatchObject({
      name: "InvalidArgumentException",
      message: expect.stringContaining(message) as unknown,
    });
    expect(server.lines).toEqual([]);
  });

  test.each([
    "a.test",
    "*.a.test",
    "*",
    "localhost",
    "10.1.2.3",
    "10.0.0.0/8",
    "::1",
    "fe80::/10",
    "::ffff:10.0.0.1",
    "bücher.test",
  ])("%s is accepted", async (target) => {
    const { server, egress } = servers();
    await egress.delete([target]);
    expect(server.requests.at(-1)?.body).toEqual([target]);
  });
});
