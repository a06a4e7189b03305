/**
 * Handlers by method and path, such as `GET /code/contexts/:id`. In a path, `:name` matches a segment and a final `*`
 * matches the rest.
 */
export type Routes<Handler> = Readonly<Record<string, Handler>>;

/** Decoded path parameters by name. */
export type PathParameters = Readonly<Record<string, string>>;

/** Finds the handler of a request. If several routes match, the first one is taken. */
export class Router<Handler> {
  readonly #routes: readonly { readonly method: string; readonly path: RegExp; readonly handler: Handler }[];

  constructor(routes: Routes<Handler>) {
    this.#routes = Object.entries(routes).map(([route, handler]) => {
      const [method = "", path = ""] = route.split(" ");
      return { method, path: toPattern(path), handler };
    });
  }

  find(
    method: string,
    pathname: string,
  ): { readonly handler: Handler; readonly parameters: PathParameters } | undefined {
    for (const route of this.#routes) {
      const match = route.method === method ? route.path.exec(pathname) : null;
      if (match !== null) return { handler: route.handler, parameters: decodeParameters(match.groups ?? {}) };
    }
    return undefined;
  }

  /** Returns the methods that have a route for a path. */
  methodsOf(pathname: string): string[] {
    return this.#routes.filter(({ path }) => path.test(pathname)).map(({ method }) => method);
  }
}

function toPattern(path: string): RegExp {
  const source = path.replace(/:(\w+)/g, "(?<$1>[^/]+)").replace(/\/\*$/, "(?<rest>/.*)?");
  return new RegExp(`^${source}$`);
}

function decodeParameters(groups: Readonly<Record<string, string | undefined>>): PathParameters {
  // The rest of a path is passed on unchanged. Named parameters are decoded where possible.
  const entries = Object.entries(groups).map(([name, value = ""]) => [
    name,
    name === "rest" ? value : decode(value),
  ]);
  return Object.fromEntries(entries) as PathParameters; // `fromEntries` loses the type of the values
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
