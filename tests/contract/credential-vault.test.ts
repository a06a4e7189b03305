import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { inspect } from "node:util";
import { describe, expect, test } from "@jest/globals";
import type { SandboxException } from "../../src/errors.js";
import { CredentialVault } from "../../src/services/credential-vault.js";
import type { CredentialBinding } from "../../src/services/egress/vault-arguments.js";
import { REQUEST_CHANNEL } from "../../src/transport/log.js";
import { FakeServer, type FakeRequest } from "../helpers/fake-server.js";
import { linkTo } from "../helpers/link.js";
import { failureOf } from "../helpers/promises.js";

// Hand-built from the contract's facts: no sidecar could be recorded.

const SECRET = 's3<cret"&\n';
const CONTENTS = {
  credentials: [{ name: "token", value: SECRET }],
  bindings: [
    { name: "api", match: { hosts: ["api.test"] }, auth: { type: "bearer", credential: "token" } },
  ] satisfies CredentialBinding[],
};
const STATE = {
  revision: 2,
  credentials: [{ name: "token", sourceType: "inline", revision: 1 }],
  bindings: [
    { name: "api", revision: 2, match: { hosts: ["api.test"] }, auth: { type: "apiKey", name: "X-Key" } },
  ],
};

function vaultAt(
  respond: (request: FakeRequest) => Response,
  { origin, log }: { readonly origin?: string; readonly log?: (line: string) => void } = {},
) {
  const server = new FakeServer((request) => {
    if (!request.route.endsWith("/endpoints/18080")) return respond(request);
    const headers = { "OPENSANDBOX-EGRESS-AUTH": "sidecar-token" };
    return Response.json(
      { endpoint: "sidecar.test:18080", headers },
      { headers: origin === undefined ? {} : { "OPEN-SANDBOX-ORIGIN": origin } },
    );
  });
  const logger = log && { debug: log, info: log, warn: log, error: log };
  const link = linkTo("http://sandbox.test:44772", {
    fetch: server.fetch,
    retryPolicy: { initialBackoffMillis: 0, maxBackoffMillis: 0 },
    ...(logger && { logger }),
  });
  return { server, link, vault: new CredentialVault(link) };
}

