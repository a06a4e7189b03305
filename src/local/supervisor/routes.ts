import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { encodeJson } from "../frames.js";
import { Body } from "./body.js";
import type { Commands } from "./commands.js";
import { isKernelLanguage, type Contexts } from "./contexts.js";
import { resolveDirectory, type Configuration } from "./environment.js";
import { EventStream } from "./event-stream.js";
import { messageOf, Problem } from "./problem.js";

/** One request inside the box. */
interface Call {
  readonly stream: ServerHttp2Stream;
  readonly query: URLSearchParams;
  /** The last segment of the path, where the route has a parameter there. */
  readonly parameter: string;
}

type Handler = (call: Call) => void | Promise<void>;

/** Operations of execd that this version does not have. */
const LATER = [
  /^\/(files|directories|session|metrics|pty|proxy)(\/|$)/,
  /^\/command\/(status\/)?[^/]+(\/logs)?$/,
  /^\/v1\/isolated(\/|$)/,
];

/** execd's HTTP interface: answers whatever the server lets through. */
export class Execd {
  readonly #configuration: Configuration;
  readonly #contexts: Contexts;
  readonly #commands: Commands;
  readonly #routes: Readonly<Record<string, Handler>> = {
    "GET /ping": ({ stream }) => sendEmpty(stream),
    "POST /code": (call) => this.#runCode(call),
    "DELETE /code": (call) => this.#interrupt(call),
    "POST /code/context": (call) => this.#createContext(call),
    "GET /code/contexts": (call) => this.#listContexts(call),
    "DELETE /code/contexts": (call) => this.#deleteContexts(call),
    "GET /code/contexts/:id": ({ stream, parameter }) => sendJson(stream, 200, this.#contexts.get(parameter)),
    "DELETE /code/contexts/:id": async ({ stream, parameter }) => {
      await this.#contexts.delete(parameter);
      sendEmpty(stream);
    },
    "POST /command": (call) => this.#runCommand(call),
    "DELETE /command": (call) => this.#interrupt(call),
  };

  constructor(configuration: Configuration, contexts: Contexts, commands: Commands) {
    this.#configuration = configuration;
    this.#contexts = contexts;
    this.#commands = commands;
  }

  /** Answers one request; never throws. */
  async handle(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
    const method = headers[":method"] ?? "GET";
    const url = new URL(`http://box${headers[":path"] ?? "/"}`);
    try {
      await this.#route(method, url, stream);
    } catch (error) {
      const problem = error instanceof Problem ? error : new Problem(500, "RUNTIME_ERROR", messageOf(error));
      if (stream.headersSent || stream.destroyed) stream.close();
      else sendJson(stream, problem.status, { code: problem.code, message: problem.message });
    }
  }

  #route(
    method: string,
    { pathname, searchParams: query }: URL,
    stream: ServerHttp2Stream,
  ): void | Promise<void> {
    const exact = this.#routes[`${method} ${pathname}`];
    if (exact) return exact({ stream, query, parameter: "" });
    const [, parent = "", parameter = ""] = /^(.*)\/([^/]+)$/.exec(pathname) ?? [];
    const parametrised = this.#routes[`${method} ${parent}/:id`];
    if (parametrised) return parametrised({ stream, query, parameter: decodeURIComponent(parameter) });
    if (LATER.some((pattern) => pattern.test(pathname))) {
      const message = `${method} ${pathname} is not available in this version of the local server`;
      throw new Problem(501, "NOT_SUPPORTED", message);
    }
    stream.respond({ ":status": 404, "content-type": "text/plain", "content-length": "18" });
    stream.end(method === "HEAD" ? undefined : "404 page not found");
  }

  async #runCode({ stream }: Call): Promise<void> {
    const body = await Body.read(stream, "RunCodeRequest");
    const code = body.required("code", "Code");
    const context = body.object("context");
    const language = context.string("language");
    const events = new EventStream(stream);
    if (language === "" || language === "command") {
      const { workspace: cwd } = this.#configuration;
      await this.#commands.run({ command: code, cwd, env: {}, timeoutMs: 0 }, events);
    } else if (language === "background-command" || language === "sql") {
      const message = `error running codes: the language ${language} is not available in the local server`;
      throw new Problem(501, "NOT_SUPPORTED", message);
    } else {
      await this.#contexts.run(code, { id: context.string("id"), language }, events);
    }
  }

  async #runCommand({ stream }: Call): Promise<void> {
    const body = await Body.read(stream, "RunCommandRequest");
    const command = body.required("command", "Command");
    const timeoutMs = body.count("timeout", "TimeoutMs") ?? 0;
    const uid = body.count("uid", "Uid");
    const gid = body.count("gid", "Gid");
    if (gid !== undefined && uid === undefined) {
      const message = "invalid request, validation error uid is required when gid is provided";
      throw new Problem(400, "INVALID_REQUEST_BODY", message);
    }
    const cwd = resolveDirectory(body.string("cwd"), this.#configuration);
    const env = body.strings("envs");
    if (body.boolean("background")) {
      const message = "background commands are not available in this version of the local server";
      throw new Problem(501, "NOT_SUPPORTED", message);
    }
    await this.#commands.run({ command, cwd, env, uid, gid: gid ?? uid, timeoutMs }, new EventStream(stream));
  }

  async #interrupt({ stream, query }: Call): Promise<void> {
    const id = requiredQuery(query, "id");
    if (this.#contexts.has(id)) await this.#contexts.interrupt(id);
    else if (this.#commands.has(id)) await this.#commands.interrupt(id);
    else throw new Problem(500, "RUNTIME_ERROR", "error interruptting code context. no such session");
    sendEmpty(stream);
  }

  async #createContext({ stream }: Call): Promise<void> {
    const body = await Body.read(stream, "CodeContextRequest");
    const cwd = body.string("cwd");
    sendJson(stream, 200, this.#contexts.create(body.string("language"), cwd === "" ? undefined : cwd));
  }

  #listContexts({ stream, query }: Call): void {
    const language = query.get("language") ?? "";
    if (language !== "" && !isKernelLanguage(language)) {
      const message = `unsupported language context operation: ${language}`;
      throw new Problem(500, "RUNTIME_ERROR", message);
    }
    sendJson(stream, 200, this.#contexts.list(language === "" ? undefined : language));
  }

  async #deleteContexts({ stream, query }: Call): Promise<void> {
    await this.#contexts.deleteAll(requiredQuery(query, "language"));
    sendEmpty(stream);
  }
}

function requiredQuery(query: URLSearchParams, name: string): string {
  const value = query.get(name) ?? "";
  if (value === "") throw new Problem(400, "MISSING_QUERY", `missing query parameter '${name}'`);
  return value;
}

function sendEmpty(stream: ServerHttp2Stream): void {
  if (stream.destroyed) return;
  stream.respond({ ":status": 200, "content-length": "0" }, { endStream: true });
}

function sendJson(stream: ServerHttp2Stream, status: number, value: unknown): void {
  if (stream.destroyed) return;
  const body = encodeJson(value, { keepKeyOrder: true });
  stream.respond({
    ":status": status,
    "content-type": "application/json; charset=utf-8",
    "content-length": String(Buffer.byteLength(body)),
  });
  stream.end(body);
}
