import { isRecord } from "../json.js";
import { isSandboxException, SandboxConnectionException, SandboxException } from "../errors.js";
import { redactUrl } from "../logging.js";
import type { ServerKind } from "./endpoint.js";
import { isIdempotent } from "./request.js";

// Groups of codes rather than one text for each: the platform's own message follows in brackets, and every page that
// uses the SDK downloads this.

const NO_SERVER_HINT =
  ' Start a local server with "npx opensandbox-code-interpreter serve", or set OPEN_SANDBOX_DOMAIN or "domain" to the address of another.';
const REFUSED = /^(ECONNREFUSED|ConnectionRefused)$/;

/** Failures that come before the first byte of a request is sent, and what they mean. */
const NOT_SENT: readonly (readonly [RegExp, string])[] = [
  [REFUSED, "the connection was refused; nothing listens there"],
  [/^(ENOTFOUND|EAI_\w+)$/, "the host's name cannot be looked up"],
  [/^(EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|FailedToOpenSocket)$/, "the host cannot be reached"],
  [/^UND_ERR_CONNECT_TIMEOUT$/, "connecting took too long"],
  [/^(ERR_INVALID_(URL|ARG_TYPE|ARG_VALUE)|UND_ERR_INVALID_ARG)$/, "the request is not valid"],
  [/^(ERR_PROXY_TUNNEL|UND_ERR_PRX_TLS)$/, "the HTTP proxy refused the connection"],
  // The client checks the certificate before it sends anything.
  [
    /^(UNABLE_TO_(GET|VERIFY|DECRYPT|DECODE)_\w+|INVALID_CA|HOSTNAME_MISMATCH|(\w+_)?CERT(_\w+)?)$/,
    "the server's TLS certificate is not accepted",
  ],
  // The other side speaks no TLS, or sends an alert before the client has sent its part of the handshake. The names of
  // alerts begin with a version of TLS, which differs by that of OpenSSL: "SSLV3", and "SSL/TLS" from Node.js 24 on.
  [
    /^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST|UNSUPPORTED_PROTOCOL|[\w/]*(HANDSHAKE_FAILURE|PROTOCOL_VERSION|NO_APPLICATION_PROTOCOL|UNRECOGNIZED_NAME|INSUFFICIENT_SECURITY|INAPPROPRIATE_FALLBACK|(UNSUPPORTED|MISSING)_EXTENSION))$/,
    "the TLS handshake failed; is it http, not https?",
  ],
];

/** The same, if the platform sets no code: ports that `fetch` blocks, and URLs and headers that it refuses. */
const NOT_SENT_MESSAGE =
  /^(bad port|unknown scheme|Failed to parse URL|Invalid URL|invalid \w+ header|Invalid header)/i;

const MAYBE_SENT: typeof NOT_SENT = [
  [/^(ECONNRESET|EPIPE|UND_ERR_SOCKET|ConnectionClosed)$/, "the server closed the connection"],
  [/TIMEDOUT$|_TIMEOUT$/, "the connection timed out"],
];

/** What the platform reports about an error: `fetch` wraps the real one, at times several of them, in a `TypeError`. */
interface ErrorDetails {
  readonly message: string;
  readonly code: string | undefined;
  readonly syscall: unknown;
  readonly nested: readonly unknown[];
}

/** The number of causes that are followed, since they can be circular. */
const DEEPEST_CAUSE = 8;

/** Returns whether it is certain that `fetch` failed before it sent anything. */
export function isNotSent(error: unknown, depth = 0): boolean {
  const { code, syscall, message, nested } = detailsOf(error);
  if (code !== undefined) {
    return explain(code, NOT_SENT) !== undefined || syscall === "connect" || syscall === "getaddrinfo";
  }
  if (NOT_SENT_MESSAGE.test(message)) return true;
  if (nested.length === 0 || depth > DEEPEST_CAUSE) return false;
  return nested.every((inner) => isNotSent(inner, depth + 1));
}

/** Creates the exception for a request without a complete response. Its message explains the failure. */
export function toConnectionException(
  error: unknown,
  request: {
    readonly method: string;
    readonly url: string;
    readonly server: ServerKind;
    readonly phase: "request" | "response";
    /** Known without the error. */
    readonly isNotSent: boolean;
  },
): SandboxException {
  // A `fetch` of the user's, or of the local server, may know better.
  if (error instanceof SandboxException) return error;
  const { method, url, server, phase } = request;
  const failed = phase === "request" ? "failed" : "failed while its response was read";
  const notSent = request.isNotSent || (phase === "request" && isNotSent(error));
  const hint = server === "lifecycle" && isRefusedByLoopback(error, url) ? NO_SERVER_HINT : "";
  return new SandboxConnectionException({
    code: "CONNECTION",
    message: `${method} ${redactUrl(url)} ${failed}: ${describeConnectionFailure(error)}.${hint}`,
    cause: error,
    isRetryable: isIdempotent(method) || notSent,
    isNotSent: notSent,
  });
}

/** Returns whether the error means that nothing listens at an address of this machine. */
export function isRefusedByLoopback(error: unknown, url: string): boolean {
  const { code } = rootOf(error);
  if (code === undefined || !REFUSED.test(code)) return false;
  return /^https?:\/\/(localhost|127(\.\d+){3}|\[::1\])(?=[:/?#]|$)/.test(url);
}

/** Describes why a connection failed, in words, with the platform's code. */
export function describeConnectionFailure(error: unknown): string {
  const { code = "", message } = rootOf(error);
  const words = explain(code, NOT_SENT) ?? explain(code, MAYBE_SENT);
  // The address, as in "connect ECONNREFUSED 127.0.0.1:8080", is what a person needs to see.
  const platform = message.includes(code) ? message : `${message} (${code})`.trim();
  const detail = (platform || "no reason given").replace(/\.$/, "").slice(0, 300);
  return words === undefined ? detail : `${words} [${detail}]`;
}

function explain(code: string, known: typeof NOT_SENT): string | undefined {
  return known.find(([codes]) => codes.test(code))?.[1];
}

function rootOf(error: unknown, depth = 0): ErrorDetails {
  const details = detailsOf(error);
  const [inner] = details.nested;
  // An AggregateError has the code of its parts, but neither message nor address.
  const isRoot = details.code !== undefined && details.message !== "";
  return isRoot || !isRecord(inner) || depth > DEEPEST_CAUSE ? details : rootOf(inner, depth + 1);
}

function detailsOf(error: unknown): ErrorDetails {
  const { message, code, syscall, cause, errors } = isRecord(error) ? error : { message: String(error) };
  return {
    message: typeof message === "string" ? message : "",
    // The code of an exception of ours is not the platform's; that is in its cause.
    code: typeof code === "string" && !isSandboxException(error) ? code : undefined,
    syscall,
    nested: Array.isArray(errors) ? errors : cause === undefined ? [] : [cause],
  };
}