describe("the credential vault (hand-built)", () => {
  test("is created with its credentials and bindings, and its state comes back", async () => {
    const { server, vault } = vaultAt(() => Response.json(STATE, { status: 201 }));
    expect(await vault.create(CONTENTS)).toEqual(STATE);
    expect(server.requests.at(-1)).toMatchObject({
      line: "POST /credential-vault",
      body: {
        credentials: [{ name: "token", source: { type: "inline", value: SECRET } }],
        bindings: CONTENTS.bindings,
      },
    });
    expect(server.requests.at(-1)?.headers.get("opensandbox-egress-auth")).toBe("sidecar-token");
  });

  test("takes every kind of authentication", async () => {
    const { server, vault } = vaultAt(() => Response.json(STATE, { status: 201 }));
    const match = {
      hosts: ["*.api.test"],
      schemes: ["https", "http"],
      methods: ["GET"],
      paths: ["/v1/*"],
    } as const;
    const bindings: CredentialBinding[] = [
      { name: "a", match, auth: { type: "basic", credential: "token" } },
      { name: "b", match, auth: { type: "apiKey", name: "X-Key", credential: "token" } },
      { name: "c", match, auth: { type: "customHeaders", headers: [{ name: "X-A", credential: "token" }] } },
      {
        name: "d",
        match,
        auth: {
          type: "passthrough",
          substitutions: [{ credential: "token", placeholder: "__TOKEN__", in: ["query", "body"] }],
        },
      },
    ];
    await vault.create({ credentials: CONTENTS.credentials, bindings });
    expect(server.requests.at(-1)?.body).toMatchObject({ bindings });
  });

  test("is changed with the revision that is expected", async () => {
    const { server, vault } = vaultAt(() => Response.json(STATE));
    await vault.patch({
      expectedRevision: 1,
      credentials: { add: [{ name: "new", value: "v" }], delete: ["old"] },
      bindings: { replace: CONTENTS.bindings },
    });
    expect(server.requests.at(-1)).toMatchObject({ line: "PATCH /credential-vault" });
    expect(server.requests.at(-1)?.body).toEqual({
      expectedRevision: 1,
      credentials: { add: [{ name: "new", source: { type: "inline", value: "v" } }], delete: ["old"] },
      bindings: { replace: CONTENTS.bindings },
    });
  });

  test("is read whole, by lists and by names", async () => {
    const { server, vault } = vaultAt(({ url: { pathname } }) => {
      if (pathname.endsWith("/credentials"))
        return Response.json({ revision: 2, credentials: STATE.credentials });
      if (pathname.endsWith("/bindings")) return Response.json({ revision: 2, bindings: STATE.bindings });
      if (pathname.includes("/credentials/")) return Response.json(STATE.credentials[0]);
      return Response.json(pathname.includes("/bindings/") ? STATE.bindings[0] : STATE);
    });
    expect(await vault.get()).toEqual(STATE);
    expect(await vault.listCredentials()).toEqual(STATE.credentials);
    expect(await vault.listBindings()).toEqual(STATE.bindings);
    expect(await vault.getCredential("to/ken")).toEqual(STATE.credentials[0]);
    expect(await vault.getBinding("api")).toEqual(STATE.bindings[0]);
    expect(server.lines.slice(1)).toEqual([
      "GET /credential-vault",
      "GET /credential-vault/credentials",
      "GET /credential-vault/bindings",
      "GET /credential-vault/credentials/to%2Fken",
      "GET /credential-vault/bindings/api",
    ]);
  });

  test("is deleted, even if the response to the first attempt is lost", async () => {
    let attempts = 0;
    const { vault } = vaultAt(() => {
      attempts += 1;
      if (attempts === 1) throw Object.assign(new Error("reset"), { code: "ECONNRESET" });
      return new Response("no credential vault", { status: 404 });
    });
    await vault.delete();
    expect(attempts).toBe(2);
    expect(await failureOf(vault.delete())).toMatchObject({ code: "VAULT_NOT_FOUND" });
  });
});

describe("what the sidecar refuses has a code of its own and the server's words:", () => {
  test.each([
    [404, "VAULT_NOT_FOUND", "credential vault is not configured"],
    [409, "VAULT_CONFLICT", "revision mismatch: have 3"],
    [412, "VAULT_NOT_READY", "mitmproxy is not ready"],
    [426, "VAULT_NOT_ENCRYPTED", "TLS required"],
    [400, "UNEXPECTED_RESPONSE", 'unknown field "x"'],
    [401, "UNEXPECTED_RESPONSE", "unauthorized"],
  ])("%i %s", async (status, code, message) => {
    const { vault } = vaultAt(() => new Response(message, { status }));
    expect(await failureOf(vault.patch({}))).toMatchObject({
      name: "SandboxApiException",
      code,
      message,
      statusCode: status,
      sandboxId: "sandbox-1",
    });
  });

  test("a server without a vault, and a sandbox from a template, are NOT_SUPPORTED", async () => {
    const { vault } = vaultAt(() => new Response("404 page not found", { status: 404 }));
    expect(await failureOf(vault.get())).toMatchObject({ code: "NOT_SUPPORTED" });
    const { vault: other } = vaultAt(() => Response.json(STATE), { origin: "template" });
    expect(await failureOf(other.get())).toMatchObject({
      code: "NOT_SUPPORTED",
      message: expect.stringContaining("a sandbox from a template has no egress sidecar") as unknown,
    });
  });

  test("a response that is not a vault is UNEXPECTED_RESPONSE", async () => {
    const { vault } = vaultAt(() => Response.json({ credentials: [], bindings: [] }));
    expect(await failureOf(vault.get())).toMatchObject({
      code: "UNEXPECTED_RESPONSE",
      message: 'The response has no "revision".',
    });
  });
});

