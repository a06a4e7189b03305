import type { Duplex } from "node:stream";
import { isAllowedOrigin, isOwnOrigin, type Cors } from "../../http/origins.js";
import { noRoute, unprocessable } from "../../http/responses.js";
import { forMethods, withVersion, type RoutedRequest, type RouteTable } from "../../http/routes.js";
import { endToEndHeaders } from "../../wire/headers.js";
import { EXECD_PORT } from "../../wire/ports.js";
import { messageOf, Problem, problem } from "../../wire/problem.js";
import type { HostedSandbox } from "../hosted-sandbox.js";
import type { Sandboxes } from "../sandboxes.js";
import { matchesSecret } from "../../http/secrets.js";
import { EGRESS_PORT, handleEgress } from "./egress.js";
import { invalidPort } from "./lifecycle.js";

const PROXY_METHODS = ["GET", "DELETE", "POST", "PATCH", "PUT"];
const EVERY_METHOD = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
/**
 * The paths of {@link gatewayRoutes}, for what does not pass the router: upgrades, and the check of the API key. They match
 * the id of a sandbox, a port and the path there.
 */
const PROXY_PATH = /^(?:\/v1)?\/sandboxes\/([^/]+)\/proxy\/(\d+)(\/.*)?$/;
const GATEWAY_PATH = /^\/gateway\/([^/]+)\/(\d+)(\/.*)?$/;

const TOKEN = "x-execd-access-token";
const PROTOCOLS = "sec-websocket-protocol";
/** Begins a WebSocket protocol that is an access token: browsers cannot send headers with a WebSocket. */
const TOKEN_PROTOCOL = "opensandbox.token.";
/** Headers for this server only: never forwarded into a sandbox. Of the protocols, only the token is removed. */
const OWN_HEADERS = new Set(["expect", "host", "open-sandbox-api-key", TOKEN, PROTOCOLS]);
/** Headers that the server's proxy removes as well, as the real one does. */
const PROXY_HEADERS = new Set([
  "authorization",
  "cookie",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
]);

/**
 * Routes into a sandbox: through the server's proxy, and to its endpoints directly. Neither requires the API key. execd
 * requires the sandbox's access token; servers of the user decide for themselves.
 */
export function gatewayRoutes(sandboxes: Sandboxes): RouteTable {
  const handle = (routed: RoutedRequest) => forward(routed, sandboxes);
  return {
    ...withVersion(forMethods(PROXY_METHODS, "/sandboxes/:id/proxy/:port/*", handle)),
    ...forMethods(EVERY_METHOD, "/gateway/:id/:port/*", handle),
  };
}

/** Returns whether a path leads into a sandbox, where the API key is not required. */
export function isGatewayPath(pathname: string): boolean {
  // The next server may resolve `..` differently, so such paths require the key, as on the real server.
  return !pathname.includes("..") && (PROXY_PATH.test(pathname) || GATEWAY_PATH.test(pathname));
}

