import type { ServerHttp2Stream } from "node:http2";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { relay } from "../../wire/relay.js";

/**
 * Passes the connections of code in this box to the host, which decides about them. The host sends requests without a
 * response; each gets a response when there is a connection for it, and then carries its bytes.
 */
export class OutgoingConnections {
  readonly #streams: ServerHttp2Stream[] = [];
  readonly #sockets: Socket[] = [];

  /** Listens on the loopback interface of the box. */
  async listen(port: number): Promise<void> {
    const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (socket) => {
      socket.on("error", () => undefined);
      this.#sockets.push(socket);
      this.#match();
    });
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
  }

  /** Takes a request of the host for the next connection. */
  offer(stream: ServerHttp2Stream): void {
    this.#streams.push(stream);
    this.#match();
  }

  #match(): void {
    while (this.#streams.length > 0 && this.#sockets.length > 0) {
      const [stream, socket] = [this.#streams.shift(), this.#sockets.shift()];
      if (stream === undefined || socket === undefined) return;
      if (!stream.destroyed) stream.respond({ ":status": 200 });
      relay(socket, stream);
    }
  }
}
