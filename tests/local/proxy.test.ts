import { once } from "node:events";
import { request as httpRequest } from "node:http";
import type { Duplex } from "node:stream";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { comparable, nextText, read, recorded } from "../helpers/execd-answers.js";
import { type LocalSandbox, startSandbox, until } from "../helpers/local-sandbox.js";
import { findExchange, loadFixture } from "../helpers/fixtures.js";
import { essence, recordedEssence } from "../helpers/recorded-streams.js";
import { describeIf, isolationWorks, NO_ISOLATION_REASON } from "../helpers/skips.js";

const describeIsolated = describeIf(isolationWorks, "local/proxy", NO_ISOLATION_REASON);
const PORT = 3000;

/** A server in the sandbox: it echoes requests, and does a few things that a proxy may break. */
const SERVER = `
const http = require("node:http");
const waiting = [];
let complete, cut;
const uploaded = new Promise((resolve) => ([complete, cut] = ["complete", "cut"].map((how) => () => resolve(how))));
const server = http.createServer(async (request, response) => {
  const { method, url, headers } = request;
  if (url === "/stream") {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write("data: 1\\n\\n");
    waiting.push(() => response.end("data: 2\\n\\n"));
  } else if (url === "/go") {
    for (const go of waiting.splice(0)) go();
    response.end();
  } else if (url === "/cut") {
    response.writeHead(200, { "content-length": "100" });
    response.write("part", () => response.destroy());
  } else if (url === "/reset") {
    response.write("part", () => setImmediate(() => request.socket.resetAndDestroy()));
  } else if (url === "/upload") {
    request.once("data", () => response.write("got it")).once("close", () => (request.complete ? complete : cut)());
  } else if (url === "/uploaded") {
    response.end(await uploaded);
  } else if (url === "/cookies") {
    response.writeHead(204, { "set-cookie": ["a=1", "b=2"], "x-own": "yes" }).end();
  } else if (url.startsWith("/raw?")) {
    request.socket.end("HTTP/1.1 " + decodeURIComponent(url.slice(5)));
  } else if (url === "/early") {
    response.writeHead(413).end("too much");
  } else {
    let bytes = 0;
    for await (const chunk of request) bytes += chunk.length;
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ method, url, headers, bytes }));
  }
});
server.on("upgrade", (request, socket, head) => {
  const { url, headers } = request;
  const shown = JSON.stringify({ url, host: headers.host, key: headers["open-sandbox-api-key"] ?? null, cookie: headers.cookie ?? null });
  socket.write("HTTP/1.1 101 Switching Protocols\\r\\nconnection: Upgrade\\r\\nupgrade: echo\\r\\n\\r\\n" + shown + "\\n");
  if (head.length > 0) socket.write(head);
  if (url === "/last") socket.resume().once("end", () => socket.end("after your end"));
  else socket.pipe(socket);
});
server.listen(${PORT}, "127.0.0.1");
http.createServer((request, response) => response.end("six")).listen(3006, "::1");
`;

let sandbox: LocalSandbox;

beforeAll(async () => {
  if (!isolationWorks) return;
  sandbox = await startSandbox({ port: 0 });
  await sandbox.serve(SERVER, PORT);
});
afterAll(async () => {
  if (isolationWorks) await sandbox[Symbol.asyncDispose]();
});

interface Shown {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: number;
}

const SECRETS = {
  "open-sandbox-api-key": "key",
  "x-execd-access-token": "token",
  authorization: "Bearer own",
  cookie: "own=1",
  "x-forwarded-for": "6.6.6.6",
  "x-custom": "kept",
};

const viaServer = (path: string, init: RequestInit = {}) => {
  const { client, id } = sandbox;
  return client.server.fetch(`${client.server.url}/v1/sandboxes/${id}/proxy/${PORT}${path}`, init);
};
const viaExecd = (path: string) => sandbox.execd("GET", `/proxy/${PORT}${path}`);

