import { createEgressClient, type EgressClient } from "../../../generated/egress.js";
import { SandboxApiException, SandboxConnectionException } from "../../errors.js";
import { onAbort } from "../../transport/abort.js";
import type { Call } from "../../transport/call.js";
import { Transport, type JsonOptions } from "../../transport/transport.js";
import type { SandboxLink } from "../link.js";

/** The port of the egress sidecar. */
const EGRESS_PORT = 18_080;
const AUTH_HEADER = "opensandbox-egress-auth";
const NO_SIDECAR = "Only a sandbox that was created with a networkPolicy has an egress sidecar.";

/** The sidecar of each sandbox, once it has been looked up; `null` if it has none. */
const sidecars = new WeakMap<SandboxLink, Transport<EgressClient> | null>();

/**
 * Returns the client of a sandbox's egress sidecar. The address is looked up at the first call. Returns `undefined` for a
 * sandbox from a template: it has no sidecar, and the lifecycle server manages its policy.
 */
export async function findSidecar(
  link: SandboxLink,
  signal: AbortSignal | undefined,
): Promise<Transport<EgressClient> | undefined> {
  link.execd.assertOpen();
  const known = sidecars.get(link);
  if (known !== undefined) return known ?? undefined;
  let origin: string | null | undefined;
  const endpoint = await link.findPort(EGRESS_PORT, {
    signal,
    onHeaders: (headers) => (origin = headers?.get("open-sandbox-origin")),
  });
  // Another call may have been faster.
  const found = sidecars.get(link) ?? (origin === "template" ? null : connect(link, endpoint));
  sidecars.set(link, found);
  return found ?? undefined;
}

/** The `fetch` of a call to a sidecar or the lifecycle server. */
export type CallFetch = Call["fetch"];

/** Sends a request to a sidecar. Returns the data of the response, and the call. */
export async function askSidecar<Data>(
  sidecar: Transport<EgressClient>,
  options: JsonOptions,
  send: (client: EgressClient, fetch: CallFetch) => Promise<{ readonly data?: Data }>,
): Promise<[Data | undefined, Call]> {
  // Servers send a token with the address of a sidecar. Without one nothing listens there, and waiting does not change that.
  const call = sidecar.json({ ...options, retry: AUTH_HEADER in sidecar.endpoint.headers });
  try {
    const { data } = await send(sidecar.client, call.fetch);
    return [data, call];
  } catch (error) {
    throw explainAbsence(error);
  }
}

/** Says in the error of a request to a sidecar that there may be none, if nothing responds. */
export function explainAbsence(error: unknown): unknown {
  if (!(error instanceof SandboxConnectionException || isBadGateway(error))) return error;
  const { code, requestId, sandboxId, isRetryable } = error;
  const message = `${error.message.replace(/\.?$/, ".")} ${NO_SIDECAR}`;
  const options = { code, message, requestId, sandboxId, isRetryable, cause: error };
  return error instanceof SandboxConnectionException
    ? new SandboxConnectionException({ ...options, isNotSent: error.isNotSent })
    : new SandboxApiException({ ...options, statusCode: error.statusCode, rawBody: error.rawBody });
}

function isBadGateway(error: unknown): error is SandboxApiException {
  return error instanceof SandboxApiException && error.statusCode === 502;
}

function connect(
  { sandboxId, config, execd, findPort }: SandboxLink,
  { url, headers }: Awaited<ReturnType<SandboxLink["findPort"]>>,
): Transport<EgressClient> {
  const refresh = (signal: AbortSignal) => findPort(EGRESS_PORT, { signal });
  const sidecar = new Transport({
    server: "egress",
    config,
    sandboxId,
    endpoint: { url, headers, refresh },
    createClient: createEgressClient,
  });
  onAbort(execd.closing, () => {
    sidecar.close();
  });
  return sidecar;
}
