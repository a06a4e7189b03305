import { jsonResponse } from "../../http/responses.js";
import type { RouteTable } from "../../http/routes.js";
import type { Sandboxes } from "../sandboxes.js";
import { parseFields, readBody } from "../../http/validation.js";
import { matchesStates, paginate } from "./pages.js";

/** Routes for snapshots of a sandbox's files. */
export function snapshotRoutes(sandboxes: Sandboxes): RouteTable {
  const { snapshots } = sandboxes;
  return {
    "POST /sandboxes/:id/snapshots": async ({ request, parameters }) => {
      const name = await readName(request);
      const snapshot = snapshots.create(sandboxes.get(parameters["id"] ?? ""), name);
      return jsonResponse(202, snapshot, { location: `/v1/snapshots/${snapshot.id}` });
    },
    "GET /snapshots": ({ url: { searchParams: query } }) => {
      const [sandboxId, name] = [query.get("sandboxId"), query.get("name")];
      const found = snapshots
        .list()
        .filter((snapshot) => sandboxId === null || snapshot.sandboxId === sandboxId)
        .filter((snapshot) => name === null || snapshot.name === name)
        .filter(({ state }) => matchesStates(query, state));
      return paginate(query, found);
    },
    "GET /snapshots/:id": ({ parameters }) => jsonResponse(200, snapshots.get(parameters["id"] ?? "")),
    "DELETE /snapshots/:id": async ({ parameters }) => {
      await snapshots.delete(parameters["id"] ?? "");
      return new Response(null, { status: 204 });
    },
  };
}

/** Reads the name. Both the name and the body are optional. */
async function readName(request: Request): Promise<string | undefined> {
  const text = await readBody(request);
  if (text === "") return undefined;
  const fields = parseFields(text, request.headers);
  const name = fields.string("name");
  if (name === "") {
    fields.report("string_too_short", "name", "String should have at least 1 character", { min_length: 1 });
  }
  fields.assertValid();
  return name;
}