describeIsolated("a port of the sandbox", () => {
  test("gets the request unchanged, without the credentials of the server", async () => {
    const response = await sandbox.openPort(PORT, "POST", "/a%2Fb/../c//d?x=%20&y", {
      headers: SECRETS,
      body: "12345",
    });
    const shown = (await response.json()) as Shown;
    expect(shown).toMatchObject({ method: "POST", url: "/c//d?x=%20&y", bytes: 5 });
    expect(shown.headers).toMatchObject({
      host: `127.0.0.1:${PORT}`,
      authorization: "Bearer own",
      cookie: "own=1",
      "x-custom": "kept",
    });
    expect(Object.keys(shown.headers)).not.toEqual(expect.arrayContaining(["open-sandbox-api-key"]));
    expect(Object.keys(shown.headers)).not.toEqual(expect.arrayContaining(["x-execd-access-token"]));
  });

  test("keeps each cookie of a response, and adds Origin to its Vary header", async () => {
    const { client, id } = sandbox;
    const answer = encodeURIComponent(
      "200 OK\r\nset-cookie: a=1\r\nset-cookie: b=2\r\nvary: accept\r\ncontent-length: 0\r\n\r\n",
    );
    const response = await fetch(`${client.server.url}/gateway/${id}/${PORT}/raw?${answer}`);
    expect(response.headers.getSetCookie()).toEqual(["a=1", "b=2"]);
    expect(response.headers.get("vary")).toBe("accept, Origin");
  });

  test.each([
    ["204 No Content\r\ncontent-length: 2\r\n\r\nno", 204],
    ["101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n", 502],
  ])("that responds %j does not hold up its client", async (answer, status) => {
    const response = await sandbox.openPort(PORT, "GET", `/raw?${encodeURIComponent(answer)}`);
    expect(response.status).toBe(status);
    await response.text();
  });

  test("gets no credentials through the server's own proxy, and learns who asked", async () => {
    const shown = (await (await viaServer("/p?q=1", { headers: SECRETS })).json()) as Shown;
    expect(shown.url).toBe("/p?q=1");
    expect(shown.headers).toMatchObject({
      "x-custom": "kept",
      "x-forwarded-for": "127.0.0.1",
      "x-forwarded-host": new URL(sandbox.client.server.url).host,
      "x-forwarded-proto": "http",
    });
    for (const name of ["authorization", "cookie", "open-sandbox-api-key"]) {
      expect(shown.headers).not.toHaveProperty(name);
    }
  });

  test.each(["HEAD", "OPTIONS"])("is not reached with %s through the server's own proxy", async (method) => {
    expect((await viaServer("/", { method })).status).toBe(405);
  });

  test.each([
    ["its address", (path: string) => sandbox.openPort(PORT, "GET", path)],
    ["the server's own proxy", (path: string) => viaServer(path)],
    ["execd's proxy", viaExecd],
  ])("streams its output through %s", async (_way, open) => {
    const response = await open("/stream");
    const reader: ReadableStreamDefaultReader<Uint8Array> | undefined = response.body?.getReader();
    // The second event is sent only once the first has arrived.
    expect(await nextText(reader)).toBe("data: 1\n\n");
    await read(await sandbox.openPort(PORT, "GET", "/go"));
    expect(await nextText(reader)).toBe("data: 2\n\n");
    expect(await nextText(reader)).toBeUndefined();
  });

  test("passes its own headers on, each of its cookies, and responds without a body", async () => {
    const { status, headers, text } = await read(await sandbox.openPort(PORT, "GET", "/cookies"));
    expect({ status, text, own: headers.get("x-own"), cookies: headers.getSetCookie() }).toEqual({
      status: 204,
      text: "",
      own: "yes",
      cookies: ["a=1", "b=2"],
    });
  });

  test.each(["/cut", "/reset"])("that breaks off is an error (%s)", async (path) => {
    const response = await sandbox.openPort(PORT, "GET", path);
    await expect(response.text()).rejects.toThrow();
  });

  test("is not made complete when the client breaks its request off", async () => {
    const { client, id } = sandbox;
    const request = httpRequest(`${client.server.url}/gateway/${id}/${PORT}/upload`, { method: "POST" });
    request.on("error", () => undefined);
    request.write("part");
    await once(request, "response");
    request.destroy();
    expect((await read(await sandbox.openPort(PORT, "GET", "/uploaded"))).text).toBe("cut");
  });

  test("may respond before it has read the request", async () => {
    const { status, text } = await read(
      await sandbox.openPort(PORT, "POST", "/early", { body: "x".repeat(1_000_000) }),
    );
    expect([status, text]).toEqual([413, "too much"]);
  });

  test("may do so again and again on one connection", async () => {
    const { client, id } = sandbox;
    for (let request = 0; request < 20; request++) {
      const answer = await fetch(`${client.server.url}/gateway/${id}/${PORT}/early`, {
        method: "POST",
        body: "x".repeat(1_000_000),
      });
      expect([answer.status, await answer.text()]).toEqual([413, "too much"]);
    }
  });

  test("takes an upload of any length", async () => {
    const piece = new Uint8Array(65_536);
    let left = 512;
    const body = new ReadableStream<Uint8Array>({
      pull(stream) {
        if (left-- > 0) stream.enqueue(piece);
        else stream.close();
      },
    });
    const shown = (await (await sandbox.openPort(PORT, "PUT", "/", { body })).json()) as Shown;
    expect(shown.bytes).toBe(512 * 65_536);
  });

  test("may listen on either address of localhost", async () => {
    expect((await read(await sandbox.openPort(3006, "GET", "/"))).text).toBe("six");
  });
});

