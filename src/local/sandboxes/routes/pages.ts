import { jsonResponse } from "../../http/responses.js";
import { readCount } from "../../http/validation.js";

const LARGEST_PAGE = 200;

/** Returns the requested page of a list. @throws {Problem} 422 */
export function paginate(query: URLSearchParams, items: readonly object[]): Response {
  const page = readCount(query, "page", { fallback: 1 });
  const pageSize = readCount(query, "pageSize", { fallback: 20, maximum: LARGEST_PAGE });
  const totalPages = Math.ceil(items.length / pageSize);
  return jsonResponse(200, {
    items: items.slice((page - 1) * pageSize, page * pageSize),
    pagination: { page, pageSize, totalItems: items.length, totalPages, hasNextPage: page < totalPages },
  });
}

/** Returns whether a state is among those in the query. Without any, every state matches. */
export function matchesStates(query: URLSearchParams, state: string): boolean {
  const states = query.getAll("state").map((name) => name.toLowerCase());
  return states.length === 0 || states.includes(state.toLowerCase());
}
