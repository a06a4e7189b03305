import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { LocalClient, type LocalSandbox } from "../helpers/local-sandbox.js";
import { allow, createWithRules, HOST, PYTHON, startWeb } from "../helpers/network-rules.js";
import { describeIf, hasPython, isolationWorks, NO_ISOLATION_REASON } from "../helpers/skips.js";

/** Another server of this machine, which the rules do not name. */
const FORBIDDEN = "127.0.0.3";

describeIf(
  isolationWorks && hasPython,
  "local/network-rules, attacks",
  `${NO_ISOLATION_REASON}, or there is no Python`,
)("code that tries to get round network rules", () => {
  let client: LocalClient;
  let sandbox: LocalSandbox;
  let web: Awaited<ReturnType<typeof startWeb>>;
  let forbidden: Awaited<ReturnType<typeof startWeb>>;
  beforeAll(async () => {
    web = await startWeb((request, response) => {
      if (request.url === "/moved") {
        response.writeHead(302, { location: `http://${FORBIDDEN}:${forbidden.port}/` });
      }
      request.resume();
      request.once("end", () => response.end("hello\n"));
    });
    forbidden = await startWeb((_request, response) => void response.end("SECRET"), FORBIDDEN);
    // With a port, which code may try to reach.
    client = await LocalClient.start({ port: 0 });
    sandbox = await createWithRules(client, ...allow(HOST, "*.localhost"));
  });
  afterEach(() => {
    expect(forbidden.requests).toEqual([]);
    web.requests.splice(0);
  });
  afterAll(async () => {
    await client.server.close();
    web.server.close();
    forbidden.server.close();
  });

  /** Runs Python code and returns what it prints. */
  async function prints(script: string): Promise<string> {
    const { stdout, ending } = await sandbox.python(`${PYTHON}\n${script}`);
    expect(ending).toBe("execution_complete");
    return stdout;
  }

  /** Sends bytes to the proxy and returns all that comes back. */
  const exchange = (bytes: string) => prints(`print(raw(${JSON.stringify(bytes)}.encode("latin1")))`);

  test("has no name servers, no raw sockets and no routes", async () => {
    const shown = await prints(`
def attempt(act):
    try:
        return str(act())
    except OSError as error:
        return type(error).__name__
print([
    attempt(lambda: socket.getaddrinfo("example.com", 80)),
    attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)),
    attempt(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW)),
    attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("1.1.1.1", 53))),
    attempt(lambda: socket.create_connection(("1.1.1.1", 443), 5)),
    attempt(lambda: socket.create_connection(("2606:4700::1111", 443), 5)),
    attempt(lambda: socket.create_connection(("${HOST}", ${web.port}), 5)),
])`);
    expect(shown).toBe(
      "['gaierror', 'PermissionError', 'PermissionError', 'OSError', 'OSError', 'OSError', 'ConnectionRefusedError']\n",
    );
    expect((await sandbox.command("find / -xdev -type s 2>/dev/null")).stdout).toBe("");
  });

  test("is refused where an allowed server redirects to one that is not", async () => {
    const { stdout } = await sandbox.command(`curl -s -L ${web.url}/moved`);
    expect(stdout).toContain(`does not allow ${FORBIDDEN}:${forbidden.port}`);
  });

  test.each([
    ["127.0.0.3"],
    ["127.3"],
    ["0x7f.0.0.3"],
    ["2130706435"],
    ["0177.0.0.3"],
    ["[::ffff:127.0.0.3]"],
    ["[::ffff:7f00:3]"],
    ["[64:ff9b::7f00:3]"],
    ["[::127.0.0.3]"],
    ["127.0.0.3."],
    ["localhost"],
    ["name.localhost."],
    ["NAME.LOCALHOST"],
    ["0.0.0.0"],
    ["[::]"],
    ["[::1]"],
  ])("is refused at every spelling of an address of this machine: %s", async (host) => {
    for (const bytes of [
      `GET http://${host}:${forbidden.port}/ HTTP/1.1\r\nHost: ${HOST}:${web.port}\r\nConnection: close\r\n\r\n`,
      `CONNECT ${host}:${forbidden.port} HTTP/1.1\r\nHost: ${HOST}:${web.port}\r\n\r\n`,
    ]) {
      expect(await exchange(bytes)).toMatch(/^HTTP\/1\.1 403 /);
    }
    const bare = host.replace(/^\[|\]$/g, "");
    expect(await prints(`print(socks("${bare}", ${forbidden.port})[1])`)).toBe("2\n");
  });

  test.each([
    "[fe80::1%eth0]",
    "127.0.0.2@127.0.0.3",
    "127.0.0.2%00.127.0.0.3",
    "127.0.0.2 127.0.0.3",
    "127.0.0.2#@127.0.0.3",
    "127.0.0.2\\@127.0.0.3",
    "",
  ])("is refused with what is not a host: %j", async (host) => {
    for (const bytes of [
      `GET http://${host}:${forbidden.port}/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
      `CONNECT ${host}:${forbidden.port} HTTP/1.1\r\nHost: x\r\n\r\n`,
    ]) {
      expect(await exchange(bytes)).toMatch(/^HTTP\/1\.1 (400|403|502) /);
    }
    expect(await prints(`print(socks(${JSON.stringify(host)}, ${forbidden.port})[1])`)).toBe("8\n");
  });

  test("cannot choose another host by the Host header: the server gets that of the target", async () => {
    const response = await exchange(
      `GET http://${HOST}:${web.port}/ HTTP/1.1\r\nHost: ${FORBIDDEN}\r\nConnection: close, x-secret\r\nX-Secret: 1\r\nProxy-Authorization: x\r\n\r\n`,
    );
    expect(response).toMatch(/^HTTP\/1\.1 200 /);
    expect(web.requests[0]?.headers).toEqual({ host: `${HOST}:${web.port}`, connection: "close" });
  });

  test("is decided about for each request on a connection", async () => {
    const get = (host: string, port: number, last = false) =>
      `GET http://${host}:${port}/ HTTP/1.1\r\nHost: x\r\n${last ? "Connection: close\r\n" : ""}\r\n`;
    const responses = await exchange(
      get(HOST, web.port) + get(HOST, web.port) + get(FORBIDDEN, forbidden.port, true),
    );
    expect(responses.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 200", "HTTP/1.1 200", "HTTP/1.1 403"]);
    expect(web.requests).toHaveLength(2);
  });

  test("cannot hide a request in another one", async () => {
    const inner = `GET /hidden HTTP/1.1\r\nHost: ${FORBIDDEN}\r\n\r\n`;
    const start = (method: string) => `${method} http://${HOST}:${web.port}/outer HTTP/1.1\r\nHost: x\r\n`;
    const length = `Content-Length: ${inner.length}\r\n`;
    const chunk = `${inner.length.toString(16)}\r\n${inner}\r\n0\r\n\r\n`;
    // The body of a GET stays its body.
    for (const method of ["GET", "POST", "DELETE"]) {
      await exchange(`${start(method)}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}`);
      await exchange(`${start(method)}Connection: close\r\n${length}\r\n${inner}`);
    }
    expect(web.requests.map(({ url }) => url)).toEqual(Array<string>(6).fill("/outer"));
    web.requests.splice(0);
    // Ambiguous lengths are refused.
    for (const headers of [
      `${length}Transfer-Encoding: chunked\r\n`,
      `${length}Content-Length: 0\r\n`,
      "Transfer-Encoding: chunked, identity\r\n",
      "Transfer-Encoding : chunked\r\n",
      "Transfer-Encoding: xchunked\r\n",
      "X: y\nTransfer-Encoding: chunked\r\n",
    ]) {
      expect(await exchange(`${start("POST")}${headers}\r\n${chunk}`)).toMatch(/^HTTP\/1\.1 400 /);
    }
    expect(web.requests.filter(({ url }) => url !== "/outer")).toEqual([]);
  });

  test("reaches neither the local server, nor the proxy through itself, nor the box of another sandbox", async () => {
    const { port } = new URL(client.server.url);
    for (const target of [`127.0.0.1:${port}`, "127.0.0.1:3128", "127.0.0.1:44772", "127.0.0.1:18080"]) {
      expect(await exchange(`CONNECT ${target} HTTP/1.1\r\nHost: x\r\n\r\n`)).toMatch(/^HTTP\/1\.1 403 /);
    }
    const { stdout } = await sandbox.command("curl -s http://127.0.0.1:18080/policy; echo $?");
    expect(stdout).toBe("7");
    // The rules of the sandbox need a token, which is not in the box.
    const shown = await sandbox.command("env; cat /proc/*/environ 2>/dev/null | tr '\\0' '\\n'");
    expect(shown.stdout).not.toMatch(/egress/i);
  });

  test("cannot take the proxy's port", async () => {
    const shown = await prints(`
try:
    socket.socket().bind(("127.0.0.1", 3128))
except OSError as error:
    print(error.strerror)`);
    expect(shown).toBe("Address already in use\n");
  });
});
