import type { ConnectionConfig } from "../connection.js";
import type { RunQueue } from "../execution/run-queue.js";
import type { ExecdClient } from "../../generated/execd.js";
import type { Transport } from "../transport/client.js";

/** What the services of one sandbox instance share: they hang on it, not on the sandbox, which hangs on them. */
export interface SandboxLink {
  readonly sandboxId: string;
  readonly config: ConnectionConfig;
  /** The way to execd. The object stays the same when the endpoint changes, after a resume say. */
  readonly execd: Transport<ExecdClient>;
  /** Runs in one context are queued per sandbox instance, whichever interpreter starts them. */
  readonly runs: RunQueue;
}
