import { emptyResponse, jsonResponse, unprocessable, type Finding } from "../../http/responses.js";
import { forMethods, withVersion, type RouteTable } from "../../http/routes.js";
import { readFields } from "../../http/validation.js";
import { problem } from "../../wire/problem.js";
import type { PathParameters } from "../../wire/router.js";
import type { HostedSandbox } from "../hosted-sandbox.js";
import { assertLabels } from "../labels.js";
import type { Sandboxes } from "../sandboxes.js";
import { formatTime, now, parseTime } from "../times.js";
import { createSandbox } from "./create.js";
import { diagnosticRoutes } from "./diagnostics.js";
import { EGRESS_AUTH_HEADER, EGRESS_PORT, handlePolicy } from "./egress.js";
import { matchesStates, paginate } from "./pages.js";
import { snapshotRoutes } from "./snapshots.js";

/** Routes of the lifecycle operations. */
export function lifecycleRoutes(sandboxes: Sandboxes): RouteTable {
  const find = ({ id = "" }: PathParameters) => sandboxes.get(id);
  return {
    "GET /health": () => jsonResponse(200, { status: "healthy" }),
    "POST /v1/metrics/events": ({ request }) => acceptEvent(request),
    ...withVersion({
      "POST /sandboxes": ({ request }) => createSandbox(request, sandboxes),
      "GET /sandboxes": ({ url }) => listSandboxes(url.searchParams, sandboxes),
      "GET /sandboxes/:id": ({ parameters }) => jsonResponse(200, find(parameters)),
      "DELETE /sandboxes/:id": async ({ parameters: { id = "" } }) => {
        await sandboxes.delete(id);
        return new Response(null, { status: 204 });
      },
      "PATCH /sandboxes/:id/metadata": ({ request, parameters }) => patchMetadata(request, find(parameters)),
      "POST /sandboxes/:id/renew-expiration": ({ request, parameters: { id = "" } }) =>
        renewExpiration(request, id, sandboxes),
      "GET /sandboxes/:id/endpoints/:port": ({ url, parameters }) =>
        getEndpoint(url, find(parameters), parameters["port"] ?? ""),
      ...forMethods(["GET", "PUT", "PATCH", "DELETE"], "/sandboxes/:id/networkpolicy", (routed) =>
        passToSidecar(routed.request, find(routed.parameters)),
      ),
      "POST /sandboxes/:id/pause": async ({ parameters }) => {
        await find(parameters).pause();
        return emptyResponse(202);
      },
      "POST /sandboxes/:id/resume": async ({ parameters }) => {
        await find(parameters).resume();
        return emptyResponse(202);
      },
      ...snapshotRoutes(sandboxes),
      ...diagnosticRoutes(sandboxes),
      ...forMethods(["GET", "POST", "PUT", "DELETE"], "/pools/*", () => {
        const message = "Pool management is only available when runtime.type is 'kubernetes'.";
        throw problem(501, "KUBERNETES::POOL_NOT_SUPPORTED", message);
      }),
    }),
  };
}

function listSandboxes(query: URLSearchParams, sandboxes: Sandboxes): Response {
  const metadata = parseMetadataFilter(query.get("metadata") ?? "");
  const found = sandboxes
    .list()
    .filter(({ state }) => matchesStates(query, state))
    .filter((sandbox) => metadata.every(([key, value]) => sandbox.metadata[key] === value));
  return paginate(query, found);
}

/** Parses the metadata filter: a query string inside the query, whose parts are encoded twice. */
function parseMetadataFilter(filter: string): [string, string][] {
  if (filter === "") return [];
  const pairs = filter.split("&");
  if (pairs.some((pair) => !pair.includes("="))) {
    const message = `Invalid metadata format: bad query field: '${pairs.find((pair) => !pair.includes("=")) ?? ""}'`;
    throw problem(400, "INVALID_METADATA_FORMAT", message);
  }
  return [...new URLSearchParams(filter)];
}

/** Applies a JSON merge patch: `null` removes a key. */
async function patchMetadata(request: Request, sandbox: HostedSandbox): Promise<Response> {
  const fields = await readFields(request);
  const changes = fields.entries();
  for (const [key, value] of changes) if (value !== null) fields.string(key);
  fields.assertValid();
  const removed = new Set(changes.filter(([, value]) => value === null).map(([key]) => key));
  const set = changes.filter((entry): entry is [string, string] => typeof entry[1] === "string");
  assertLabels({ ...Object.fromEntries([...removed].map((key) => [key, ""])) }, "INVALID_METADATA_LABEL");
  assertLabels(Object.fromEntries(set), "INVALID_METADATA_LABEL");
  const kept = Object.entries(sandbox.metadata).filter(([key]) => !removed.has(key));
  sandbox.metadata = { ...Object.fromEntries(kept), ...Object.fromEntries(set) };
  return jsonResponse(200, sandbox);
}