describe("secrets are nowhere but in the request:", () => {
  /** Every way in which a text can show the secret. */
  const SHOWN = [
    SECRET,
    JSON.stringify(SECRET).slice(1, -1),
    's3\\u003ccret\\"\\u0026\\n',
    encodeURIComponent(SECRET),
  ];
  const ECHOES: [string, () => Response][] = [
    ["an error that repeats the body", () => new Response(SHOWN.join(" | "), { status: 400 })],
    [
      "a JSON error that repeats the value",
      () => Response.json({ code: "X", message: SECRET }, { status: 409 }),
    ],
    ["a success that is not JSON", () => new Response(`<p>${SECRET}</p>`, { status: 200 })],
  ];

  test.each(ECHOES)("%s", async (_, respond) => {
    const seen: unknown[] = [];
    const listener = (trace: unknown) => seen.push(trace);
    subscribe(REQUEST_CHANNEL, listener);
    const { vault } = vaultAt(respond, { log: (line) => seen.push(line) });
    try {
      for (const call of [
        vault.create(CONTENTS),
        vault.patch({ credentials: { replace: CONTENTS.credentials } }),
      ]) {
        const error = (await failureOf(call)) as SandboxException;
        expect(inspect(error, { depth: 10 })).toContain("[redacted]");
        seen.push(error, error.toJSON(), error.message, (error as { rawBody?: string }).rawBody, error.stack);
      }
    } finally {
      unsubscribe(REQUEST_CHANNEL, listener);
    }
    seen.push(vault, JSON.stringify(vault));
    expect(seen.length).toBeGreaterThan(12);
    for (const each of seen) {
      const text = typeof each === "string" ? each : inspect(each, { depth: 20, showHidden: true });
      for (const secret of SHOWN) expect(text).not.toContain(secret);
      expect(text).not.toContain("s3<cret");
    }
  });

  test("but one of fewer than four characters is part of ordinary words, which stay as they are", async () => {
    const { vault } = vaultAt(() => new Response("the vault is being started, too", { status: 412 }));
    const credentials = ["e", "too", "being"].map((value, index) => ({ name: `c${index}`, value }));
    expect(await failureOf(vault.create({ ...CONTENTS, credentials }))).toMatchObject({
      message: "the vault is [redacted] started, too",
    });
  });

  test("errors about arguments do not show them", async () => {
    const { server, vault } = vaultAt(() => Response.json(STATE));
    const binding = (auth: unknown) =>
      ({ ...CONTENTS, bindings: [{ name: "a", match: { hosts: ["h"] }, auth }] }) as never;
    for (const [contents, message] of [
      [
        { ...CONTENTS, credentials: [{ name: "a", value: 12_345 }] },
        "credentials[0].value must be a string that is not empty.",
      ],
      [
        { ...CONTENTS, credentials: [{ name: "a", value: "" }] },
        "credentials[0].value must be a string that is not empty.",
      ],
      [{ ...CONTENTS, credentials: ["12345"] }, "credentials[0] must be an object; got a string."],
      [
        binding({ type: "bearer", credential: 12_345 }),
        "bindings[0].auth.credential must be the name of a credential.",
      ],
      [
        binding({ type: "token" }),
        'bindings[0].auth.type must be one of "bearer", "basic", "apiKey", "customHeaders", "passthrough"',
      ],
      [
        binding({ type: "apiKey", name: "a b", credential: "c" }),
        "bindings[0].auth.name must be a valid header name",
      ],
      [
        binding({ type: "customHeaders", headers: [] }),
        "bindings[0].auth.headers must be a list of at least one header",
      ],
      [
        { ...CONTENTS, bindings: [{ name: "a", match: { hosts: [] }, auth: {} }] },
        "bindings[0].match.hosts must be a list of at least one host",
      ],
    ] as [never, string][]) {
      const error = await failureOf(vault.create(contents));
      expect(error).toMatchObject({ name: "InvalidArgumentException" });
      expect((error as Error).message).toContain(message);
      expect(inspect(error)).not.toContain("12345");
    }
    expect(await failureOf(vault.patch({ expectedRevision: -1 }))).toMatchObject({
      message: "expectedRevision must be an integer of at least 0; got -1.",
    });
    expect(server.lines).toEqual([]);
  });
});
