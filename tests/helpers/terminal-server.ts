import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { text } from "node:stream/consumers";
import { WebSocket, WebSocketServer } from "ws";

export const TERMINAL_ID = "8b48799b-2162-4a19-810b-8c3005f5d9c2";
export const CONNECTED = `{"type":"connected","session_id":"${TERMINAL_ID}","mode":"pty"}\n`;

/** An execd with one terminal, of which each test says how it answers. */
export class Execd {
  readonly requests: string[] = [];
  readonly handshakes: IncomingMessage[] = [];
  readonly received: (string | Buffer)[] = [];
  /** What requests to create terminals sent. */
  readonly bodies: string[] = [];
  /** Of a request that is not a handshake, by method and path. */
  responses: Readonly<Record<string, readonly [status: number, body: string]>> = {};
  /** Refuses handshakes. */
  refusal: number | undefined;
  onConnect: (client: WebSocket) => void = (client) => client.send(CONNECTED);
  onMessage: (client: WebSocket, message: string | Buffer) => void = () => undefined;
  readonly #webSockets = new WebSocketServer({ noServer: true });
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => {
      const path = `${request.method ?? ""} ${request.url ?? ""}`;
      this.requests.push(path);
      const [status, body] = this.responses[path] ?? [404, '{"code":"CONTEXT_NOT_FOUND","message":"none"}'];
      void text(request).then((sent) => {
        if (request.method === "POST") this.bodies.push(sent);
        response.writeHead(status, { "content-type": "application/json" }).end(body);
      });
    });
    this.#server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      this.handshakes.push(request);
      if (this.refusal !== undefined) {
        socket.end(`HTTP/1.1 ${this.refusal} Refused\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`);
        return;
      }
      this.#webSockets.handleUpgrade(request, socket, head, (client) => {
        client.on("error", () => undefined);
        client.on("message", (data, isBinary) => {
          // The default type of messages.
          const bytes = data as Buffer;
          const message = isBinary ? bytes : bytes.toString();
          this.received.push(message);
          this.onMessage(client, message);
        });
        this.onConnect(client);
      });
    });
  }

  async listen(): Promise<string> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Returns how many clients are connected. */
  get clients(): number {
    return [...this.#webSockets.clients].filter(({ readyState }) => readyState === WebSocket.OPEN).length;
  }

  close(): void {
    for (const client of this.#webSockets.clients) client.terminate();
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
