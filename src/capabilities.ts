import { SandboxApiException, SandboxException } from "./errors.js";

/** What a server may lack: in words, and which servers have it. */
export const CAPABILITIES = {
  argv: { what: "commands as lists of arguments, started without a shell", since: "execd of September 2026" },
  readiness: { what: "`/ready`, which says whether execd is set up", since: "execd of September 2026" },
  terminals: { what: "terminals", since: "execd of June 2026 on Linux" },
  isolatedSessions: { what: "isolated sessions", since: "execd 1.0.20 of July 2026, with bubblewrap" },
  isolatedBackgroundRuns: {
    what: "background runs in isolated sessions",
    since: "execd of September 2026, with bubblewrap",
  },
  networkPolicy: {
    what: "reading and changing the network policy",
    since: "a server of June 2026 with an egress image, for sandboxes with a networkPolicy",
  },
  credentialVault: {
    what: "the credential vault",
    since: "a server of July 2026 with egress mode dns+nft, for sandboxes with credentialProxy",
  },
  snapshots: { what: "snapshots", since: "a server of June 2026" },
  templates: { what: "templates", since: "a server of September 2026 on Kubernetes with fast-sandbox" },
} as const satisfies Readonly<Record<string, { readonly what: string; readonly since: string }>>;

/** The name of something that a server may lack. */
export type CapabilityName = keyof typeof CAPABILITIES;

/**
 * Creates the exception for something that a server lacks; its message names the servers that have it.
 *
 * @param context.reason what the server says about it
 */
export function notSupported(
  name: CapabilityName,
  context: {
    readonly sandboxId?: string | undefined;
    readonly reason?: string | undefined;
    readonly cause?: unknown;
  } = {},
): SandboxException {
  const { what, since } = CAPABILITIES[name];
  const { sandboxId, reason, cause } = context;
  const why = reason === undefined ? "" : ` (${reason.replace(/\.$/, "")})`;
  return new SandboxException({
    code: "NOT_SUPPORTED",
    message: `This server does not support ${what}${why}. It needs ${since}.`,
    sandboxId,
    cause,
  });
}

/**
 * Returns whether a server responded that it does not know a route. Servers that know it send a code with their 404: execd
 * responds with plain text otherwise, and the lifecycle server with `detail`.
 */
export function isUnknownRoute(error: unknown): error is SandboxApiException {
  return (
    error instanceof SandboxApiException &&
    (error.statusCode === 404 || error.statusCode === 405) &&
    error.code === "UNEXPECTED_RESPONSE"
  );
}