async function renewExpiration(request: Request, id: string, sandboxes: Sandboxes): Promise<Response> {
  const fields = await readFields(request);
  const expiresAt = parseTime(fields.raw("expiresAt"));
  if (!fields.has("expiresAt")) fields.report("missing", "expiresAt", "Field required");
  else if (expiresAt === undefined) {
    const reason = "Input should be a valid datetime or date, invalid character in year";
    const ctx = { error: "invalid character in year" };
    fields.report("datetime_from_date_parsing", "expiresAt", reason, ctx);
  }
  fields.assertValid();
  const sandbox = sandboxes.get(id);
  if (expiresAt === undefined || expiresAt <= now()) {
    throw problem(400, "DOCKER::INVALID_EXPIRATION", "New expiration time must be in the future.");
  }
  if (sandbox.expiresAt === undefined) {
    const message = `Sandbox ${id} does not have automatic expiration enabled.`;
    throw problem(409, "DOCKER::INVALID_EXPIRATION", message);
  }
  sandboxes.expireAt(sandbox, expiresAt);
  return jsonResponse(200, { expiresAt: formatTime(expiresAt) });
}

function getEndpoint(
  url: URL,
  { id, accessToken, box, egressToken }: HostedSandbox,
  given: string,
): Response {
  if (!/^[+-]?\d+$/.test(given)) throw unprocessable([invalidPort(given)]);
  const port = Number(given);
  if (port < 1 || port > 65_535) {
    throw problem(400, "DOCKER::INVALID_PORT", "Port must be between 1 and 65535.");
  }
  const proxied = /^(true|1|yes|on|t|y)$/i.test(url.searchParams.get("use_server_proxy") ?? "");
  if (url.searchParams.has("expires")) {
    throw proxied
      ? problem(
          400,
          "SANDBOX::INVALID_PARAMETER",
          "use_server_proxy cannot be combined with expires; signed endpoints require the gateway route.",
        )
      : problem(
          400,
          "SANDBOX::API_NOT_SUPPORTED",
          "Signed routes (expires parameter) are not supported by the local server.",
        );
  }
  const prefix = url.pathname.startsWith("/v1/") ? "/v1" : "";
  const endpoint = proxied
    ? `${url.host}${prefix}/sandboxes/${id}/proxy/${port}`
    : `${url.host}/gateway/${id}/${port}`;
  const headers = {
    "X-EXECD-ACCESS-TOKEN": accessToken,
    ...(port === EGRESS_PORT && box.egress !== undefined && { [EGRESS_AUTH_HEADER]: egressToken }),
  };
  return jsonResponse(200, { endpoint, headers });
}

/** Passes a request on to the egress sidecar, as the real server does for sandboxes that are not from a template. */
function passToSidecar(request: Request, { id, box: { egress } }: HostedSandbox): Promise<Response> {
  if (egress === undefined) {
    const reason = "it has no egress sidecar, since it was created without a networkPolicy";
    throw problem(
      502,
      "GENERAL::UNKNOWN_ERROR",
      `Could not connect to the backend sandbox ${id}: ${reason}.`,
    );
  }
  // Only the sidecar itself takes a request without a body for a reset.
  if (request.method !== "GET" && request.body === null) {
    throw unprocessable([{ type: "missing", loc: ["body"], msg: "Field required", input: null }]);
  }
  return handlePolicy(request, egress);
}

/** Returns FastAPI's error for a port that is not a number. */
export function invalidPort(given: string): Finding {
  const msg = "Input should be a valid integer, unable to parse string as an integer";
  return { type: "int_parsing", loc: ["path", "port"], msg, input: given };
}

/** Accepts a report of an SDK on how long a creation took. The report is validated and discarded. */
async function acceptEvent(request: Request): Promise<Response> {
  const fields = await readFields(request);
  for (const name of ["eventType", "createDurationMs", "success"]) {
    if (!fields.has(name)) fields.report("missing", name, "Field required");
  }
  fields.assertValid();
  return new Response(null, { status: 204 });
}
