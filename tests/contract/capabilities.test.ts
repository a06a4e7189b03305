import { describe, expect, test } from "@jest/globals";
import { CAPABILITIES, type CapabilityName } from "../../src/capabilities.js";
import { findCapabilities } from "../../src/services/capabilities.js";
import { FakeServer, type FakeRequest } from "../helpers/fake-server.js";
import { loadFixture } from "../helpers/fixtures.js";
import { linkTo } from "../helpers/link.js";
import { failureOf } from "../helpers/promises.js";

// Hand-built from the contract's facts: the recorded servers are all of June 2026.

type Responses = Readonly<Record<string, () => Response>>;

const text = (status: number, body: string) => () => new Response(body, { status });
const json = (status: number, body: unknown) => () => Response.json(body, { status });

const EXECD_LACKS = text(404, "404 page not found");
const LIFECYCLE_LACKS = json(404, { detail: "Not Found" });
const REFUSED = () => {
  throw Object.assign(new Error("connect"), { code: "ECONNREFUSED" });
};
const ID = "00000000-0000-4000-8000-000000000000";

/** A server of June 2026, without an egress image. */
const JUNE: Responses = {
  "POST /command": json(400, {
    code: "INVALID_REQUEST_BODY",
    message:
      "invalid request, validation error Key: 'RunCommandRequest.Command' Error:Field validation for 'Command' failed on the 'required' tag",
  }),
  "GET /ready": EXECD_LACKS,
  [`GET /pty/${ID}`]: json(404, { code: "CONTEXT_NOT_FOUND", message: "pty session not found" }),
  "GET /v1/isolated/capabilities": EXECD_LACKS,
  [`GET /v1/isolated/session/${ID}/runs/${ID}`]: EXECD_LACKS,
  "GET /policy": REFUSED,
  "GET /credential-vault": REFUSED,
  "GET /v1/snapshots": json(200, { items: [], pagination: {} }),
  "GET /v1/templates": LIFECYCLE_LACKS,
};

/** A server of September 2026 that has all. */
const SEPTEMBER: Responses = {
  ...JUNE,
  "POST /command": json(400, { code: "INVALID_REQUEST_BODY", message: "argv[0] must not be empty" }),
  "GET /ready": json(200, { initialized: true }),
  "GET /v1/isolated/capabilities": json(200, { available: true, isolator: "bwrap" }),
  [`GET /v1/isolated/session/${ID}/runs/${ID}`]: json(404, {
    code: "SESSION_NOT_FOUND",
    message: "no session",
  }),
  "GET /policy": json(200, { status: "ok" }),
  "GET /credential-vault": text(404, "credential vault is not configured"),
  "GET /v1/templates": json(200, { items: [], pagination: {} }),
};

function serverWith(responses: Responses, { origin = "" } = {}) {
  const server = new FakeServer((request: FakeRequest) => {
    const { method, url } = request;
    if (url.pathname.endsWith("/endpoints/18080"))
      return Response.json(
        { endpoint: "sidecar.test:18080" },
        { headers: { "open-sandbox-origin": origin } },
      );
    const respond = responses[`${method} ${url.pathname}`];
    if (respond === undefined) throw new RangeError(`${method} ${url.pathname} is not expected.`);
    return respond();
  });
  return { server, link: linkTo("http://sandbox.test:44772", { fetch: server.fetch }) };
}

async function availableOf(responses: Responses, options?: { readonly origin?: string }): Promise<string[]> {
  const { all } = await findCapabilities(serverWith(responses, options).link, {});
  return Object.entries(all).flatMap(([name, { isAvailable }]) => (isAvailable ? [name] : []));
}

describe("what a server has (hand-built)", () => {
  test("June 2026 without an egress image", async () => {
    expect(await availableOf(JUNE)).toEqual(["terminals", "snapshots"]);
  });

  test("September 2026 with all of it", async () => {
    expect(await availableOf(SEPTEMBER)).toEqual(Object.keys(CAPABILITIES));
  });

  test("for a sandbox from a template, the lifecycle server has the policy, and nothing the vault", async () => {
    const responses = {
      ...SEPTEMBER,
      "GET /v1/sandboxes/sandbox-1/networkpolicy": json(200, { status: "ok" }),
    };
    const { all } = await findCapabilities(serverWith(responses, { origin: "template" }).link, {});
    expect(all.networkPolicy.isAvailable).toBe(true);
    expect(all.credentialVault).toMatchObject({
      isAvailable: false,
      reason: "a sandbox from a template has no egress sidecar",
    });
  });

  test.each<[CapabilityName, string, () => Response, boolean, string | undefined]>([
    ["readiness", "GET /ready", json(503, { initialized: false }), true, undefined],
    [
      "isolatedSessions",
      "GET /v1/isolated/capabilities",
      json(200, { available: false, message: "bwrap not found" }),
      false,
      "bwrap not found",
    ],
    [
      "isolatedBackgroundRuns",
      `GET /v1/isolated/session/${ID}/runs/${ID}`,
      json(503, { code: "SERVICE_UNAVAILABLE", message: "isolation unavailable" }),
      false,
      "isolation unavailable",
    ],
    [
      "terminals",
      `GET /pty/${ID}`,
      json(501, { code: "NOT_SUPPORTED", message: "on Windows" }),
      false,
      "on Windows",
    ],
    [
      "credentialVault",
      "GET /credential-vault",
      text(412, "mitmproxy is not ready"),
      false,
      "mitmproxy is not ready",
    ],
    ["credentialVault", "GET /credential-vault", EXECD_LACKS, false, undefined],
    ["credentialVault", "GET /credential-vault", json(200, { revision: 1 }), true, undefined],
    [
      "networkPolicy",
      "GET /policy",
      text(502, "Could not connect"),
      false,
      "Could not connect. Only a sandbox that was created with a networkPolicy has an egress sidecar.",
    ],
    [
      "templates",
      "GET /v1/templates",
      json(501, { code: "KUBERNETES::API_NOT_SUPPORTED", message: "not on Docker" }),
      false,
      "not on Docker",
    ],
  ])("%s: %s", async (name, route, response, isAvailable, reason) => {
    const { all } = await findCapabilities(serverWith({ ...SEPTEMBER, [route]: response }).link, {});
    expect(all[name]).toEqual({ isAvailable, reason, since: CAPABILITIES[name].since });
  });

  test("a recorded server of June responds to these requests in the same way", () => {
    const recorded = [...loadFixture("execd-misc"), ...loadFixture("execd-command")].map(
      ({ request: { method, path }, response: { status, chunks } }) =>
        `${method} ${path.replace(/[0-9a-f-]{36}/, ID)} ${String(status)}: ${chunks.map(([, piece]) => piece).join("")}`,
    );
    expect(recorded).toContainEqual(expect.stringMatching(/^GET \/pty\/\S+ 404: .*CONTEXT_NOT_FOUND/));
    expect(recorded).toContainEqual(
      expect.stringMatching(/^POST \/command 400: .*RunCommandRequest\.Command/),
    );
    expect(recorded).toContainEqual(expect.stringMatching(/^GET \S+ 404: 404 page not found/));
  });
});

