import { isSandboxException, SandboxConnectionException, SandboxException } from "../errors.js";
import { isRecord } from "./json.js";
import { isIdempotent } from "./request.js";

// Groups of codes, not one text for each: what the platform says stands in brackets behind, and this is downloaded by
// every page that uses the SDK.

/** Failures that come before the first byte of a request is sent, and what they mean. */
const NOT_SENT: readonly (readonly [RegExp, string])[] = [
  [/^ECONNREFUSED$/, "the connection was refused; nothing listens there"],
  [/^(ENOTFOUND|EAI_AGAIN)$/, "the host's name cannot be looked up"],
  [/^(EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL)$/, "the host cannot be reached"],
  [/^UND_ERR_CONNECT_TIMEOUT$/, "connecting took too long"],
  // The client checks the certificate before it sends anything.
  [
    /^(CERT_\w+|UNABLE_TO_(GET|VERIFY|DECRYPT|DECODE)_\w+|(DEPTH_ZERO_)?SELF_SIGNED_CERT\w*|INVALID_CA|HOSTNAME_MISMATCH|ERR_TLS_CERT_ALTNAME_INVALID)$/,
    "the server's TLS certificate is not accepted",
  ],
  // Only the first answer to the handshake can show that the other side speaks no TLS, or not the same.
  [
    /^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST)$/,
    "the server does not speak TLS; is it http, not https?",
  ],
  [
    /^ERR_SSL_(UNSUPPORTED_PROTOCOL|TLSV1_ALERT_PROTOCOL_VERSION|SSLV3_ALERT_HANDSHAKE_FAILURE)$/,
    "the TLS handshake failed",
  ],
];

const MAYBE_SENT: typeof NOT_SENT = [
  [/^(ECONNRESET|EPIPE|UND_ERR_SOCKET)$/, "the server closed the connection"],
  [/TIMEDOUT$|_TIMEOUT$/, "the connection timed out"],
];

/** What the platform says about an error: `fetch` wraps the real one, at times several of them, in a `TypeError`. */
interface ErrorFacts {
  readonly message: string;
  readonly code: string | undefined;
  readonly syscall: string | undefined;
  readonly nested: readonly unknown[];
}

/** Whether a failure is known to have come before anything of the request was sent. */
export function isNotSent(error: unknown): boolean {
  return isNotSentWithin(error, 0);
}

function isNotSentWithin(error: unknown, depth: number): boolean {
  const facts = factsOf(error);
  // Causes may form a circle.
  if (facts === undefined || depth > 8) return false;
  const { code, syscall, nested } = facts;
  if (code !== undefined) {
    return explain(code, NOT_SENT) !== undefined || syscall === "connect" || syscall === "getaddrinfo";
  }
  return nested.length > 0 && nested.every((inner) => isNotSentWithin(inner, depth + 1));
}

/** The exception for a request that got no whole answer: what failed, said so that a person understands it. */
export function toConnectionException(
  error: unknown,
  request: {
    readonly method: string;
    /** Where it went, without a credential. */
    readonly where: string;
    readonly phase: "request" | "answer";
  },
): SandboxException {
  // A `fetch` of the user's, or of the local server, may know better.
  if (error instanceof SandboxException) return error;
  const { method, where, phase } = request;
  const failed = phase === "request" ? "failed" : "failed while its answer was read";
  return new SandboxConnectionException({
    code: "CONNECTION",
    message: `${method} ${where} ${failed}: ${describeConnectionFailure(error)}.`,
    cause: error,
    isRetryable: isIdempotent(method) || (phase === "request" && isNotSent(error)),
  });
}

/** Why a connection failed, in words, with the platform's code. */
export function describeConnectionFailure(error: unknown): string {
  const root = rootOf(error);
  const { code, message } = root;
  const words = code === undefined ? undefined : (explain(code, NOT_SENT) ?? explain(code, MAYBE_SENT));
  // The address, as in "connect ECONNREFUSED 127.0.0.1:8080", is what a person needs to see.
  const platform = [message, code !== undefined && !message.includes(code) ? `(${code})` : ""]
    .join(" ")
    .trim();
  const detail = (platform === "" ? "no reason given" : platform).replace(/\.$/, "").slice(0, 300);
  return words === undefined ? detail : `${words} [${detail}]`;
}

function explain(code: string, known: typeof NOT_SENT): string | undefined {
  return known.find(([codes]) => codes.test(code))?.[1];
}

function rootOf(error: unknown): ErrorFacts {
  let facts = factsOf(error) ?? { message: String(error), code: undefined, syscall: undefined, nested: [] };
  for (let depth = 0; depth < 8; depth += 1) {
    const inner = factsOf(facts.nested[0]);
    // An AggregateError has the code of its parts, but neither message nor address.
    if (inner === undefined || (facts.code !== undefined && facts.message !== "")) break;
    facts = inner;
  }
  return facts;
}

function factsOf(error: unknown): ErrorFacts | undefined {
  if (!isRecord(error)) return undefined;
  const { message, code, syscall, cause, errors } = error;
  return {
    message: typeof message === "string" ? message : "",
    // The code of an exception of ours says nothing about the platform; its cause does.
    code: typeof code === "string" && !isSandboxException(error) ? code : undefined,
    syscall: typeof syscall === "string" ? syscall : undefined,
    nested: Array.isArray(errors) ? errors : cause === undefined ? [] : [cause],
  };
}
