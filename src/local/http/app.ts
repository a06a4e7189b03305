import { randomUUID } from "node:crypto";
import { isSandboxException } from "../../errors.js";
import { messageOf, Problem, problem } from "../wire/problem.js";
import { Router } from "../wire/router.js";
import { jsonResponse, noRoute } from "./responses.js";
import type { RouteHandler } from "./routes.js";
import type { FetchHandler } from "./listener.js";
import { gatewayRoutes, isGatewayPath } from "../sandboxes/routes/gateway.js";
import { lifecycleRoutes } from "../sandboxes/routes/lifecycle.js";
import type { Sandboxes } from "../sandboxes/sandboxes.js";
import { isAllowedOrigin, type Cors } from "./origins.js";
import { matchesSecret } from "./secrets.js";

/** Which clients may use the server. */
export interface AccessRules {
  /** An empty string disables authentication. */
  readonly apiKey: string;
  /** The origins of web pages that may read responses. */
  readonly cors: Cors;
}

/** Returns the HTTP interface of a server as a function. It rejects only if the request is aborted. */
export function createApp(sandboxes: Sandboxes, rules: AccessRules): FetchHandler {
  const { cors } = rules;
  const router = new Router({ ...lifecycleRoutes(sandboxes), ...gatewayRoutes(sandboxes) });
  return async (request) => {
    const requestId = request.headers.get("x-request-id")?.trim() ?? "";
    const origin = request.headers.get("origin");
    const isAllowed = origin !== null && isAllowedOrigin(origin, cors);
    // Browsers send a preflight before any request that a form could not send, and send it without the API key.
    const isPreflight = request.method === "OPTIONS" && request.headers.has("access-control-request-method");
    const handled =
      isAllowed && isPreflight ? preflightResponse(request.headers) : await respond(request, router, rules);
    const response = request.method === "HEAD" ? withoutBody(handled) : handled;
    if (isAllowed) {
      response.headers.set("access-control-allow-origin", origin);
      response.headers.set("access-control-expose-headers", EXPOSED_HEADERS);
    }
    response.headers.append("vary", "Origin");
    response.headers.set("x-request-id", requestId === "" ? randomUUID().replaceAll("-", "") : requestId);
    return response;
  };
}

const EXPOSED_HEADERS =
  "content-disposition, content-range, execd-commands-tail-cursor, location, retry-after, x-request-id";

function preflightResponse(headers: Headers): Response {
  return new Response(null, {
    status: 204,
    headers: {
      "access-control-allow-methods": "GET, HEAD, POST, PUT, PATCH, DELETE",
      "access-control-allow-headers": headers.get("access-control-request-headers") ?? "",
      "access-control-max-age": "600",
      // Chrome requires this of servers in a private network.
      ...(headers.has("access-control-request-private-network") && {
        "access-control-allow-private-network": "true",
      }),
    },
  });
}

function withoutBody({ body, status, headers }: Response): Response {
  void body?.cancel();
  return new Response(null, { status, headers });
}

async function respond(
  request: Request,
  router: Router<RouteHandler>,
  { apiKey }: AccessRules,
): Promise<Response> {
  const url = new URL(request.url);
  try {
    // Before routing, so that unknown paths reveal nothing without a key.
    if (!url.pathname.startsWith("/health") && !isGatewayPath(url.pathname)) authenticate(request, apiKey);
    const found = router.find(request.method, url.pathname);
    if (found === undefined) throw noRoute(router.methodsOf(url.pathname));
    return await found.handler({ request, url, parameters: found.parameters });
  } catch (error) {
    request.signal.throwIfAborted();
    const { status, body, headers } = toProblem(error);
    return jsonResponse(status, body, headers);
  }
}

function authenticate(request: Request, apiKey: string): void {
  const given = request.headers.get("open-sandbox-api-key");
  if (apiKey === "" || matchesSecret(given, apiKey)) return;
  throw given === null || given === ""
    ? problem(
        401,
        "MISSING_API_KEY",
        "Authentication credentials are missing. Provide API key via OPEN-SANDBOX-API-KEY header.",
      )
    : problem(
        401,
        "INVALID_API_KEY",
        "Authentication credentials are invalid. Check your API key and try again.",
      );
}

function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const code = isSandboxException(error) ? `LOCAL::${error.error.code}` : "GENERAL::UNKNOWN_ERROR";
  return problem(500, code, messageOf(error));
}
