import { Agent, request as httpRequest, type IncomingMessage } from "node:http";
import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { connect, type LookupFunction } from "node:net";
import { pipeline } from "node:stream";
import { endToEndHeaders } from "../../wire/headers.js";
import { relay, reset } from "../../wire/relay.js";
import { sendPlainError } from "./responses.js";

/**
 * Each request has its own connection, without `Connection: close`: a server that responds before it has read the whole
 * request and then closes would reset the connection, and the response would be lost.
 */
const AGENT = new Agent({ keepAlive: true, maxFreeSockets: 0 });

/** A server on `localhost` may listen on either address, or on both. */
const lookup: LookupFunction = (_hostname, options, callback) => {
  const addresses = [
    { address: "127.0.0.1", family: 4 },
    { address: "::1", family: 6 },
  ];
  if (options.all === true) callback(null, addresses);
  else callback(null, "127.0.0.1", 4);
};

/** Forwards a request to a port of the sandbox and streams the response back. */
export function passOn(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  port: number,
  target: string,
): void {
  if (!isPort(port)) return sendPlainError(stream, 502, "Bad Gateway");
  const method = headers[":method"] ?? "GET";
  const outgoing = httpRequest({
    host: "localhost",
    port,
    lookup,
    method,
    path: target,
    headers: { ...ofMessage(headers), host: `127.0.0.1:${port}` },
    agent: AGENT,
  });
  outgoing.once("response", (incoming) => relayResponse(stream, incoming, method));
  // An upgrade that the request did not ask for.
  outgoing.once("upgrade", (_incoming, socket) => {
    socket.destroy();
    sendPlainError(stream, 502, "Bad Gateway");
  });
  outgoing.once("error", () => {
    // Bytes after a complete response, such as a body after a 204, are ignored.
    if (stream.writableEnded) return;
    if (stream.headersSent) reset(stream);
    else sendPlainError(stream, 502, "Bad Gateway");
  });
  stream.once("close", () => outgoing.destroy());
  // Not `pipeline`, which resets the stream when the request fails, and with it a response that was complete.
  stream.pipe(outgoing);
}

function relayResponse(stream: ServerHttp2Stream, incoming: IncomingMessage, method: string): void {
  const status = incoming.statusCode ?? 502;
  if (stream.destroyed || status < 200 || status > 599) {
    incoming.destroy();
    sendPlainError(stream, 502, "Bad Gateway");
    return;
  }
  const isBodiless = method === "HEAD" || status === 204 || status === 205 || status === 304;
  const headers = ofMessage(incoming.headers);
  // HTTP/2 rejects a length where no body is allowed.
  if (status === 204) delete headers["content-length"];
  stream.respond({ ":status": status, ...headers }, { endStream: isBodiless });
  if (isBodiless) incoming.resume();
  else pipeline(incoming, stream, (error) => error && reset(stream));
}

/** Connects to a port and forwards bytes in both directions, for upgraded protocols. */
export function tunnel(stream: ServerHttp2Stream, port: number): void {
  if (!isPort(port)) return stream.respond({ ":status": 502 }, { endStream: true });
  const socket = connect({
    host: "localhost",
    port,
    lookup,
    autoSelectFamily: true,
    noDelay: true,
    allowHalfOpen: true,
  });
  const abandon = () => socket.destroy();
  stream.once("close", abandon);
  socket.once("connect", () => {
    stream.off("close", abandon);
    if (!stream.destroyed) stream.respond({ ":status": 200 });
    relay(socket, stream);
  });
  socket.once("error", () => {
    if (!stream.headersSent && !stream.destroyed) stream.respond({ ":status": 502 }, { endStream: true });
  });
}

function ofMessage(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  const kept = endToEndHeaders(Object.entries(headers), headers.connection);
  return Object.fromEntries(kept.filter(([name]) => !name.startsWith(":")));
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port > 0 && port <= 65_535;
}
