import type { IncomingMessage } from "node:http";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { WebSocket } from "ws";
import { type LocalSandbox, startSandbox } from "../helpers/local-sandbox.js";
import { describeIf, hasPython, isolationWorks, NO_ISOLATION_REASON } from "../helpers/skips.js";

const isPossible = isolationWorks && hasPython;
const describeHandshakes = describeIf(
  isPossible,
  "local/web-socket-tokens",
  `${NO_ISOLATION_REASON}, or no Python`,
);
const ALLOWED_ORIGIN = "http://allowed.test";
const PORT = 3000;

/** A server in the sandbox that accepts any handshake, and answers with the headers that reached it. */
const SERVER = `
const http = require("node:http");
const { createHash } = require("node:crypto");
const server = http.createServer((request, response) => response.end());
server.on("upgrade", ({ headers }, socket) => {
  const accept = createHash("sha1").update(headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest("base64");
  const chosen = headers["sec-websocket-protocol"]?.split(",")[0];
  const shown = Buffer.from(JSON.stringify(headers)).toString("base64url");
  socket.write("HTTP/1.1 101 Switching Protocols\\r\\nconnection: Upgrade\\r\\nupgrade: websocket\\r\\nsec-websocket-accept: " + accept
    + (chosen ? "\\r\\nsec-websocket-protocol: " + chosen : "") + "\\r\\nx-received: " + shown + "\\r\\n\\r\\n");
});
server.listen(${PORT}, "127.0.0.1");
`;

let sandbox: LocalSandbox;
let token: string;

beforeAll(async () => {
  if (!isPossible) return;
  sandbox = await startSandbox({ port: 0, cors: [ALLOWED_ORIGIN] });
  const { client, id } = sandbox;
  const { headers } = await client.json("GET", `/v1/sandboxes/${id}/endpoints/44772`);
  token = (headers as Record<string, string>)["X-EXECD-ACCESS-TOKEN"] ?? "";
  await sandbox.serve(SERVER, PORT);
});
afterAll(async () => {
  if (isPossible) await sandbox[Symbol.asyncDispose]();
});

interface Handshake {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  /** The body of a refusal. */
  readonly body: string;
}

/** Makes a handshake as a browser does, with nothing but protocols and its origin. */
async function shake(
  path: string,
  protocols: readonly string[],
  options: { readonly origin?: string; readonly headers?: Record<string, string> } = {},
): Promise<Handshake> {
  const socket = new WebSocket(
    `${sandbox.client.server.url.replace("http", "ws")}${path}`,
    [...protocols],
    options,
  );
  socket.on("error", () => undefined); // that of a refusal
  try {
    return await new Promise<Handshake>((resolve, reject) => {
      socket.once("upgrade", ({ headers }) => resolve({ status: 101, headers, body: "" }));
      socket.once("unexpected-response", (_request, response) => {
        const { statusCode: status = 0, headers } = response;
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.once("end", () => resolve({ status, headers, body: Buffer.concat(chunks).toString() }));
        response.once("error", reject);
      });
    });
  } finally {
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.terminate();
    await closed;
  }
}

async function terminalPath(): Promise<string> {
  const created = await sandbox.execd("POST", "/pty", { body: {} });
  const { session_id: id } = (await created.json()) as { readonly session_id: string };
  return `/v1/sandboxes/${sandbox.id}/proxy/44772/pty/${id}/ws`;
}

const viaExecd = () => `/gateway/${sandbox.id}/44772/proxy/${PORT}/`;
const toPort = () => `/gateway/${sandbox.id}/${PORT}/`;

describeHandshakes("the access token as a protocol of a WebSocket", () => {
  test.each([
    ["before the other protocol", () => [`opensandbox.token.${token}`, "opensandbox.terminal"]],
    ["after it", () => ["opensandbox.terminal", `opensandbox.token.${token}`]],
  ])("opens a terminal, %s, and is not sent back", async (_where, protocols) => {
    const { status, headers } = await shake(await terminalPath(), protocols());
    expect(status).toBe(101);
    expect(headers["sec-websocket-protocol"]).toBe("opensandbox.terminal");
    expect(JSON.stringify(headers)).not.toContain(token);
  });

  test.each([
    ["a wrong one", () => ["opensandbox.terminal", "opensandbox.token.wrong"]],
    ["an empty one", () => ["opensandbox.terminal", "opensandbox.token."]],
    ["the API key", () => [`opensandbox.token.${sandbox.client.server.connectionConfig.apiKey}`]],
    ["none", () => ["opensandbox.terminal"]],
  ])("is refused like a header: %s", async (_what, protocols) => {
    const path = await terminalPath();
    const asHeader = await shake(path, [], { headers: { "x-execd-access-token": "wrong" } });
    expect(await shake(path, protocols())).toEqual(asHeader);
    expect(asHeader).toMatchObject({
      status: 401,
      body: JSON.stringify({ error: "Unauthorized: invalid or missing header X-EXECD-ACCESS-TOKEN" }),
    });
  });

  test("does not make up for a header that is wrong", async () => {
    const protocols = ["opensandbox.terminal", `opensandbox.token.${token}`];
    const headers = { "x-execd-access-token": "wrong" };
    expect(await shake(await terminalPath(), protocols, { headers })).toMatchObject({ status: 401 });
  });

  test("is for handshakes only", async () => {
    const { server } = sandbox.client;
    const response = await server.fetch(`${server.url}${await terminalPath()}`, {
      headers: { "sec-websocket-protocol": `opensandbox.token.${token}` },
    });
    expect(response.status).toBe(401);
  });

  test.each([
    ["execd's proxy", viaExecd],
    ["its address", toPort],
  ])("does not reach a server in the sandbox through %s; other protocols do", async (_way, path) => {
    const { status, headers } = await shake(path(), ["one", `opensandbox.token.${token}`, "two"]);
    expect(status).toBe(101);
    const received = Buffer.from(String(headers["x-received"]), "base64url").toString();
    expect(JSON.parse(received)).toMatchObject({ "sec-websocket-protocol": "one, two" });
    expect(received).not.toContain(token);
  });

  test("leaves no empty list of protocols", async () => {
    const { headers } = await shake(viaExecd(), [], {
      headers: { "sec-websocket-protocol": `opensandbox.token.${token}` },
    });
    const received = Buffer.from(String(headers["x-received"]), "base64url").toString();
    expect(JSON.parse(received)).not.toHaveProperty("sec-websocket-protocol");
  });

  test.each([
    ["the server's own", () => sandbox.client.server.url, 101],
    ["one that cors allows", () => ALLOWED_ORIGIN, 101],
    ["another", () => "http://other.test", 403],
    ["another port", () => "http://127.0.0.1:1", 403],
    ["a sandboxed frame", () => "null", 403],
  ])("is accepted from pages as cors says: %s", async (_what, origin, expected) => {
    const protocols = ["opensandbox.terminal", `opensandbox.token.${token}`];
    const { status, body } = await shake(await terminalPath(), protocols, { origin: origin() });
    expect(status).toBe(expected);
    if (expected === 403) expect(JSON.parse(body)).toMatchObject({ code: "ORIGIN_NOT_ALLOWED" });
    expect(body).not.toContain(token);
  });

  test("as a header, it is not bound to an origin, which browsers cannot send it with", async () => {
    const headers = { "x-execd-access-token": token };
    const { status } = await shake(await terminalPath(), [], { origin: "http://other.test", headers });
    expect(status).toBe(101);
  });
});
