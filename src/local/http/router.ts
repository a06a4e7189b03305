import { LifecycleProblem } from "./responses.js";

/** A request as its handler receives it. */
export interface RoutedRequest {
  readonly request: Request;
  readonly url: URL;
  /** The decoded path parameters. */
  readonly parameters: Readonly<Record<string, string>>;
}

export type RouteHandler = (routed: RoutedRequest) => Response | Promise<Response>;

/** A route. In its path, `:name` matches a segment and a final `*` matches the rest. */
export interface Route {
  readonly methods: readonly string[];
  readonly path: string;
  readonly handle: RouteHandler;
}

/** Dispatches a request to its handler. If none matches, responds as FastAPI does. */
export class Router {
  readonly #routes: readonly (Route & { readonly pattern: RegExp })[];

  constructor(routes: readonly Route[]) {
    this.#routes = routes.map((route) => ({ ...route, pattern: toPattern(route.path) }));
  }

  /** @throws {LifecycleProblem} 404 and 405 */
  async handle(request: Request, url: URL): Promise<Response> {
    const allowed = new Set<string>();
    for (const route of this.#routes) {
      const match = route.pattern.exec(url.pathname);
      if (match === null) continue;
      if (route.methods.includes(request.method)) {
        return route.handle({ request, url, parameters: decodeParameters(match.groups ?? {}) });
      }
      for (const method of route.methods) allowed.add(method);
    }
    if (allowed.size === 0) throw new LifecycleProblem(404, { detail: "Not Found" });
    throw new LifecycleProblem(405, { detail: "Method Not Allowed" }, { allow: [...allowed].join(", ") });
  }
}

function toPattern(path: string): RegExp {
  const source = path.replace(/:(\w+)/g, "(?<$1>[^/]+)").replace(/\/\*$/, "(?<rest>/.*)?");
  return new RegExp(`^${source}$`);
}

function decodeParameters(groups: Record<string, string | undefined>): Record<string, string> {
  const decoded: Record<string, string> = {};
  for (const [name, value = ""] of Object.entries(groups)) {
    // The rest of a path is passed on unchanged. Named parameters are decoded where possible.
    decoded[name] = name === "rest" ? value : decode(value);
  }
  return decoded;
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
