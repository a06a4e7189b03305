import type { ConnectionConfig } from "../connection.js";
import { createExecdClient } from "../../generated/execd.js";
import { throwIfAborted } from "../transport/abort.js";
import { Transport } from "../transport/transport.js";
import { getEndpoint, type Lifecycle, type SandboxEndpoint } from "./lifecycle.js";

/** The port of execd in every sandbox. */
export const EXECD_PORT = 44_772;
/** How long execd may take to respond at the direct address, in seconds. */
const PING_SECONDS = 2;

/**
 * Returns the address of execd itself if the server returned the path of execd's proxy that leads back to execd, as in
 * Docker's bridge mode: that proxy loses 1 to 3 % of streams. Returns any other endpoint unchanged, and also this one if
 * execd does not respond to the direct address.
 */
export async function preferDirectEndpoint(
  endpoint: SandboxEndpoint,
  { sandboxId, config }: { readonly sandboxId: string; readonly config: ConnectionConfig },
  signal: AbortSignal | undefined,
): Promise<SandboxEndpoint> {
  const { origin, pathname } = new URL(endpoint.url);
  // The proxy of the lifecycle server has a longer path.
  if (pathname.replace(/\/$/, "") !== `/proxy/${EXECD_PORT}`) return endpoint;
  const direct = { ...endpoint, url: origin };
  const options = { config, sandboxId, endpoint: direct, createClient: createExecdClient };
  const { client, json } = new Transport({ server: "execd", ...options });
  try {
    await client.GET("/ping", { fetch: json({ signal, timeoutSeconds: PING_SECONDS, retry: false }).fetch });
    return direct;
  } catch {
    throwIfAborted(signal);
    return endpoint;
  }
}

/** Looks up where execd is now. */
export async function findExecd(
  sandbox: { readonly sandboxId: string; readonly config: ConnectionConfig; readonly lifecycle: Lifecycle },
  signal: AbortSignal,
): Promise<SandboxEndpoint> {
  const found = await getEndpoint(sandbox.lifecycle, sandbox.sandboxId, EXECD_PORT, { signal });
  return await preferDirectEndpoint(found, sandbox, signal);
}
