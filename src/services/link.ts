import type { ConnectionConfig } from "../connection.js";
import type { RunQueue } from "../execution/run-queue.js";
import type { ExecdClient } from "../../generated/execd.js";
import type { LifecycleClient } from "../../generated/lifecycle.js";
import type { Target } from "../transport/endpoint.js";
import type { Transport } from "../transport/transport.js";

/** What the services of one sandbox instance share. They depend on this type rather than on `Sandbox`, to avoid an import cycle. */
export interface SandboxLink {
  readonly sandboxId: string;
  readonly config: ConnectionConfig;
  /** The client of execd. The object stays the same when the endpoint changes, for example after a resume. */
  readonly execd: Transport<ExecdClient>;
  /** The client of the lifecycle server. */
  readonly lifecycle: Transport<LifecycleClient>;
  /** Looks up the address of a port. `onHeaders` gets the headers of the server's response. */
  readonly findPort: (
    port: number,
    options: {
      readonly signal?: AbortSignal | undefined;
      readonly onHeaders?: (headers: Headers | undefined) => void;
    },
  ) => Promise<Target>;
  /** Whether the latest `kill` of this instance succeeds; `undefined` if there was none. */
  readonly killed: () => Promise<boolean> | undefined;
  /** Runs in one context are queued per sandbox instance, whichever interpreter starts them. */
  readonly runs: RunQueue;
}
