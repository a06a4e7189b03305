import { problem, unprocessable, notSupported } from "../answers.js";
import type { Route, RoutedRequest } from "../router.js";
import type { Sandbox } from "../sandbox.js";
import type { Sandboxes } from "../sandboxes.js";
import { matchesSecret } from "../secrets.js";
import { invalidPort } from "./lifecycle.js";

const EXECD_PORT = 44772;
const EVERY_METHOD = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/**
 * The ways into a sandbox: the server's own proxy, and the addresses that endpoints without it have. Neither asks for
 * the API key: execd asks for the sandbox's token.
 */
export function gatewayRoutes(sandboxes: Sandboxes): Route[] {
  const handle = (routed: RoutedRequest) => enter(routed, sandboxes);
  return [
    ...["", "/v1"].map((prefix) => ({
      methods: ["GET", "DELETE", "POST", "PATCH", "PUT"],
      path: `${prefix}/sandboxes/:id/proxy/:port/*`,
      handle,
    })),
    { methods: EVERY_METHOD, path: "/gateway/:id/:port/*", handle },
  ];
}

/** Whether a path leads into a sandbox, so that the API key does not matter. */
export function isGatewayPath(pathname: string): boolean {
  // What has `..` in it may be understood differently by whoever comes next, so that the real server exempts none.
  if (pathname.includes("..")) return false;
  return /^((\/v1)?\/sandboxes\/[^/]+\/proxy\/\d+|\/gateway\/[^/]+\/\d+)(\/|$)/.test(pathname);
}

async function enter({ request, url, parameters }: RoutedRequest, sandboxes: Sandboxes): Promise<Response> {
  const { id = "", port = "", rest = "" } = parameters;
  if (!/^\d+$/.test(port)) throw unprocessable([invalidPort(port)]);
  const sandbox = sandboxes.get(id);
  if (Number(port) !== EXECD_PORT) throw notSupported("Reaching other ports of a sandbox is");
  if (!matchesSecret(request.headers.get("x-execd-access-token"), sandbox.accessToken)) return unauthorized();
  // The real proxy joins paths with a slash too many now and then, and execd does not mind.
  const path = rest.replace(/^\/+/, "/");
  return forward(request, `${path}${url.search}`, sandbox, url.host);
}

async function forward(request: Request, path: string, sandbox: Sandbox, host: string): Promise<Response> {
  try {
    return await sandbox.request({
      method: request.method,
      path: path.startsWith("/") ? path : `/${path}`,
      body: request.body,
      signal: request.signal,
    });
  } catch (error) {
    request.signal.throwIfAborted();
    const reason = error instanceof Error ? error.message : String(error);
    const endpoint = `${host}/gateway/${sandbox.id}/${EXECD_PORT}`;
    const message = `Could not connect to the backend sandbox endpoint=${endpoint} headers=None: ${reason}`;
    throw problem(502, "GENERAL::UNKNOWN_ERROR", message);
  }
}

function unauthorized(): Response {
  const body = { error: "Unauthorized: invalid or missing header X-EXECD-ACCESS-TOKEN" };
  return new Response(JSON.stringify(body), {
    status: 401,
    headers: { "content-type": "application/json; charset=utf-8" },
  });
}
