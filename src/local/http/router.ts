import { LifecycleProblem } from "./responses.js";

/** A request on its way to its handler. */
export interface RoutedRequest {
  readonly request: Request;
  readonly url: URL;
  /** The path's parameters, decoded. */
  readonly parameters: Readonly<Record<string, string>>;
}

export type RouteHandler = (routed: RoutedRequest) => Response | Promise<Response>;

/** A path with `:name` for a segment and a final `*` for whatever follows. */
export interface Route {
  readonly methods: readonly string[];
  readonly path: string;
  readonly handle: RouteHandler;
}

/** Finds the handler of a request; without one, responds in FastAPI's words. */
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
    // The rest of a path is passed on unchanged; names are decoded if that is possible.
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
