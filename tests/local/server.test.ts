import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { request as httpRequest } from "node:http";
import os from "node:os";
import path from "node:path";
import { text } from "node:stream/consumers";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { startLocalServer } from "../../src/local/index.js";
import { Listener } from "../../src/local/http/listener.js";
import { OwnHosts } from "../../src/local/http/own-hosts.js";
import { LocalClient, until } from "../helpers/local-sandbox.js";
import { describeIf, isolationWorks, NO_ISOLATION_REASON } from "../helpers/skips.js";

const KEY = { "open-sandbox-api-key": "the-key" };

test("options that are not an object are refused", async () => {
  // Callers in plain JavaScript can pass any value.
  await expect(startLocalServer(null as never)).rejects.toThrow(
    "the options of startLocalServer must be an object; got null.",
  );
});

test.each([
  [{ port: 70_000 }, "port must be a whole number from 0 to 65535, or false; got 70000"],
  [{ port: 1.5 }, "port must be a whole number from 0 to 65535, or false; got 1.5"],
  [{ apiKey: "a b" }, "apiKey must be a string of printable ASCII characters without spaces"],
  [
    { cors: ["localhost"] },
    'cors must be "*" or a list of origins such as "http://localhost:5173"; got ["localhost"]',
  ],
  [{ host: "example.com" }, 'host must be "localhost" or an IP address of this machine; got "example.com"'],
  [
    { allowedHosts: ["http://a.example"] },
    'allowedHosts must be a list of names such as "host.docker.internal" or "box.example:8080"; got ["http://a.example"]',
  ],
  [
    { host: "0.0.0.0", apiKey: "" },
    "apiKey must not be empty with allowedHosts or a host other than the loopback interface: anybody could run code",
  ],
  [
    { allowedHosts: ["a.example"], apiKey: "" },
    "apiKey must not be empty with allowedHosts or a host other than the loopback interface: anybody could run code",
  ],
  [
    { allowedHosts: ["a.example"], port: false as const },
    "host and allowedHosts need a port; got port: false",
  ],
  [{ faults: { cutAtByte: -1 } }, "faults.cutAtByte must be a whole number of at least 0; got -1"],
])("the options %j are refused", async (options, message) => {
  await expect(startLocalServer(options)).rejects.toMatchObject({
    name: "InvalidArgumentException",
    message,
  });
});

