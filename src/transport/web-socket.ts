import { SandboxException } from "../errors.js";
import { isBrowser } from "./platform.js";
import type { ResolvedEndpoint } from "./endpoint.js";

/** An event of a {@link WebSocketConnection}. Its fields depend on its type. */
export interface WebSocketEvent {
  readonly type: string;
  readonly data?: unknown;
  readonly code?: number;
  readonly reason?: string;
}

/** The part of a WebSocket that the SDK uses. */
export interface WebSocketConnection {
  binaryType: string;
  readonly bufferedAmount: number;
  /** Sends a text or binary frame. */
  send(data: string | ArrayBuffer): void;
  /** Starts to close the connection. */
  close(code?: number, reason?: string): void;
  /** Adds a listener for the events `open`, `message`, `close` or `error`. */
  addEventListener(type: string, listener: (event: WebSocketEvent) => void): void;
}

/**
 * A class of WebSockets: that of Node.js 22 and newer, of Bun or Deno, or of the package `ws`. It is called with a URL
 * and `{ headers }`.
 */
export type WebSocketClass = new (url: string, options: never) => WebSocketConnection;

/** Why there are no WebSockets to a server that only its `fetch` reaches. */
export const NEEDS_PORT =
  "the server has no port, which WebSockets need; startLocalServer() gives it one unless you pass port: false";

/** Returns whether only a `fetch` can reach an address: RFC 6761 lets no resolver know the names below `.invalid`. */
export function isWithoutPort({ url }: ResolvedEndpoint): boolean {
  return new URL(url).hostname.endsWith(".invalid");
}

/**
 * Returns a function that opens a WebSocket below an endpoint, with the endpoint's headers. It takes no time, so that
 * its caller can listen before the first event.
 *
 * @param given the class to use; by default the platform's, and on Node.js 20 that of the package `ws`
 * @throws {SandboxException} `NO_WEBSOCKET` if there is no class, it cannot send headers that are needed, or the server
 * has no port
 */
export async function webSocketOpener(
  endpoint: ResolvedEndpoint,
  path: string,
  given: WebSocketClass | undefined,
): Promise<() => WebSocketConnection> {
  if (given === undefined && isWithoutPort(endpoint))
    throw noWebSocket(`No terminal can be opened: ${NEEDS_PORT}.`);
  const { url, headers } = endpoint;
  const ofPlatform: unknown = Reflect.get(globalThis, "WebSocket");
  const found: unknown = given ?? ofPlatform ?? (await loadPackage());
  if (typeof found !== "function") {
    throw noWebSocket(
      "This platform has no WebSocket: use Node.js 22 or newer, install the package ws, or pass a class as the connection's webSocket.",
    );
  }
  const address = `${url.replace(/^http/, "ws")}${path}`;
  // The only argument that browsers take is a list of protocols.
  const takesHeaders = given !== undefined || !isBrowser();
  if (!takesHeaders && Object.keys(headers).length > 0)
    throw noWebSocket(
      'The server needs headers with a WebSocket, which browsers cannot send. For the local server, see "In a web page" in docs/terminals.md.',
    );
  // Classes differ in the type of the second argument; those of servers all take such an object.
  const Found = found as new (url: string, ...options: object[]) => WebSocketConnection;
  const needsNone = given === undefined && Object.keys(headers).length === 0;
  return () => {
    if (!takesHeaders || needsNone) return new Found(address);
    try {
      return new Found(address, { headers });
    } catch (error) {
      // That of Cloudflare Workers takes the object for the name of a protocol.
      throw noWebSocket(
        `The server needs headers with a WebSocket, which this one cannot send: ${String(error)}`,
      );
    }
  };
}

async function loadPackage(): Promise<unknown> {
  try {
    // Not a literal: bundlers must not look for it.
    const name = ["ws"].join("");
    const loaded: unknown = await import(/* webpackIgnore: true */ /* @vite-ignore */ name);
    return typeof loaded === "object" && loaded !== null ? Reflect.get(loaded, "WebSocket") : undefined;
  } catch {
    return undefined; // it is not installed
  }
}

function noWebSocket(message: string): SandboxException {
  return new SandboxException({ code: "NO_WEBSOCKET", message });
}
