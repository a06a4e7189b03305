import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import {
  sendBody,
  sendEmpty,
  sendJson,
  sendPlainError,
  type Handler,
  type Routes,
} from "./http/responses.js";
import { Commands } from "./commands/commands.js";
import type { Contexts } from "./code/contexts.js";
import { directoryRoutes } from "./files/directories.js";
import type { Configuration } from "./configuration.js";
import { fileRoutes } from "./files/files.js";
import type { PipePool } from "./code/pipes.js";
import { messageOf, Problem } from "./http/problem.js";
import { passOn, tunnel } from "./http/proxy.js";
import { codeRoutes } from "./code/routes.js";
import { commandRoutes } from "./commands/routes.js";
import { metricsRoutes } from "./limits/metrics-routes.js";
import { Sessions } from "./commands/sessions.js";

/** execd's own port. Nothing listens on it here. */
const EXECD_PORT = 44772;

/** Operations of execd that the local server does not support. */
const LATER = [/^\/pty(\/|$)/, /^\/v1\/isolated(\/|$)/];

/** Implements execd's HTTP interface. */
export class Execd {
  readonly #routes: Routes;

  constructor(configuration: Configuration, contexts: Contexts, pipes: PipePool) {
    const commands = new Commands(configuration, pipes);
    const runners = { configuration, contexts, commands, sessions: new Sessions(configuration, pipes) };
    this.#routes = {
      "GET /ping": ({ stream }) => sendEmpty(stream),
      ...codeRoutes(runners),
      ...commandRoutes(runners),
      ...fileRoutes(configuration),
      ...directoryRoutes(configuration),
      ...metricsRoutes(configuration),
    };
  }

  /** Responds to one request. Never throws. */
  async handle(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
    if (headers[":method"] === "CONNECT") {
      tunnel(stream, Number(/:(\d+)$/.exec(headers[":authority"] ?? "")?.[1]));
      return;
    }
    await this.#respond(stream, headers, headers[":path"] ?? "/");
  }

  async #respond(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, target: string): Promise<void> {
    try {
      await this.#route(stream, headers, target);
    } catch (error) {
      const problem = error instanceof Problem ? error : new Problem(500, "RUNTIME_ERROR", messageOf(error));
      // Breaks the response: the client must not take it for complete.
      if (stream.headersSent || stream.destroyed) stream.close(constants.NGHTTP2_INTERNAL_ERROR);
      else sendJson(stream, problem.status, { code: problem.code, message: problem.message });
      // The rest of the request is not needed, but the client may wait until it is read.
      stream.resume();
    }
  }

  #route(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, target: string): void | Promise<void> {
    if (/^\/proxy(\/|$)/.test(target)) return this.#proxy(stream, headers, target);
    const method = headers[":method"] ?? "GET";
    const { pathname, searchParams: query } = new URL(`http://box${target}`);
    const found = this.#find(method, pathname);
    if (found !== undefined) return found.handler({ stream, headers, query, parameter: found.parameter });
    if (LATER.some((pattern) => pattern.test(pathname))) {
      const message = `${method} ${pathname} is not available in this version of the local server`;
      throw new Problem(501, "NOT_SUPPORTED", message);
    }
    const withoutSlash = pathname.replace(/\/$/, "");
    if (method === "GET" && withoutSlash !== pathname && this.#find(method, withoutSlash) !== undefined) {
      const body = `<a href="${withoutSlash}">Moved Permanently</a>.\n\n`;
      return sendBody(stream, 301, "text/html; charset=utf-8", body, { location: withoutSlash });
    }
    stream.respond({ ":status": 404, "content-type": "text/plain", "content-length": "18" });
    stream.end(method === "HEAD" ? undefined : "404 page not found");
    stream.resume();
  }

  #find(method: string, pathname: string): { handler: Handler; parameter: string } | undefined {
    const exact = this.#routes[`${method} ${pathname}`];
    if (exact) return { handler: exact, parameter: "" };
    const segments = pathname.split("/");
    // From the last segment on: a status path ends in `status`, where a log path has the id.
    for (let index = segments.length - 1; index > 1; index--) {
      const pattern = segments.with(index, ":id").join("/");
      const handler = this.#routes[`${method} ${pattern}`];
      if (handler) return { handler, parameter: decode(segments[index] ?? "") };
    }
    return undefined;
  }

  #proxy(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, target: string): void | Promise<void> {
    const [, port = "", rest = ""] = /^\/proxy\/([^/?]*)(.*)$/s.exec(target) ?? [];
    if (port === "") return sendPlainError(stream, 400, "port is required");
    const path = rest.startsWith("/") ? rest : `/${rest}`;
    if (Number(port) === EXECD_PORT) return this.#route(stream, headers, path);
    passOn(stream, headers, /^\d+$/.test(port) ? Number(port) : Number.NaN, path);
  }
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
