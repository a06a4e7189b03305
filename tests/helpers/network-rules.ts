import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import type { AddressInfo, Server } from "node:net";
import type { LocalClient, LocalSandbox } from "./local-sandbox.js";

/** An address of this machine that programs in a sandbox do not take for their own: `NO_PROXY` has 127.0.0.1 only. */
export const HOST = "127.0.0.2";

export interface Rule {
  readonly action: "allow" | "deny";
  readonly target: string;
}

export const allow = (...targets: string[]): Rule[] => targets.map((target) => ({ action: "allow", target }));
export const deny = (...targets: string[]): Rule[] => targets.map((target) => ({ action: "deny", target }));

/** Listens on a free port of this machine. */
export async function listen(server: Server, host = HOST): Promise<number> {
  server.listen(0, host);
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** A web server that records its requests. Without `respond`, it responds with "hello". */
export async function startWeb(
  respond: RequestListener = (_request, response) => void response.end("hello\n"),
  host = HOST,
) {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    respond(request, response);
  });
  const port = await listen(server, host);
  return { requests, server, port, url: `http://${host}:${port}` };
}

/** Sends a request to the egress API of a sandbox. */
export async function sendEgress(
  sandbox: LocalSandbox,
  method: string,
  path: string,
  body?: unknown,
  headers?: Readonly<Record<string, string>>,
): Promise<{ status: number; text: string; headers: Headers }> {
  const { client } = sandbox;
  const endpoint = await client.json("GET", `${sandbox.path}/endpoints/18080`);
  const response = await client.server.fetch(`http://${String(endpoint["endpoint"])}${path}`, {
    method,
    headers: headers ?? (endpoint["headers"] as Record<string, string>),
    ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  return { status: response.status, text: await response.text(), headers: response.headers };
}

/** Creates a sandbox with rules. */
export function createWithRules(client: LocalClient, ...egress: Rule[]): Promise<LocalSandbox> {
  return client.create({ networkPolicy: { egress } });
}

/** Python functions for code in a sandbox: `open_proxy()`, `raw(bytes)` and `socks(host, port)`. */
export const PYTHON = `
import os, socket, struct, sys
def open_proxy():
    connection = socket.create_connection(("127.0.0.1", 3128))
    connection.settimeout(20)
    return connection
def everything(connection):
    data = b""
    try:
        while chunk := connection.recv(65536):
            data += chunk
    except ConnectionResetError:
        data += b"<reset>"
    return data
def raw(data):
    connection = open_proxy()
    connection.sendall(data)
    return everything(connection).decode("latin1")
def socks(host, port):
    connection = open_proxy()
    connection.sendall(b"\\x05\\x01\\x00")
    assert connection.recv(2) == b"\\x05\\x00"
    if ":" in host and "[" not in host:
        target = b"\\x04" + socket.inet_pton(socket.AF_INET6, host)
    else:
        target = b"\\x03" + bytes([len(host)]) + host.encode("latin1")
    connection.sendall(b"\\x05\\x01\\x00" + target + struct.pack(">H", port))
    reply = connection.recv(10)
    return connection, reply[1]
`;
