import type { ConnectionConfig } from "../connection.js";
import { createExecdClient } from "../../generated/execd.js";
import { throwIfAborted } from "../transport/abort.js";
import { Transport } from "../transport/client.js";
import type { SandboxEndpoint } from "./lifecycle.js";

/** The port of execd in every sandbox. */
export const EXECD_PORT = 44_772;
/** How long execd may take to respond at its own address, in seconds. */
const PING_SECONDS = 2;

/**
 * Returns execd's own address where the server gave that of execd's proxy to itself, as with Docker's bridge mode: that
 * proxy loses 1 to 3 % of streams. Returns the endpoint unchanged if it is another one, or if nothing responds there.
 */
export async function withoutOwnProxy(
  endpoint: SandboxEndpoint,
  { sandboxId, config }: { readonly sandboxId: string; readonly config: ConnectionConfig },
  signal: AbortSignal | undefined,
): Promise<SandboxEndpoint> {
  const { origin, pathname } = new URL(endpoint.url);
  // The lifecycle server's own proxy has more in its path.
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