test("an abort of the start rejects with its reason", async () => {
  const reason = new Error("not now");
  await expect(startLocalServer({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
});

describeIf(
  isolationWorks,
  "local/server",
  NO_ISOLATION_REASON,
)("on a port", () => {
  let client: LocalClient;
  let port: number;
  beforeAll(async () => {
    client = await LocalClient.start({ apiKey: "the-key", cors: ["http://localhost:5173"] });
    port = Number(new URL(client.server.url).port);
  });
  afterAll(() => client.server.close());

  test("it listens on the loopback interface, and over HTTP responds as in-process", async () => {
    expect(client.server.url).toBe(`http://127.0.0.1:${port}`);
    const answers = await Promise.all([
      fetch(`${client.server.url}/v1/sandboxes`, { headers: KEY }),
      client.server.fetch(`${client.server.url}/v1/sandboxes`, { headers: KEY }),
    ]);
    const [overHttp, inProcess] = await Promise.all(answers.map((answer) => answer.text()));
    expect(overHttp).toBe(inProcess);
    expect(client.server.connectionConfig).toEqual({
      domain: `127.0.0.1:${port}`,
      protocol: "http",
      apiKey: "the-key",
    });
  });

  test("a second server cannot use its port", async () => {
    await expect(startLocalServer({ port })).rejects.toMatchObject({
      error: { code: "PORT_UNAVAILABLE", message: expect.stringContaining("another program uses it") },
    });
  });

  test("a client that asks for HTTP/2 gets its response as HTTP/1.1, also to a request with a body", async () => {
    const upgrade = {
      connection: "Upgrade, HTTP2-Settings",
      upgrade: "h2c",
      "http2-settings": "AAMAAABkAAQCAAAAAAIAAAAA",
    };
    const responses = ["GET", "POST"].map(
      (method) =>
        new Promise<[number | undefined, string]>((resolve, reject) => {
          const options = { port, method, path: "/v1/sandboxes", headers: { ...KEY, ...upgrade } };
          const request = httpRequest(options, (response) => {
            text(response).then((body) => resolve([response.statusCode, body]), reject);
          });
          request
            .on("error", reject)
            .end(method === "POST" ? JSON.stringify({ metadata: "x".repeat(100_000) }) : "");
        }),
    );
    const [list, creation] = await Promise.all(responses);
    expect(list?.[0]).toBe(200);
    expect(creation?.[0]).toBe(422);
    expect(creation?.[1]).toContain("valid dictionary");
  });

  test.each([
    ["127.0.0.1:80", 80, true],
    ["127.0.0.1", 80, true],
    ["localhost", 80, true],
    ["localhost", 8080, false],
    ["localhost:8080", 8080, true],
    ["evil.example", 80, false],
    ["any.example", 80, true],
    ["ANY.example:1", 80, true],
    ["one.example:81", 80, true],
    ["one.example:80", 80, false],
    ["not.any.example", 80, false],
    ["[fd00::1]:9", 80, true],
    ["", 80, false],
    [undefined, 80, false],
  ])("the host %s is the server's own on port %d: %s", (host, ownPort, expected) => {
    const hosts = new OwnHosts({ host: "::", allowedHosts: ["Any.example", "one.example:81", "[fd00::1]"] });
    expect(hosts.includes(host, { address: "127.0.0.1", port: ownPort })).toBe(expected);
  });

  test.each([
    ["10.0.0.1", "10.0.0.1:80", true],
    ["::ffff:10.0.0.1", "10.0.0.1:80", true],
    ["fd00::2", "[fd00::2]:80", true],
    ["10.0.0.1", "10.0.0.2:80", false],
  ])("a client that is connected to %s may call it %s: %s", (address, host, expected) => {
    const hosts = new OwnHosts({ host: "0.0.0.0", allowedHosts: [] });
    expect(hosts.includes(host, { address, port: 80 })).toBe(expected);
  });

  test("a server that listens on all networks responds at each address, and uses that address in its endpoints", async () => {
    await using own = await LocalClient.start({ port: 0, host: "0.0.0.0", allowedHosts: ["box.example"] });
    const { id } = await own.create();
    const domain = own.server.connectionConfig.domain;
    expect(domain).toMatch(/^127\.0\.0\.1:\d+$/);
    const ownPort = Number(new URL(own.server.url).port);
    const ask = (host: string) =>
      new Promise<[number | undefined, string]>((resolve, reject) => {
        const headers = { host, "open-sandbox-api-key": own.server.connectionConfig.apiKey };
        // Linux has all of 127.0.0.0/8. Elsewhere there is only 127.0.0.1.
        const target = process.platform === "linux" ? "127.0.0.2" : "127.0.0.1";
        const options = { host: target, port: ownPort, path: `/v1/sandboxes/${id}/endpoints/80`, headers };
        const request = httpRequest(options, (response) => {
          text(response).then((body) => resolve([response.statusCode, body]), reject);
        });
        request.on("error", reject).end();
      });
    for (const host of ["box.example", "box.example:4000", `127.0.0.2:${ownPort}`]) {
      if (host.startsWith("127.0.0.2") && process.platform !== "linux") continue;
      const [status, body] = await ask(host);
      expect(status).toBe(200);
      expect(JSON.parse(body)).toMatchObject({ endpoint: `${host}/gateway/${id}/80` });
    }
    expect((await ask("evil.example"))[0]).toBe(403);
  });

  test("an address that the machine does not have is an error that says so", async () => {
    await expect(startLocalServer({ host: "192.0.2.1" })).rejects.toThrow(
      "192.0.2.1 is not an address of this machine",
    );
  });

  test("boxes are made by the bwrap that was tested, wherever it is", async () => {
    const directory = mkdtempSync(path.join(os.tmpdir(), "own-bwrap-"));
    const log = path.join(directory, "log");
    const { PATH } = process.env;
    const script = `#!/bin/sh\necho "$*" >> ${log}\nPATH='${PATH ?? ""}' exec bwrap "$@"\n`;
    writeFileSync(path.join(directory, "bwrap"), script, { mode: 0o755 });
    process.env["PATH"] = `${directory}:${PATH ?? ""}`;
    try {
      await using own = await LocalClient.start({ port: false });
      await own.create();
      expect(readFileSync(log, "utf8")).toContain("supervisor.mjs");
    } finally {
      process.env["PATH"] = PATH;
      rmSync(directory, { recursive: true, force: true });
    }
  });

  test("one that cannot start leaves no compiler running", async () => {
    const directory = mkdtempSync(path.join(os.tmpdir(), "no-start-"));
    const compiler = path.join(directory, "bin/go");
    const script = `#!/bin/sh\nif [ "$1" = env ]; then echo "${directory}"; else exec sleep 600.${process.pid}; fi\n`;
    mkdirSync(path.dirname(compiler));
    writeFileSync(compiler, script, { mode: 0o755 });
    writeFileSync(path.join(directory, "VERSION"), "go1.24.1\n");
    const { PATH, XDG_CACHE_HOME } = process.env;
    Object.assign(process.env, {
      PATH: `${path.dirname(compiler)}:${PATH ?? ""}`,
      XDG_CACHE_HOME: directory,
    });
    try {
      await expect(startLocalServer({ port })).rejects.toThrow("cannot listen");
      expect(existsSync(path.join(directory, "opensandbox-code-interpreter/go-build-1.24.1"))).toBe(true);
      await until(
        () =>
          commandLines().filter(
            (line) => line.includes(compiler) || line.includes(`sleep 600.${process.pid}`),
          ),
        (lines) => lines.length === 0,
      );
    } finally {
      process.env["PATH"] = PATH;
      if (XDG_CACHE_HOME === undefined) delete process.env["XDG_CACHE_HOME"];
      else process.env["XDG_CACHE_HOME"] = XDG_CACHE_HOME;
      rmSync(directory, { recursive: true, force: true });
    }
  }, 20_000);

  test.each([
    ["127.0.0.1:PORT", 200],
    ["localhost:PORT", 200],
    ["LOCALHOST:PORT", 200],
    ["evil.example:PORT", 403],
    ["127.0.0.1.evil.example:PORT", 403],
    ["127.0.0.1", 403],
    ["127.0.0.1:1", 403],
  ])("with the Host %s it responds %d", async (host, status) => {
    const request = `GET /health HTTP/1.1\r\nHost: ${host.replace("PORT", String(port))}\r\nConnection: close\r\n\r\n`;
    expect(await exchange(port, request)).toMatch(`HTTP/1.1 ${status} `);
  });

  test("headers that are too large are refused", async () => {
    const answer = await exchange(
      port,
      `GET /health HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nX-Large: ${"x".repeat(40_000)}\r\n\r\n`,
    );
    expect(answer).toMatch("HTTP/1.1 431 ");
  });

  test("a body that is too large for the lifecycle API is refused", async () => {
    const answer = await client.send(
      "POST",
      "/v1/sandboxes",
      JSON.stringify({ env: { a: "x".repeat(2 ** 20) } }),
    );
    expect(answer.status).toBe(413);
  });

  test("a page of an allowed origin may send requests and read responses", async () => {
    const origin = "http://localhost:5173";
    const preflight = await fetch(`${client.server.url}/v1/sandboxes`, {
      method: "OPTIONS",
      headers: {
        origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "open-sandbox-api-key,content-type",
      },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get("access-control-allow-origin")).toBe(origin);
    expect(preflight.headers.get("access-control-allow-headers")).toBe("open-sandbox-api-key,content-type");
    const answer = await fetch(`${client.server.url}/v1/sandboxes`, { headers: { ...KEY, origin } });
    expect(answer.headers.get("access-control-allow-origin")).toBe(origin);
    expect((await fetch(`${client.server.url}/v1/sandboxes`, { headers: { origin } })).status).toBe(401);
  });

  test("a page of any other origin may not", async () => {
    const headers = { ...KEY, origin: "http://evil.example" };
    const preflight = await fetch(`${client.server.url}/v1/sandboxes`, {
      method: "OPTIONS",
      headers: { ...headers, "access-control-request-method": "POST" },
    });
    expect(preflight.status).toBe(405);
    const answer = await fetch(`${client.server.url}/v1/sandboxes`, { headers });
    expect(answer.headers.has("access-control-allow-origin")).toBe(false);
  });

  test("an abort after the headers breaks the body off, and the server goes on", async () => {
    const sandbox = await client.create();
    const controller = new AbortController();
    const answer = await sandbox.execd(
      "POST",
      "/command",
      { command: "sleep 60" },
      {
        signal: controller.signal,
      },
    );
    const body = answer.text();
    controller.abort(new Error("enough"));
    await expect(body).rejects.toThrow("enough");
    expect((await sandbox.command("echo on")).stdout).toBe("on");
  });
});

describe("slow clients are dropped", () => {
  let listener: Listener;
  beforeAll(async () => {
    const echo = async (request: Request) => new Response(await request.text());
    listener = await Listener.open(0, echo, { headersTimeoutMs: 200, bodyIdleMs: 200 });
  });
  afterAll(() => listener.close());

  /** Sends the beginning of a request, which never goes on. */
  function begin(request: string): Socket {
    const socket = connect(listener.port, "127.0.0.1");
    socket.on("error", () => undefined); // a reset is one way to be dropped
    socket.resume().write(request);
    return socket;
  }

  test("whose headers do not end", async () => {
    await once(begin("GET / HTTP/1.1\r\nHost: 127.0"), "close");
  });

  test("whose body stops", async () => {
    const head = `POST / HTTP/1.1\r\nHost: ${listener.host}\r\nContent-Length: 100\r\n\r\n`;
    await once(begin(`${head}begun`), "close");
  });

  test("but not one whose body goes on slowly", async () => {
    const socket = connect(listener.port, "127.0.0.1");
    let answer = "";
    socket.setEncoding("utf8").on("data", (text: string) => (answer += text));
    const closed = once(socket, "close");
    const head = `POST / HTTP/1.1\r\nHost: ${listener.host}\r\nConnection: close\r\nContent-Length: 12\r\n\r\n`;
    socket.write(head);
    for (let index = 0; index < 12; index++) {
      await new Promise((resolve) => setTimeout(resolve, 40));
      socket.write("x");
    }
    await closed;
    expect(answer).toMatch(/^HTTP\/1.1 200 [^]*xxxxxxxxxxxx/);
  });
});

describeIf(
  isolationWorks,
  "local/server",
  NO_ISOLATION_REASON,
)("in-process", () => {
  test("it is reached only by its fetch, which rejects once it is closed", async () => {
    const client = await LocalClient.start();
    expect(client.server.url).toBe("http://opensandbox.invalid");
    expect(client.server.connectionConfig.fetch).toBe(client.server.fetch);
    expect((await client.send("GET", "/v1/sandboxes")).status).toBe(200);
    await Promise.all([client.server.close(), client.server.close()]);
    await expect(client.send("GET", "/v1/sandboxes")).rejects.toMatchObject({ error: { code: "CLOSED" } });
  });

  test("a loop of requests does not starve timers", async () => {
    await using client = await LocalClient.start();
    const due = AbortSignal.timeout(1);
    let count = 0;
    while (!due.aborted && count < 5000) {
      count += 1;
      await (await client.send("GET", "/health")).text();
    }
    expect(count).toBeLessThan(5000);
  });

  test("closing ends a stream that is being read", async () => {
    const client = await LocalClient.start();
    const sandbox = await client.create();
    const answer = await sandbox.execd("POST", "/command", { command: "sleep 60" });
    const body = answer.text();
    body.catch(() => undefined);
    await client.server.close();
    await expect(body).rejects.toThrow();
  });

  test("an abort before the headers rejects with its reason, and so does one that came before", async () => {
    await using client = await LocalClient.start();
    const sandbox = await client.create();
    // Nothing answers while it is paused.
    await client.send("POST", `${sandbox.path}/pause`);
    const controller = new AbortController();
    const answer = sandbox.execd("GET", "/ping", undefined, { signal: controller.signal });
    const reason = new Error("enough");
    controller.abort(reason);
    await expect(answer).rejects.toBe(reason);
    await expect(client.send("GET", "/health", undefined, { signal: controller.signal })).rejects.toBe(
      reason,
    );
  });

  test("an abort after the headers rejects the body with its reason", async () => {
    await using client = await LocalClient.start();
    const sandbox = await client.create();
    const controller = new AbortController();
    const answer = await sandbox.execd(
      "POST",
      "/command",
      { command: "sleep 60" },
      {
        signal: controller.signal,
      },
    );
    const body = answer.text();
    controller.abort(new Error("enough"));
    await expect(body).rejects.toThrow("enough");
  });
});

/** Sends bytes and reads until the server closes. */
async function exchange(port: number, request: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  let answer = "";
  socket.setEncoding("utf8").on("data", (text: string) => (answer += text));
  // A server that refuses closes while the request is still being sent.
  socket.on("error", () => undefined);
  socket.write(request);
  await once(socket, "close");
  return answer;
}

function commandLines(): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return [readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ")];
      } catch {
        return []; // ended meanwhile
      }
    });
}