describe("asking", () => {
  test("happens once for each instance, however many callers ask", async () => {
    const { server, link } = serverWith(JUNE);
    const [one, other] = await Promise.all([findCapabilities(link, {}), findCapabilities(link, {})]);
    expect(other).toBe(one);
    expect(await findCapabilities(link, {})).toBe(one);
    // Each capability once, and the address of the sidecar, which two of them need.
    const routes = server.lines
      .map((line) => line.replace(/\?.*/, ""))
      .filter((line) => !line.includes("endpoints"));
    expect(routes.sort()).toEqual(Object.keys(JUNE).sort());
  });

  test("changes nothing: only GET requests, and a command that no server accepts", async () => {
    const { server, link } = serverWith(SEPTEMBER);
    await findCapabilities(link, {});
    const others = server.requests.filter(({ method }) => method !== "GET");
    expect(others.map(({ line, body }) => ({ line, body }))).toEqual([
      { line: "POST /command", body: { argv: [""] } },
    ]);
  });

  test.each([
    [
      "the API key is wrong",
      "GET /v1/snapshots",
      json(401, { code: "INVALID_API_KEY", message: "no" }),
      "INVALID_API_KEY",
    ],
    [
      "execd is not set up",
      "POST /command",
      json(503, { error: "not initialized yet" }),
      "UNEXPECTED_RESPONSE",
    ],
    ["execd does not respond", "GET /ready", REFUSED, "CONNECTION"],
  ])("rejects if %s, and a later call asks again", async (_, route, response, code) => {
    const responses: Record<string, () => Response> = { ...SEPTEMBER, [route]: response };
    const { link } = serverWith(responses);
    expect(await failureOf(findCapabilities(link, {}))).toMatchObject({ code });
    responses[route] = SEPTEMBER[route] ?? response;
    expect((await findCapabilities(link, {})).has("argv")).toBe(true);
  });

  test("an abort ends the wait of its caller, and not that of others", async () => {
    const { link } = serverWith(JUNE);
    const controller = new AbortController();
    const [aborted, other] = [
      failureOf(findCapabilities(link, { signal: controller.signal })),
      findCapabilities(link, {}),
    ];
    controller.abort("enough");
    expect(await aborted).toBe("enough");
    expect((await other).has("terminals")).toBe(true);
  });

  test("a closed sandbox is not asked", async () => {
    const { server, link } = serverWith(JUNE);
    link.execd.close();
    expect(await failureOf(findCapabilities(link, {}))).toMatchObject({ code: "CLOSED" });
    expect(server.lines).toEqual([]);
  });
});

test.each(["nope", "toString", null])("a name that is unknown is an invalid argument (%j)", async (name) => {
  const capabilities = await findCapabilities(serverWith(JUNE).link, {});
  // Callers in plain JavaScript can pass any value.
  const given = name as CapabilityName;
  expect(() => capabilities.has(given)).toThrow(/^name must be one of "argv",/);
  expect(() => {
    capabilities.assert(given);
  }).toThrow(/^name must be one of "argv",/);
});

test("what is not available throws NOT_SUPPORTED, which names the servers that have it and what the server said", async () => {
  const { link } = serverWith({
    ...JUNE,
    "GET /v1/isolated/capabilities": json(200, { available: false, message: "bwrap not found." }),
  });
  const capabilities = await findCapabilities(link, {});
  capabilities.assert("terminals");
  const failure = (name: CapabilityName) => {
    try {
      capabilities.assert(name);
      return undefined;
    } catch (error) {
      return error;
    }
  };
  expect(failure("argv")).toMatchObject({
    name: "SandboxException",
    code: "NOT_SUPPORTED",
    isRetryable: false,
    sandboxId: "sandbox-1",
    message:
      "This server does not support commands as lists of arguments, started without a shell. It needs execd of September 2026.",
  });
  expect(failure("isolatedSessions")).toMatchObject({
    message:
      "This server does not support isolated sessions (bwrap not found). It needs execd 1.0.20 of July 2026, with bubblewrap.",
  });
});
