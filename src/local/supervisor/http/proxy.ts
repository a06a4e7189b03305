import { Agent, request as httpRequest, type IncomingMessage } from "node:http";
import {
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import { connect, type LookupFunction } from "node:net";
import { pipeline } from "node:stream";
import { HOP_BY_HOP } from "../../http/hop-by-hop.js";
import { sendPlainError } from "./responses.js";

/**
 * Each request has a connection of its own, without `Connection: close`: a server that responds before it has read all of
 * a request and then closes resets the connection, and the response is lost.
 */
const AGENT = new Agent({ keepAlive: true, maxFreeSockets: 0 });

/** A server that listens on `localhost` may have either address, or both. */
const lookup: LookupFunction = (_hostname, options, callback) => {
  const addresses = [
    { address: "127.0.0.1", family: 4 },
    { address: "::1", family: 6 },
  ];
  if (options.all === true) callback(null, addresses);
  else callback(null, "127.0.0.1", 4);
};

/** Passes a request on to a port of the sandbox and the response back, both as streams. */
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
  outgoing.once("response", (incoming) => answer(stream, incoming, method));
  // The request did not ask for another protocol.
  outgoing.once("upgrade", (_incoming, socket) => {
    socket.destroy();
    sendPlainError(stream, 502, "Bad Gateway");
  });
  outgoing.once("error", () => {
    // Bytes after a complete response, such as a body after a 204, do not belong to it.
    if (stream.writableEnded) return;
    if (stream.headersSent) stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    else sendPlainError(stream, 502, "Bad Gateway");
  });
  stream.once("close", () => outgoing.destroy());
  // Not by `pipeline`, which resets the stream when the request fails: a response that was complete would be lost with it.
  stream.pipe(outgoing);
}

function answer(stream: ServerHttp2Stream, incoming: IncomingMessage, method: string): void {
  const status = incoming.statusCode ?? 502;
  if (stream.destroyed || status < 200 || status > 599) {
    incoming.destroy();
    sendPlainError(stream, 502, "Bad Gateway");
    return;
  }
  const isBodiless = method === "HEAD" || status === 204 || status === 205 || status === 304;
  const headers = ofMessage(incoming.headers);
  // HTTP/2 refuses a length where a body is not allowed.
  if (status === 204) delete headers["content-length"];
  stream.respond({ ":status": status, ...headers }, { endStream: isBodiless });
  if (isBodiless) incoming.resume();
  else pipeline(incoming, stream, (error) => error && stream.close(constants.NGHTTP2_INTERNAL_ERROR));
}

/** A connection to a port, byte by byte: for protocols that begin as HTTP and go on as something else. */
export function tunnel(stream: ServerHttp2Stream, port: number): void {
  if (!isPort(port)) return stream.respond({ ":status": 502 }, { endStream: true });
  const socket = connect({ host: "localhost", port, lookup, autoSelectFamily: true, noDelay: true });
  socket.once("connect", () => {
    stream.respond({ ":status": 200 });
    pipeline(socket, stream, () => stream.close());
    pipeline(stream, socket, () => socket.destroy());
  });
  socket.once("error", () => {
    if (stream.headersSent || stream.destroyed) stream.close();
    else stream.respond({ ":status": 502 }, { endStream: true });
  });
  stream.once("close", () => socket.destroy());
}

function ofMessage(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  const named = new Set((headers.connection ?? "").toLowerCase().split(/\s*,\s*/));
  const kept = Object.entries(headers).filter(
    ([name]) => !name.startsWith(":") && !HOP_BY_HOP.has(name) && !named.has(name),
  );
  return Object.fromEntries(kept);
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port > 0 && port <= 65_535;
}
