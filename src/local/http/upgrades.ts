import { STATUS_CODES, type IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { Problem } from "../wire/problem.js";
import { relay } from "../wire/relay.js";
import type { UpgradeRequest, UpgradeTarget } from "../sandboxes/routes/gateway.js";

/** Finds the server that handles an upgrade. @throws {Problem} */
export type UpgradeHandler = (request: UpgradeRequest) => Promise<UpgradeTarget>;

/**
 * Connects a client that asks for another protocol with a server in a sandbox: forwards the request, then every byte in
 * both directions.
 */
export async function joinUpgrade(
  incoming: IncomingMessage,
  client: Duplex,
  head: Buffer,
  handler: UpgradeHandler,
): Promise<void> {
  client.on("error", () => client.destroy());
  try {
    const { connection, path, headers } = await handler(toUpgradeRequest(incoming));
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    connection.write(`${incoming.method ?? "GET"} ${path} HTTP/1.1\r\n${lines.join("")}\r\n`, "latin1");
    if (head.length > 0) connection.write(head);
    relay(client, connection);
  } catch (error) {
    refuseUpgrade(client, error);
  }
}

function toUpgradeRequest({ url = "/", headers }: IncomingMessage): UpgradeRequest {
  const given = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    for (const item of [value ?? []].flat()) given.append(name, item);
  }
  return { url: new URL(url, `http://${headers.host ?? "127.0.0.1"}`), headers: given };
}

/** Rejects an upgrade with an error response. */
export function refuseUpgrade(client: Duplex, error: unknown): void {
  const { status, body } =
    error instanceof Problem ? error : { status: 500, body: { code: "GENERAL::UNKNOWN_ERROR" } };
  const text = JSON.stringify(body);
  client.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\ncontent-type: application/json\r\n` +
      `content-length: ${Buffer.byteLength(text)}\r\nconnection: close\r\n\r\n${text}`,
  );
}