describeIsolated("execd's own proxy", () => {
  const exchanges = loadFixture("execd-misc");

  test.each(["proxy to self", "proxy closed port", "proxy non-numeric"])(
    "responds as recorded: %s",
    async (label) => {
      const exchange = findExchange(exchanges, label);
      const { status, headers, text } = await sandbox.repeat(exchange);
      expect(comparable(status, headers, text)).toEqual(recorded(exchange));
    },
  );

  test("streams execd's own events", async () => {
    const exchange = findExchange(exchanges, "proxy SSE");
    expect(essence((await sandbox.repeat(exchange)).text)).toEqual(recordedEssence(exchange));
  });

  test("requires the token", async () => {
    const { status } = await read(await sandbox.openPort(44772, "GET", `/proxy/${PORT}/`));
    expect(status).toBe(401);
  });

  test.each([
    "unknown route",
    "wrong method",
    "trailing slash",
    "PUT command",
    "OPTIONS preflight",
    "HEAD ping",
  ])("and execd responds as recorded: %s", async (label) => {
    const exchange = findExchange(exchanges, label);
    const { status, headers, text } = await sandbox.repeat(exchange);
    expect(comparable(status, headers, text)).toEqual(recorded(exchange));
  });
});

describeIsolated("a client that goes on with another protocol", () => {
  async function upgrade(
    path: string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Duplex | number> {
    const { port } = new URL(sandbox.client.server.url);
    const request = httpRequest({
      host: "127.0.0.1",
      port,
      path,
      headers: { connection: "Upgrade", upgrade: "echo", ...headers },
    });
    request.end();
    return new Promise((resolve, reject) => {
      request.once("upgrade", (_response, socket: Duplex, head: Buffer) => {
        if (head.length > 0) socket.unshift(head);
        resolve(socket);
      });
      request.once("response", (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      request.once("error", reject);
    });
  }

  const paths = () => ({
    address: `/gateway/${sandbox.id}/${PORT}/socket?x=1`,
    proxy: `/sandboxes/${sandbox.id}/proxy/${PORT}/socket?x=1`,
  });

  test.each([
    ["its address", "address", "own=1"],
    ["the server's own proxy", "proxy", null],
  ] as const)("reaches a server in the sandbox through %s, both ways", async (_way, path, cookie) => {
    const socket = await upgrade(paths()[path], SECRETS);
    if (typeof socket === "number") throw new Error(`It was answered with ${socket}.`);
    let received = "";
    socket.setEncoding("utf8").on("data", (text: string) => (received += text));
    await until(
      () => received,
      (text) => text.endsWith("\n"),
    );
    expect(JSON.parse(received)).toEqual({
      url: "/socket?x=1",
      host: `127.0.0.1:${PORT}`,
      key: null,
      cookie,
    });
    socket.write("there and back");
    await until(
      () => received,
      (text) => text.endsWith("there and back"),
    );
    const closed = once(socket, "close");
    socket.end();
    await closed;
  });

  test("still receives what the server sends after the client has ended its side", async () => {
    const socket = await upgrade(`/gateway/${sandbox.id}/${PORT}/last`);
    if (typeof socket === "number") throw new Error(`It was answered with ${socket}.`);
    socket.end("the client's last words");
    expect(await text(socket)).toMatch(/after your end$/);
  });

  test.each([
    ["a closed port", () => `/gateway/${sandbox.id}/9/`, 502],
    ["an unknown sandbox", () => `/gateway/none/${PORT}/`, 404],
    ["no sandbox at all", () => "/sandboxes", 404],
    ["execd without its token", () => `/gateway/${sandbox.id}/44772/proxy/${PORT}/`, 401],
  ])("is refused at %s", async (_what, path, status) => {
    expect(await upgrade(path())).toBe(status);
  });
});
