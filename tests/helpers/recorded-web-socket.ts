import { WebSocket } from "ws";

/** The sockets that the SDK has opened in this test file, for tests that cut them. */
export const sockets: WebSocket[] = [];

/** The class to pass as `webSocket`. */
export class RecordedWebSocket extends WebSocket {
  constructor(url: string, options: object) {
    super(url, options);
    sockets.push(this);
  }
}
