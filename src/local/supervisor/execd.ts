import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { sendBody, sendEmpty, sendJson, sendPlainError } from "./http/responses.js";
import type { Handler } from "./http/routes.js";
import { Commands } from "./commands/commands.js";
import type { Contexts } from "./code/contexts.js";
import { directoryRoutes } from "./files/directory-routes.js";
import type { Configuration } from "./configuration.js";
import { fileRoutes } from "./files/file-routes.js";
import type { PipePool } from "./pipes.js";
import { runtimeError } from "./http/problems.js";
import { messageOf, Problem, problem } from "../wire/problem.js";
import { EXECD_PORT } from "../wire/ports.js";
import { reset } from "../wire/relay.js";
import { Router } from "../wire/router.js";
import { passOn, tunnel } from "./http/proxy.js";
import { codeRoutes } from "./code/routes.js";
import { commandRoutes } from "./commands/routes.js";
import { isolatedRoutes } from "./isolated-routes.js";
import { metricsRoutes } from "./limits/metrics-routes.js";
import { Sessions } from "./commands/sessions.js";
import { Terminals } from "./terminals/terminals.js";

/** Implements execd's HTTP interface. */
export class Execd {
  readonly #router: Router<Handler>;
  readonly #terminals: Terminals;

  constructor(configuration: Configuration, contexts: Contexts, pipes: PipePool) {
    const commands = new Commands(configuration, pipes);
    const runners = { configuration, contexts, commands, sessions: new Sessions(configuration, pipes) };
    this.#terminals = new Terminals(configuration);
    this.#router = new Router({
      "GET /ping": ({ stream }) => sendEmpty(stream),
      ...codeRoutes(runners),
      ...commandRoutes(runners),
      ...fileRoutes(configuration),
      ...directoryRoutes(configuration),
      ...metricsRoutes(configuration),
      ...isolatedRoutes(),
      ...this.#terminals.routes,
    });
  }

  /** Responds to one request. Never throws. */
  async handle(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
    if (headers[":method"] === "CONNECT") {
      const port = Number(/:(\d+)$/.exec(headers[":authority"] ?? "")?.[1]);
      if (port === EXECD_PORT) this.#terminals.accept(stream);
      else tunnel(stream, port);
      return;
    }
    await this.#respond(stream, headers, headers[":path"] ?? "/");
  }

  async #respond(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, target: string): Promise<void> {
    try {
      await this.#route(stream, headers, target);
    } catch (error) {
      const { status, body } = error instanceof Problem ? error : runtimeError(messageOf(error));
      // Breaks the response: the client must not take it for complete.
      if (stream.headersSent || stream.destroyed) reset(stream);
      else sendJson(stream, status, body);
      // The rest of the request is not needed, but the client may wait until it is read.
      stream.resume();
    }
  }

  #route(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, target: string): void | Promise<void> {
    if (/^\/proxy(\/|$)/.test(target)) return this.#proxy(stream, headers, target);
    const method = headers[":method"] ?? "GET";
    const { pathname: given, searchParams: query } = new URL(`http://box${target}`);
    const pathname = withoutIdentity(given);
    const found = this.#router.find(method, pathname);
    if (found !== undefined) {
      return found.handler({ stream, headers, query, parameters: found.parameters });
    }
    const withoutSlash = pathname.replace(/\/$/, "");
    if (
      method === "GET" &&
      withoutSlash !== pathname &&
      this.#router.find(method, withoutSlash) !== undefined
    ) {
      const body = `<a href="${withoutSlash}">Moved Permanently</a>.\n\n`;
      return sendBody(stream, 301, "text/html; charset=utf-8", body, { location: withoutSlash });
    }
    stream.respond({ ":status": 404, "content-type": "text/plain", "content-length": "18" });
    stream.end(method === "HEAD" ? undefined : "404 page not found");
    stream.resume();
  }

  #proxy(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, target: string): void | Promise<void> {
    const [, port = "", rest = ""] = /^\/proxy\/([^/?]*)(.*)$/s.exec(target) ?? [];
    if (port === "") return sendPlainError(stream, 400, "port is required");
    const path = rest.startsWith("/") ? rest : `/${rest}`;
    if (Number(port) === EXECD_PORT) return this.#route(stream, headers, path);
    passOn(stream, headers, /^\d+$/.test(port) ? Number(port) : Number.NaN, path);
  }
}

/** Matches the file operations of newer servers that run as another user: its uid and gid, and the operation's path. */
const AS_USER = /^\/v1\/filesystem\/(\d+)\/(\d+)(\/.+)$/;

/** Returns the path of a file operation without the user whose rights it has. @throws {Problem} 403 for another user */
function withoutIdentity(pathname: string): string {
  const [, uid, gid, operation] = AS_USER.exec(pathname) ?? [];
  if (operation === undefined) return pathname;
  if (Number(uid) === process.getuid?.() && Number(gid) === process.getgid?.()) return operation;
  const own = `${process.getuid?.() ?? "none"}:${process.getgid?.() ?? "none"}`;
  throw problem(403, "PERMISSION_DENIED", `A sandbox of the local server has no other user than ${own}.`);
}
