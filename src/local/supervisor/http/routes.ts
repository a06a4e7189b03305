import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { problem } from "../../wire/problem.js";
import type { PathParameters, Routes } from "../../wire/router.js";

/** A request to execd as its handler receives it. */
export interface ExecdRequest {
  readonly stream: ServerHttp2Stream;
  readonly headers: IncomingHttpHeaders;
  readonly query: URLSearchParams;
  readonly parameters: PathParameters;
}

export type Handler = (request: ExecdRequest) => void | Promise<void>;

/** The handlers of execd's operations by method and path. */
export type RouteTable = Routes<Handler>;

/** Returns a query parameter. @throws {Problem} `MISSING_QUERY` if it is missing or empty */
export function requiredQuery(query: URLSearchParams, name: string): string {
  const value = query.get(name) ?? "";
  if (value === "") throw problem(400, "MISSING_QUERY", `missing query parameter '${name}'`);
  return value;
}
