import type { Duplex } from "node:stream";
import { relay } from "../wire/relay.js";
import { Refusal, type Connector } from "./connector.js";

/** The first byte of every message of SOCKS 5 (RFC 1928). */
export const SOCKS_VERSION = 5;

const NO_AUTHENTICATION = 0;
const NO_ACCEPTABLE_METHOD = 0xff;
const CONNECT = 1;
const ADDRESS_TYPES = { ipv4: 1, name: 3, ipv6: 4 } as const;
const REPLIES = {
  succeeded: 0,
  denied: 2,
  unreachable: 4,
  unsupportedCommand: 7,
  invalid: 8,
} as const;

/** Serves one connection of a SOCKS 5 client. Names are looked up here, not by the client. */
export async function serveSocks(client: Duplex, connector: Connector, signal: AbortSignal): Promise<void> {
  const [, methods = 0] = await take(client, 2);
  const offered = await take(client, methods);
  if (!offered.includes(NO_AUTHENTICATION)) {
    client.end(Buffer.of(SOCKS_VERSION, NO_ACCEPTABLE_METHOD));
    return;
  }
  client.write(Buffer.of(SOCKS_VERSION, NO_AUTHENTICATION));
  const [, command, , type = 0] = await take(client, 4);
  const host = await readHost(client, type);
  const port = (await take(client, 2)).readUInt16BE();
  if (command !== CONNECT) {
    client.end(reply("unsupportedCommand"));
    return;
  }
  try {
    const target = await connector.connect(host, port, signal);
    client.write(reply("succeeded"));
    relay(client, target);
  } catch (error) {
    client.end(reply(error instanceof Refusal ? error.kind : "unreachable"));
  }
}

async function readHost(client: Duplex, type: number): Promise<string> {
  switch (type) {
    case ADDRESS_TYPES.ipv4:
      return (await take(client, 4)).join(".");
    case ADDRESS_TYPES.ipv6:
      return ((await take(client, 16)).toString("hex").match(/.{4}/g) ?? []).join(":");
    case ADDRESS_TYPES.name: {
      const [length = 0] = await take(client, 1);
      return (await take(client, length)).toString("latin1");
    }
    default:
      return "";
  }
}

/** The address of the reply is of no use to clients, and left as zeros. */
function reply(result: keyof typeof REPLIES): Buffer {
  return Buffer.of(SOCKS_VERSION, REPLIES[result], 0, ADDRESS_TYPES.ipv4, 0, 0, 0, 0, 0, 0);
}

/** Reads this many bytes. @throws {Refusal} if the client closes the connection before */
export async function take(client: Duplex, bytes: number): Promise<Buffer> {
  if (bytes === 0) return Buffer.alloc(0);
  for (;;) {
    const chunk: unknown = client.read(bytes);
    if (Buffer.isBuffer(chunk) && chunk.length === bytes) return chunk;
    if (chunk !== null || !(await hasMore(client))) {
      throw new Refusal("invalid", "The client closed the connection.");
    }
  }
}

/** Waits for more data. Resolves to `false` if there is none. */
function hasMore(client: Duplex): Promise<boolean> {
  if (client.readableEnded || client.destroyed) return Promise.resolve(false);
  return new Promise((resolve) => {
    const settle = (more: boolean) => {
      client.off("readable", onReadable).off("end", onEnd).off("close", onEnd);
      resolve(more);
    };
    const onReadable = () => settle(true);
    const onEnd = () => settle(false);
    client.on("readable", onReadable).on("end", onEnd).on("close", onEnd);
  });
}
