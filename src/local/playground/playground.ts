import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import path from "node:path";
import type { FetchHandler } from "../http/listener.js";
import { isOwnOrigin } from "../http/origins.js";
import { jsonResponse } from "../http/responses.js";
import { matchesSecret } from "../http/secrets.js";
import { Problem, problem } from "../wire/problem.js";

/** The page may load its own files and talk to this server, and nothing else. */
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  // The editor inserts style elements.
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "connect-src 'self'",
  "frame-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** Displayed HTML comes from code in a sandbox: its scripts run in their own origin, without network access. */
const FRAME_POLICY = [
  "sandbox allow-scripts",
  "default-src 'none'",
  "script-src 'unsafe-inline'",
  "style-src 'unsafe-inline'",
  "img-src data: blob:",
  "font-src data:",
  "frame-ancestors 'self'",
].join("; ");

const FILES: Readonly<
  Record<string, { readonly name: string; readonly type: string; readonly policy: string }>
> = {
  "/ui/": { name: "index.html", type: "text/html; charset=utf-8", policy: PAGE_POLICY },
  "/ui/page.js": { name: "page.js", type: "text/javascript; charset=utf-8", policy: PAGE_POLICY },
  "/ui/screen.js": { name: "screen.js", type: "text/javascript; charset=utf-8", policy: PAGE_POLICY },
  "/ui/page.css": { name: "page.css", type: "text/css; charset=utf-8", policy: PAGE_POLICY },
  "/ui/frame.html": { name: "frame.html", type: "text/html; charset=utf-8", policy: FRAME_POLICY },
};

/**
 * Serves the page of `serve --ui` below `/ui/`, on a port of its own: a page that a sandbox serves on the server's port has
 * another origin, and cannot read the API key that this one keeps.
 */
export class Playground {
  readonly #directory: string;
  readonly #apiKey: string;
  /** Opens the page once. It is in the fragment of the link, so that no log and no `Referer` contains it. */
  #token: string | undefined = randomBytes(24).toString("base64url");

  /** @param directory the folder with the built page */
  constructor(directory: string, apiKey: string) {
    this.#directory = directory;
    this.#apiKey = apiKey;
  }

  /** Returns the link that opens the page once, for a page at `host:port`. */
  link(host: string): string {
    return `http://${host}/ui/#${this.#token ?? ""}`;
  }

  /** Returns what responds on the page's port: the page and, for its requests, the server. */
  beside(server: FetchHandler): FetchHandler {
    return async (request) => {
      const { pathname } = new URL(request.url);
      if (pathname === "/ui") return new Response(null, { status: 308, headers: { location: "/ui/" } });
      if (pathname.startsWith("/ui/")) return await this.#respond(request, pathname).catch(toResponse);
      const response = await server(request);
      // Nothing that a sandbox serves is a page of this origin, either.
      response.headers.set("content-security-policy", "sandbox");
      return response;
    };
  }

  async #respond(request: Request, pathname: string): Promise<Response> {
    if (pathname === "/ui/session" && request.method === "POST") return await this.#openSession(request);
    const file = FILES[pathname];
    if (file === undefined || !["GET", "HEAD"].includes(request.method))
      throw problem(404, "NOT_FOUND", "Not Found");
    return new Response(await readFile(path.join(this.#directory, file.name)), {
      headers: {
        "content-type": file.type,
        "content-security-policy": file.policy,
        "cache-control": "no-store",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
      },
    });
  }

  /** Exchanges the token of the link for the API key, once. */
  async #openSession(request: Request): Promise<Response> {
    const origin = request.headers.get("origin");
    if (origin === null || !isOwnOrigin(origin, new URL(request.url))) {
      throw problem(403, "ORIGIN_NOT_ALLOWED", "Only the page of this server can open a session.");
    }
    const given = await request.text();
    if (this.#token === undefined || !matchesSecret(given, this.#token)) {
      throw problem(401, "LINK_USED", "The link was used already, or belongs to another server.");
    }
    this.#token = undefined;
    return jsonResponse(200, { apiKey: this.#apiKey }, { "cache-control": "no-store" });
  }
}

function toResponse(error: unknown): Response {
  if (!(error instanceof Problem)) throw error;
  return jsonResponse(error.status, error.body, error.headers);
}
