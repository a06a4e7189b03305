import type { PathParameters, Routes } from "../wire/router.js";

/** A request as its handler receives it. */
export interface RoutedRequest {
  readonly request: Request;
  readonly url: URL;
  readonly parameters: PathParameters;
}

export type RouteHandler = (routed: RoutedRequest) => Response | Promise<Response>;

/** The handlers of this server by method and path. */
export type RouteTable = Routes<RouteHandler>;

/** Returns routes that give several methods of a path the same handler. */
export function forMethods(methods: readonly string[], path: string, handle: RouteHandler): RouteTable {
  return Object.fromEntries(methods.map((method) => [`${method} ${path}`, handle]));
}

/** Returns the routes twice: with and without `/v1`. */
export function withVersion(routes: RouteTable): RouteTable {
  const versioned = Object.entries(routes).map(
    ([route, handle]) => [route.replace(" ", " /v1"), handle] as const,
  );
  return { ...routes, ...Object.fromEntries(versioned) };
}