async function forward({ request, url, parameters }: RoutedRequest, sandboxes: Sandboxes): Promise<Response> {
  const { id = "", port = "", rest = "" } = parameters;
  if (!/^\d+$/.test(port)) throw unprocessable([invalidPort(port)]);
  const sandbox = sandboxes.get(id);
  const { headers } = request;
  const isExecd = Number(port) === EXECD_PORT;
  if (isExecd) assertToken(headers.get(TOKEN), sandbox);
  const { egress } = sandbox.box;
  if (Number(port) === EGRESS_PORT && egress !== undefined) {
    return handleEgress(request, rest, egress, sandbox.egressToken);
  }
  // The real proxy sometimes joins paths with an extra slash, which execd accepts.
  const path = isExecd ? rest.replace(/^\/*/, "/") : `/proxy/${port}${rest === "" ? "/" : rest}`;
  const isServerProxy = !url.pathname.startsWith("/gateway/");
  try {
    return await sandbox.request({
      method: request.method,
      path: `${path}${url.search}`,
      headers: forwardedHeaders(headers, isServerProxy ? url : undefined),
      isForeign: path.startsWith("/proxy/"),
      body: request.body,
      signal: request.signal,
    });
  } catch (error) {
    request.signal.throwIfAborted();
    const endpoint = `${url.host}/gateway/${sandbox.id}/${port}`;
    const message = `Could not connect to the backend sandbox endpoint=${endpoint} headers=None: ${messageOf(error)}`;
    throw problem(502, "GENERAL::UNKNOWN_ERROR", message);
  }
}

/** A request to switch protocols, such as a WebSocket handshake. */
export interface UpgradeRequest {
  readonly url: URL;
  readonly headers: Headers;
}

/** The other side of an {@link UpgradeRequest}. */
export interface UpgradeTarget {
  readonly connection: Duplex;
  /** Path and query, as sent to the server in the sandbox. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Connects to a server in a sandbox.
 *
 * @param cors which pages of other origins may send the access token as a WebSocket protocol
 * @throws {Problem}
 */
export async function connectForUpgrade(
  { url, headers }: UpgradeRequest,
  sandboxes: Sandboxes,
  cors: Cors,
): Promise<UpgradeTarget> {
  const match = PROXY_PATH.exec(url.pathname) ?? GATEWAY_PATH.exec(url.pathname);
  if (match === null) throw noRoute();
  const [, id = "", entry = "", rest = "/"] = match;
  const sandbox = sandboxes.get(decodeURIComponent(id));
  let [port, path] = [entry, rest];
  if (Number(entry) === EXECD_PORT) {
    assertUpgradeToken(headers, url, sandbox, cors);
    // The real proxy sometimes joins paths with an extra slash, which execd accepts.
    path = rest.replace(/^\/*/, "/");
    const proxied = /^\/proxy\/(\d+)(\/.*)?$/.exec(path);
    if (proxied !== null) [, port = "", path = "/"] = proxied;
  }
  const isServerProxy = !url.pathname.startsWith("/gateway/");
  const connection = await sandbox.box.connect(Number(port)).catch((error: unknown) => {
    const message = `Could not connect to port ${port} of the sandbox: ${String(error)}`;
    throw problem(502, "GENERAL::UNKNOWN_ERROR", message);
  });
  return {
    connection,
    path: `${path}${url.search}`,
    headers: {
      ...forwardedHeaders(headers, isServerProxy ? url : undefined),
      host: `127.0.0.1:${port}`,
      connection: "Upgrade",
      upgrade: headers.get("upgrade") ?? "",
    },
  };
}

/**
 * Returns the headers to forward into a sandbox. `proxy` is the URL that the client used, if it came through the
 * server's proxy.
 */
function forwardedHeaders(headers: Headers, proxy: URL | undefined): Record<string, string> {
  const kept = endToEndHeaders(headers, headers.get("connection")).filter(
    ([name]) => !OWN_HEADERS.has(name) && !(proxy !== undefined && PROXY_HEADERS.has(name)),
  );
  const protocols = protocolsOf(headers).filter((protocol) => !isToken(protocol));
  const forwarded = proxy && {
    "x-forwarded-for": "127.0.0.1",
    "x-forwarded-host": proxy.host,
    "x-forwarded-proto": proxy.protocol.replace(":", ""),
  };
  return {
    ...Object.fromEntries(kept),
    ...(protocols.length > 0 && { [PROTOCOLS]: protocols.join(", ") }),
    ...forwarded,
  };
}

/** Accepts the token as a header or, for browsers, as a WebSocket protocol. */
function assertUpgradeToken(headers: Headers, url: URL, sandbox: HostedSandbox, cors: Cors): void {
  const offered = protocolsOf(headers).find(isToken);
  assertToken(headers.get(TOKEN) ?? offered?.slice(TOKEN_PROTOCOL.length) ?? null, sandbox);
  const origin = headers.get("origin");
  if (offered === undefined || origin === null || isOwnOrigin(origin, url) || isAllowedOrigin(origin, cors))
    return;
  // Browsers do not apply CORS to WebSockets.
  const message = `The server's cors does not allow pages of ${origin}.`;
  throw problem(403, "ORIGIN_NOT_ALLOWED", message);
}

function assertToken(given: string | null, sandbox: HostedSandbox): void {
  if (matchesSecret(given, sandbox.accessToken)) return;
  const body = { error: "Unauthorized: invalid or missing header X-EXECD-ACCESS-TOKEN" };
  throw new Problem(401, body, { "content-type": "application/json; charset=utf-8" });
}

function protocolsOf(headers: Headers): string[] {
  return (headers.get(PROTOCOLS) ?? "").split(/[\s,]+/).filter((protocol) => protocol !== "");
}

function isToken(protocol: string): boolean {
  return protocol.startsWith(TOKEN_PROTOCOL);
}
