import { randomUUID } from "node:crypto";
import { createServer, STATUS_CODES, type IncomingMessage } from "node:http";
import type { ServerHttp2Stream } from "node:http2";
import type { Duplex } from "node:stream";
import type { WebSocketServer } from "ws";
import { expandPath, type Configuration } from "../configuration.js";
import { makeDirectories } from "../files/file-info.js";
import { readText } from "../../wire/body.js";
import { messageOf, Problem, problem } from "../../wire/problem.js";
import { Body } from "../http/body.js";
import { badRequest, runtimeError } from "../http/problems.js";
import { sendEmpty, sendJson, sendPlainError } from "../http/responses.js";
import type { ExecdRequest, RouteTable } from "../http/routes.js";
import { Terminal, type Attachment } from "./terminal.js";

/** The largest message that a client may send, in bytes. */
const LARGEST_MESSAGE = 16 * 2 ** 20;

/** The terminals of a sandbox. */
export class Terminals {
  readonly #configuration: Configuration;
  readonly #terminals = new Map<string, Terminal>();
  #webSockets: Promise<WebSocketServer> | undefined;
  /** Parses the requests of clients; it does not listen. */
  readonly #server = createServer((_request, response) => response.writeHead(404).end());

  constructor(configuration: Configuration) {
    this.#configuration = configuration;
    this.#server.on("upgrade", (request, socket, head) => void this.#upgrade(request, socket, head));
  }

  get routes(): RouteTable {
    return {
      "POST /pty": (request) => this.#create(request),
      "GET /pty/:id": ({ stream, parameters: { id = "" } }) => sendJson(stream, 200, this.#find(id).state),
      "DELETE /pty/:id": ({ stream, parameters: { id = "" } }) => {
        this.#find(id).delete();
        this.#terminals.delete(id);
        sendEmpty(stream);
      },
      "GET /pty/:id/ws": ({ stream, parameters: { id = "" }, query }) => {
        this.#find(id).assertAttachable(toAttachment(query));
        sendPlainError(stream, 400, "Bad Request");
      },
    };
  }

  /** Takes the connection of a client that is about to send a WebSocket handshake. */
  accept(stream: ServerHttp2Stream): void {
    stream.respond({ ":status": 200 });
    this.#server.emit("connection", stream);
  }

  async #create({ stream }: ExecdRequest): Promise<void> {
    const text = await readText(stream);
    const model = { name: "CreatePTYSessionRequest", unreadable };
    const body = Body.parse(text.trim() === "" ? "{}" : text, model);
    const id = randomUUID();
    const cwd = makeWorkDirectory(body.string("cwd"), this.#configuration);
    const terminal = new Terminal(id, this.#configuration, { cwd, command: body.string("command") });
    this.#terminals.set(id, terminal);
    sendJson(stream, 201, { session_id: id });
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on("error", () => socket.destroy());
    try {
      const webSockets = await (this.#webSockets ??= makeWebSocketServer());
      const { pathname, searchParams } = new URL(request.url ?? "/", "http://box");
      const [, id] = /^\/pty\/([^/]+)\/ws$/.exec(pathname) ?? [];
      if (id === undefined) throw problem(404, "UNKNOWN", "404 page not found");
      const terminal = this.#find(id);
      const attachment = toAttachment(searchParams);
      terminal.assertAttachable(attachment);
      webSockets.handleUpgrade(request, socket, head, (client) => terminal.attach(client, attachment));
    } catch (error) {
      refuse(socket, error);
    }
  }

  #find(id: string): Terminal {
    const terminal = this.#terminals.get(id);
    if (terminal === undefined) throw problem(404, "CONTEXT_NOT_FOUND", `pty session ${id} not found`);
    return terminal;
  }
}

/** Loaded for the first terminal: what the package imports is needed for nothing else here. */
async function makeWebSocketServer(): Promise<WebSocketServer> {
  const { WebSocketServer } = await import("ws");
  return new WebSocketServer({ noServer: true, maxPayload: LARGEST_MESSAGE });
}

function unreadable(reason: string): Problem {
  return badRequest(`error parsing request: ${reason}`);
}

/** Creates the directory if it does not exist, as execd does. @throws {Problem} 500 */
function makeWorkDirectory(given: string, configuration: Configuration): string {
  const directory = expandPath(given, configuration);
  try {
    makeDirectories(directory);
  } catch (error) {
    const reason = `error creating PTY session work directory: ${messageOf(error)}`;
    throw runtimeError(`error creating pty session: ${reason}`);
  }
  return directory;
}

function toAttachment(query: URLSearchParams): Attachment {
  const since = query.get("since") ?? "";
  return {
    isViewer: query.get("mode") === "viewer",
    takesOver: query.get("takeover") === "1",
    isTerminal: query.get("pty") !== "0",
    since: /^\d{1,15}$/.test(since) ? Number(since) : 0,
  };
}

function refuse(socket: Duplex, error: unknown): void {
  const found = error instanceof Problem ? error : runtimeError(messageOf(error));
  const { status } = found;
  const body = JSON.stringify(found.body);
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\ncontent-type: application/json; charset=utf-8\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}
