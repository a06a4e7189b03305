import { problem } from "../wire/problem.js";
import { sendJson } from "./http/responses.js";
import type { RouteTable } from "./http/routes.js";

const REASON =
  "a sandbox of the local server may not create namespaces, which isolated sessions need; use a sandbox for each";

/** Returns the routes of isolated sessions. They respond as a real server does that may not isolate. */
export function isolatedRoutes(): RouteTable {
  const refuse = () => {
    throw problem(503, "SERVICE_UNAVAILABLE", "isolation unavailable");
  };
  const refuseChanges = () => {
    throw problem(503, "NOT_SUPPORTED", "diff and commit are not supported (phase 2)");
  };
  return {
    "GET /v1/isolated/capabilities": ({ stream }) =>
      sendJson(stream, 200, {
        available: false,
        message: REASON,
        setpriv_available: false,
        userns_available: false,
        commit_supported: false,
        diff_supported: false,
      }),
    "GET /v1/isolated/session/:id/diff": refuseChanges,
    "POST /v1/isolated/session/:id/commit": refuseChanges,
    "GET /v1/isolated/sessions": refuse,
    "GET /v1/isolated/session/*": refuse,
    "POST /v1/isolated/session/*": refuse,
    "DELETE /v1/isolated/session/*": refuse,
  };
}
