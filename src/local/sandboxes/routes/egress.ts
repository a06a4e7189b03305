import { jsonResponse } from "../../http/responses.js";
import { matchesSecret } from "../../http/secrets.js";
import { readBody } from "../../http/validation.js";
import { Rules, TooManyRules } from "../../egress/rules.js";
import type { EgressProxy } from "../../egress/proxy.js";
import { parseJson } from "../../../json.js";
import { bodyHeaders } from "../../wire/headers.js";
import { messageOf, Problem } from "../../wire/problem.js";

/** The port of a sandbox at which its egress sidecar is on the real server. Here this process responds for it. */
export const EGRESS_PORT = 18080;
/** The header that this port requires; clients receive it with the endpoint. */
export const EGRESS_AUTH_HEADER = "OPENSANDBOX-EGRESS-AUTH";

type Handler = (egress: EgressProxy, body: string) => Response;

const POLICY_METHODS: Readonly<Record<string, Handler>> = {
  GET: (egress) => respond(egress, { policy: egress.rules.policy }),
  POST: replacePolicy,
  PUT: replacePolicy,
  PATCH: (egress, body) => change(egress, (rules) => rules.with(readList(body))),
  DELETE: (egress, body) => change(egress, (rules) => rules.without(readTargets(body))),
};

/** Responds to a request to the egress sidecar of a sandbox. Errors are plain text, as those of the sidecar. */
export async function handleEgress(
  request: Request,
  path: string,
  egress: EgressProxy,
  token: string,
): Promise<Response> {
  if (path === "/healthz") return textResponse(200, "ok");
  if (!matchesSecret(request.headers.get(EGRESS_AUTH_HEADER), token)) {
    return textResponse(401, "unauthorized\n");
  }
  if (/^\/credential-vault(\/|$)/.test(path)) {
    const reason = "the local server does not add credentials to requests";
    return textResponse(412, `credential vault is not ready: ${reason}\n`);
  }
  return path === "/policy" ? handlePolicy(request, egress) : textResponse(404, "404 page not found\n");
}

/** Responds to a request that reads or changes the network rules of a sandbox. Errors are plain text. */
export async function handlePolicy(request: Request, egress: EgressProxy): Promise<Response> {
  const handle = POLICY_METHODS[request.method];
  if (handle === undefined) {
    const allow = Object.keys(POLICY_METHODS).join(", ");
    return textResponse(405, "method not allowed\n", { allow });
  }
  try {
    return handle(egress, (await readBody(request)).trim());
  } catch (error) {
    if (error instanceof TooManyRules) return textResponse(413, `invalid policy: ${error.message}\n`);
    if (error instanceof Problem) return textResponse(error.status, `${error.message}\n`);
    return textResponse(400, `invalid policy: ${messageOf(error)}\n`);
  }
}

function replacePolicy(egress: EgressProxy, body: string): Response {
  if (body !== "") return change(egress, () => new Rules(parse(body)));
  egress.rules = new Rules({});
  return respond(egress, { reason: "policy reset to default deny-all" });
}

/** Nothing changes if the new rules are invalid. */
function change(egress: EgressProxy, make: (rules: Rules) => Rules): Response {
  egress.rules = make(egress.rules);
  return respond(egress);
}

function respond({ rules }: EgressProxy, more: object = {}): Response {
  return jsonResponse(200, { status: "ok", mode: rules.mode, enforcementMode: "proxy", ...more });
}

function readList(body: string): unknown[] {
  const value = parse(body);
  if (Array.isArray(value) && value.length > 0) return value;
  throw new Problem(400, { message: "the body must be a JSON array with at least one item" });
}

function readTargets(body: string): string[] {
  return readList(body).map((target) => {
    if (typeof target === "string" && target.trim() !== "") return target;
    throw new Problem(400, { message: "each target must be a string that is not empty" });
  });
}

function parse(body: string): unknown {
  const parsed = parseJson(body);
  if (parsed === undefined) throw new Problem(400, { message: "invalid policy: the body is not JSON" });
  return parsed.json;
}

function textResponse(
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(text, {
    status,
    headers: { ...bodyHeaders("text/plain; charset=utf-8", text), ...headers },
  });
}
