import { createExecdClient } from "../../generated/execd.js";
import { ConnectionConfig, type ConnectionOptions } from "../../src/connection.js";
import { RunQueue } from "../../src/execution/run-queue.js";
import { Files } from "../../src/services/files.js";
import { getEndpoint, Lifecycle } from "../../src/lifecycle/lifecycle.js";
import type { SandboxLink } from "../../src/services/link.js";
import { Transport } from "../../src/transport/transport.js";

/** Returns the link that a sandbox's services use, for an origin. */
export function linkTo(url: string, options: ConnectionOptions = {}): SandboxLink {
  const config = new ConnectionConfig({ domain: "lifecycle.test", apiKey: "the-key", ...options });
  const sandboxId = "sandbox-1";
  const execd = new Transport({
    server: "execd",
    config,
    endpoint: { url, headers: {} },
    createClient: createExecdClient,
    sandboxId,
  });
  const lifecycle = new Lifecycle(config);
  return {
    sandboxId,
    config,
    execd,
    lifecycle: lifecycle.transport,
    findPort: (port, own) => getEndpoint(lifecycle, sandboxId, port, own),
    killed: () => undefined,
    runs: new RunQueue(),
  };
}

/** Returns the `Files` of a sandbox whose execd has this origin. */
export function filesAt(origin: string, options: ConnectionOptions = {}): Files {
  return new Files(linkTo(origin, options));
}
