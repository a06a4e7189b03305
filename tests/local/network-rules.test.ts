import { createServer, type Socket } from "node:net";
import { setImmediate } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { startLocalServer } from "../../src/local/index.js";
import { LocalClient, until, type LocalSandbox } from "../helpers/local-sandbox.js";
import {
  allow,
  createWithRules,
  deny,
  HOST,
  listen,
  PYTHON,
  sendEgress,
  startWeb,
} from "../helpers/network-rules.js";
import { describeIf, hasPython, isolationWorks, NO_ISOLATION_REASON } from "../helpers/skips.js";

describeIf(
  isolationWorks && hasPython,
  "local/network-rules",
  `${NO_ISOLATION_REASON}, or there is no Python`,
)("a sandbox with network rules", () => {
  let client: LocalClient;
  let sandbox: LocalSandbox;
  let web: Awaited<ReturnType<typeof startWeb>>;
  const closing: (() => void)[] = [];
  beforeAll(async () => {
    web = await startWeb((request, response) => {
      if (request.url === "/moved") response.writeHead(302, { location: "http://10.0.0.1/" });
      request.pipe(response);
      if (request.method === "GET") response.write("hello\n");
    });
    client = await LocalClient.start({ port: false, network: { egress: allow(HOST) } });
    sandbox = await client.create();
  });
  afterEach(() => {
    for (const close of closing.splice(0)) close();
    web.requests.splice(0);
  });
  afterAll(async () => {
    await client.server.close();
    web.server.close();
  });

  /** A TCP server of this machine, and the connections that it has accepted. */
  async function startTcp(onConnection: (socket: Socket) => void = () => undefined) {
    const sockets: Socket[] = [];
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      sockets.push(socket.on("error", () => undefined));
      onConnection(socket);
    });
    const port = await listen(server);
    closing.push(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    return {
      port,
      server,
      sockets,
      accepted: () =>
        until(
          () => sockets[0],
          (socket) => socket !== undefined,
        ),
    };
  }

  const python = (script: string, of = sandbox) => of.python(`${PYTHON}\n${script}`, {});
  /** Starts a program that keeps running after the command. */
  async function background(script: string, of = sandbox): Promise<void> {
    await of.upload("/workspace/program.py", `${PYTHON}\n${script}`);
    await of.command("python3 program.py", { background: true });
  }

  test("finds the proxy in the variables of commands, sessions and kernels", async () => {
    const variable = 'echo "$http_proxy $HTTPS_PROXY $ALL_PROXY $no_proxy"';
    const expected =
      "http://127.0.0.1:3128 http://127.0.0.1:3128 http://127.0.0.1:3128 localhost,127.0.0.1,::1";
    expect((await sandbox.command(variable)).stdout).toBe(expected);
    expect((await sandbox.run("bash", variable)).stdout).toBe(`${expected}\n`);
    const names = '["http_proxy", "HTTPS_PROXY", "ALL_PROXY", "no_proxy"]';
    expect((await python(`print(*(os.environ[name] for name in ${names}))`)).stdout).toBe(`${expected}\n`);
  });

  test.each(["", "-p", "-x socks5://127.0.0.1:3128", "-x socks5h://127.0.0.1:3128"])(
    "reaches an allowed host: curl %s",
    async (options) => {
      const { stdout } = await sandbox.command(`curl -sS ${options} -d sent ${web.url}/path?query`);
      expect(stdout).toBe("sent");
      expect(web.requests[0]).toMatchObject({ method: "POST", url: "/path?query" });
      expect(web.requests[0]?.headers).toMatchObject({ host: `${HOST}:${web.port}` });
      expect(web.requests[0]?.headers["proxy-connection"]).toBeUndefined();
    },
  );

  test("gets an error that names the target and the reason", async () => {
    const { stdout } = await sandbox.command("curl -s -i http://10.0.0.1:8080/");
    expect(stdout).toMatch(/^HTTP\/1.1 403 Denied by the network policy/);
    expect(stdout).toContain("content-type: text/plain");
    expect(stdout).toMatch(
      /The network policy of this sandbox does not allow 10.0.0.1:8080: no rule matches, and the default action is deny.$/,
    );
    const tunnel = await python(
      'print(raw(b"CONNECT example.com:443 HTTP/1.1\\r\\nHost: example.com\\r\\n\\r\\n"))',
    );
    expect(tunnel.stdout).toMatch(/^HTTP\/1.1 403 [^]* does not allow example.com:443: no rule/);
    expect((await python('print(socks("example.com", 443)[1])')).stdout).toBe("2\n");
  });

  test("gets an error for what is allowed and cannot be reached, and for what is not a request to a proxy", async () => {
    const { stdout } = await sandbox.command(`curl -s http://${HOST}:1/`);
    expect(stdout).toBe(`Could not connect to ${HOST}:1: ECONNREFUSED.`);
    expect((await python(`print(socks("${HOST}", 1)[1])`)).stdout).toBe("4\n");
    expect((await sandbox.command("curl -s http://127.0.0.1:3128/")).stdout).toContain(
      "This is an HTTP proxy.",
    );
    const cases = await python(`
results = [raw(b"nonsense\\r\\n\\r\\n")[:12], raw(b"\\x05\\x01\\x02")]
results.append(raw(b"\\x05\\x01\\x00\\x05\\x02\\x00\\x01\\x7f\\x00\\x00\\x02\\x00\\x50")[:4])
connection = open_proxy()
connection.shutdown(socket.SHUT_WR)
print(results + [everything(connection)])
`);
    expect(cases.stdout).toBe("['HTTP/1.1 400', '\\x05ÿ', '\\x05\\x00\\x05\\x07', b'<reset>']\n");
  });

  test("reads and changes its rules by the API of the sidecar", async () => {
    const own = await createWithRules(client, ...allow("a.example"));
    const ok = { status: "ok", enforcementMode: "proxy" };
    const json = async (...request: [method: string, path: string, body?: unknown]) => {
      const { status, text } = await sendEgress(own, ...request);
      expect([status, text]).toEqual([200, expect.anything()]);
      return JSON.parse(text) as unknown;
    };
    const policy = async () => (await json("GET", "/policy")) as { policy: unknown };
    expect(await policy()).toEqual({
      ...{ ...ok, mode: "enforcing" },
      policy: { defaultAction: "deny", egress: allow("a.example") },
    });
    expect(await json("PATCH", "/policy", [...deny("A.example"), ...allow("b.example")])).toEqual({
      ...{ ...ok, mode: "enforcing" },
    });
    expect((await policy()).policy).toEqual({
      defaultAction: "deny",
      egress: [...deny("A.example"), ...allow("b.example")],
    });
    await json("DELETE", "/policy", ["a.EXAMPLE", "unknown.example"]);
    expect((await policy()).policy).toEqual({ defaultAction: "deny", egress: allow("b.example") });
    expect(await json("PUT", "/policy", { defaultAction: "allow" })).toEqual({ ...ok, mode: "allow_all" });
    expect(await json("POST", "/policy")).toEqual({
      ...{ ...ok, mode: "deny_all" },
      reason: "policy reset to default deny-all",
    });
    const health = await sendEgress(own, "GET", "/healthz", undefined, {});
    expect([health.status, health.text]).toEqual([200, "ok"]);
  });

  test("has the same rules at the lifecycle server", async () => {
    const own = await createWithRules(client, ...allow("a.example"));
    const send = async (method: string, body?: unknown) => {
      const response = await client.send(method, `${own.path}/networkpolicy`, body);
      return [response.status, await response.text()];
    };
    const ok = JSON.stringify({ status: "ok", mode: "enforcing", enforcementMode: "proxy" });
    expect(await send("PATCH", allow("b.example"))).toEqual([200, ok]);
    expect(await send("DELETE", ["a.example"])).toEqual([200, ok]);
    expect(await send("GET")).toEqual([200, (await sendEgress(own, "GET", "/policy")).text]);
    expect(await send("GET")).toEqual([200, expect.stringContaining('"target":"b.example"')]);
    expect(await send("PATCH", allow("a b"))).toEqual([400, expect.stringMatching(/^invalid policy: /)]);
    expect(await send("PUT")).toEqual([422, expect.stringContaining("Field required")]);
    expect(await send("PUT", { egress: deny("c.example") })).toEqual([200, ok]);
    expect((await sendEgress(own, "GET", "/policy")).text).toContain('"action":"deny","target":"c.example"');
    const key = { headers: { "open-sandbox-api-key": "x" } };
    expect((await client.send("GET", `${own.path}/networkpolicy`, undefined, key)).status).toBe(401);
    await using denied = await LocalClient.start({ port: false });
    const without = await denied.create();
    const response = await denied.send("GET", `${without.path}/networkpolicy`);
    expect([response.status, await response.text()]).toEqual([
      502,
      expect.stringContaining("created without a networkPolicy"),
    ]);
  });

  test("refuses requests that are not valid, without a change", async () => {
    const before = (await sendEgress(sandbox, "GET", "/policy")).text;
    const send = async (
      ...request: [method: string, path: string, body?: unknown, headers?: Record<string, string>]
    ) => {
      const { status, text, headers } = await sendEgress(sandbox, ...request);
      expect(headers.get("content-type")).toBe("text/plain; charset=utf-8");
      return [status, text.trimEnd()];
    };
    expect(await send("GET", "/policy", undefined, {})).toEqual([401, "unauthorized"]);
    expect(await send("GET", "/policy", undefined, { "opensandbox-egress-auth": "x" })).toEqual([
      401,
      "unauthorized",
    ]);
    expect(await send("POST", "/policy", "{")).toEqual([400, "invalid policy: the body is not JSON"]);
    expect(await send("PATCH", "/policy", [])).toEqual([
      400,
      "the body must be a JSON array with at least one item",
    ]);
    expect(await send("DELETE", "/policy", [1])).toEqual([
      400,
      "each target must be a string that is not empty",
    ]);
    expect(await send("PATCH", "/policy", [{ action: "allow", target: "a b" }])).toEqual([
      400,
      expect.stringMatching(/^invalid policy: egress\[0\].target must be a name/),
    ]);
    const many = { egress: allow(...Array<string>(4097).fill("a")) };
    expect(await send("PUT", "/policy", many)).toEqual([413, expect.stringContaining("at most 4096 rules")]);
    expect(await send("PUT", "/policy", "x".repeat(2 ** 20 + 1))).toEqual([413, expect.anything()]);
    expect(await send("GET", "/other")).toEqual([404, "404 page not found"]);
    expect(await send("GET", "/credential-vault")).toEqual([
      412,
      expect.stringContaining("does not add credentials"),
    ]);
    const wrong = await sendEgress(sandbox, "OPTIONS", "/policy");
    expect([wrong.status, wrong.headers.get("allow")]).toEqual([405, "GET, POST, PUT, PATCH, DELETE"]);
    expect((await sendEgress(sandbox, "GET", "/policy")).text).toBe(before);
  });

  test("applies a change to new connections at once, and resets open ones that are no longer allowed", async () => {
    const own = await createWithRules(client);
    const fetchIt = async () => (await own.command(`curl -s ${web.url}/`)).stdout;
    expect(await fetchIt()).toContain("does not allow");
    await sendEgress(own, "PATCH", "/policy", allow(HOST));
    expect(await fetchIt()).toBe("hello");
    const { port, accepted } = await startTcp();
    await background(`print(everything(socks("${HOST}", ${port})[0]))`, own);
    const socket = await accepted();
    await sendEgress(own, "POST", "/policy");
    await until(() => socket?.destroyed, Boolean);
    expect(await fetchIt()).toContain("does not allow");
  });

  test("is created with rules of its own, and not with invalid ones", async () => {
    const body = { image: { uri: "any" }, entrypoint: ["any"], resourceLimits: {} };
    const networkPolicy = { egress: [{ action: "permit", target: "a" }] };
    const response = await client.send("POST", "/v1/sandboxes", { ...body, networkPolicy });
    expect(response.status).toBe(422);
    expect(await response.text()).toContain(
      'egress[0].action must be \\"allow\\" or \\"deny\\"; got \\"permit\\"',
    );
    await expect(
      startLocalServer({ port: false, network: { defaultAction: "allow", egress: deny("a b") } }),
    ).rejects.toThrow('network must be "deny", "allow" or a network policy: egress[0].target must be a name');
  });

  test("keeps its rules and connections during a pause, and gives its rules to sandboxes of its snapshots", async () => {
    const own = await createWithRules(client, ...allow(HOST));
    const { port, accepted } = await startTcp();
    await background(
      `connection = socks("${HOST}", ${port})[0]\nopen("got", "wb").write(everything(connection))`,
      own,
    );
    const socket = await accepted();
    await client.send("POST", `${own.path}/pause`);
    socket?.write("sent during the pause");
    expect((await sendEgress(own, "GET", "/policy")).status).toBe(200);
    await client.send("POST", `${own.path}/resume`);
    socket?.end();
    await until(
      () => own.read("/workspace/got").catch(() => ""),
      (text) => text === "sent during the pause",
    );

    const { id } = await client.json("POST", `${own.path}/snapshots`);
    const snapshot = `/v1/snapshots/${String(id)}`;
    await until(
      async () => JSON.stringify(await client.json("GET", snapshot)),
      (text) => text.includes('"Ready"'),
    );
    const restored = await client.create({ image: null, entrypoint: null, snapshotId: id });
    expect((await restored.command(`curl -s ${web.url}/`)).stdout).toBe("hello");
    expect((await sendEgress(restored, "GET", "/policy")).text).toBe(
      (await sendEgress(own, "GET", "/policy")).text,
    );
  });

  test("ends one direction of a connection and keeps the other one", async () => {
    const { port } = await startTcp((socket) => {
      const chunks: Buffer[] = [];
      socket.on("data", (chunk) => chunks.push(chunk));
      socket.once("end", () => socket.end(`got ${Buffer.concat(chunks).length}`));
    });
    const { stdout } = await python(`
connection, _ = socks("${HOST}", ${port})
connection.sendall(b"x" * 1000000)
connection.shutdown(socket.SHUT_WR)
print(everything(connection))`);
    expect(stdout).toBe("b'got 1000000'\n");
  });

  test("sees a reset of the host, which sees the end of the client", async () => {
    const { port, accepted } = await startTcp();
    const running = python(`
connection, _ = socks("${HOST}", ${port})
print(everything(connection))`);
    (await accepted())?.resetAndDestroy();
    expect((await running).stdout).toBe("b'<reset>'\n");

    const second = await startTcp();
    await background(`connection, _ = socks("${HOST}", ${second.port})\nconnection.recv(1)`);
    const socket = await second.accepted();
    await sandbox.command("pkill -f program.py");
    socket?.resume();
    await until(() => socket?.readableEnded === true || socket?.destroyed, Boolean);
  });

  test("leaves no connections when it is killed", async () => {
    const own = await createWithRules(client, ...allow(HOST));
    const { port, accepted, server } = await startTcp();
    await background(`all = [socks("${HOST}", ${port})[0] for _ in range(50)]\nall[0].recv(1)`, own);
    await accepted();
    const count = () =>
      new Promise<number>((resolve) => server.getConnections((_error, open) => resolve(open)));
    await until(count, (open) => open === 50);
    await client.send("DELETE", own.path);
    await until(count, (open) => open === 0);
  });

  test("is slowed down by a reader that does not read, in both directions", async () => {
    const { port, accepted } = await startTcp((socket) => void socket.pause());
    await background(`
connection, _ = socks("${HOST}", ${port})
connection.settimeout(1)
sent = 0
try:
    while sent < 200_000_000:
        sent += connection.send(b"x" * 65536)
except TimeoutError:
    pass
open("sent", "w").write(str(sent))
connection.settimeout(None)
connection.recv(1)`);
    const socket = await accepted();
    const sent = await until(
      () => sandbox.read("/workspace/sent").catch(() => ""),
      (text) => text !== "",
    );
    expect(Number(sent)).toBeLessThan(32_000_000);

    let written = 0;
    // Nothing reads in the box, so that at some time nothing more is taken.
    for (let idle = 0; idle < 200 && written < 200_000_000; idle += 1) {
      while (socket?.write(Buffer.alloc(65_536)) === true) {
        written += 65_536;
        idle = 0;
      }
      await setImmediate();
    }
    expect(written).toBeLessThan(32_000_000);
  });

  test("has at most 256 connections at once; more wait", async () => {
    const own = await createWithRules(client, ...allow(HOST));
    const { port, server, sockets } = await startTcp();
    await background(
      `import threading\ndef one():\n    socks("${HOST}", ${port})[0].recv(1)\nfor _ in range(300): threading.Thread(target=one).start()`,
      own,
    );
    const count = () =>
      new Promise<number>((resolve) => server.getConnections((_error, open) => resolve(open)));
    await until(count, (open) => open === 256);
    for (const socket of [...sockets]) socket.end("x");
    await until(
      () => sockets.length,
      (all) => all === 300,
    );
  });

  test("does not keep rules from sandboxes without them: they have no proxy, or the whole network", async () => {
    await using other = await LocalClient.start({ port: false });
    const without = await other.create();
    expect((await without.command("env | grep -ic http_proxy")).stdout).toBe("0");
    expect((await sendEgress(without, "GET", "/policy")).status).toBe(502);
    const own = await createWithRules(other, ...allow(HOST));
    expect((await own.command(`curl -s ${web.url}/`)).stdout).toBe("hello");
  });
});

test("without isolation, rules are refused", async () => {
  await expect(startLocalServer({ port: false, isolation: "none", network: {} })).rejects.toMatchObject({
    code: "NO_ISOLATION",
    message: expect.stringContaining("Network policies need bubblewrap on Linux"),
  });
  await using client = await LocalClient.start({ port: false, isolation: "none" });
  const body = { image: { uri: "any" }, entrypoint: ["any"], resourceLimits: {}, networkPolicy: {} };
  const response = await client.send("POST", "/v1/sandboxes", body);
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ code: "SANDBOX::INVALID_PARAMETER" });
});
