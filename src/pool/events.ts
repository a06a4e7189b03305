/** Why a pool killed a sandbox that nobody had acquired, or that {@link SandboxPool.use} had finished with. */
export type DiscardReason =
  /** It did not respond, or its health check failed. */
  | "unhealthy"
  /** The server no longer knows it: it expired, or somebody killed it. */
  | "gone"
  /** The pool held more than its size. */
  | "surplus"
  /** `use` has ended. */
  | "used"
  /** The pool was closed, or its acquisition was aborted. */
  | "cancelled";

/** What happens in a pool. */
export type PoolEvent =
  /** A sandbox was created and prepared. */
  | { readonly type: "created"; readonly sandboxId: string; readonly durationMillis: number }
  /** A sandbox was not created, or `prepare` failed. The pool tries again after `retryInMillis`. */
  | { readonly type: "create_failed"; readonly error: unknown; readonly retryInMillis: number }
  /** A sandbox was acquired: one that was idle, or one that was created for this call. */
  | {
      readonly type: "acquired";
      readonly sandboxId: string;
      readonly source: "idle" | "created";
      /** Milliseconds since the call. */
      readonly waitMillis: number;
    }
  /** The expiry of an idle sandbox was moved. */
  | { readonly type: "renewed"; readonly sandboxId: string }
  /** A sandbox left the pool without being acquired, or after `use`, and is being killed. */
  | { readonly type: "discarded"; readonly sandboxId: string; readonly reason: DiscardReason }
  /** A sandbox could not be killed or renewed. It ends when it expires. */
  | { readonly type: "sandbox_error"; readonly sandboxId: string; readonly error: unknown };

/** The state of a pool and what it has done, at one time. */
export interface PoolStats {
  /** How many idle sandboxes the pool keeps. */
  readonly size: number;
  /** Sandboxes that are ready. */
  readonly idle: number;
  /** Sandboxes that are being created and prepared. */
  readonly creating: number;
  /** Calls of `acquire` and `use` that wait for a sandbox. */
  readonly waiting: number;
  /** Sandboxes that `use` is using now. */
  readonly inUse: number;
  /** All sandboxes that were acquired so far, also by `use`. */
  readonly acquired: number;
  /** How many of these were idle before. The others were created for the call. */
  readonly acquiredIdle: number;
  /** All sandboxes that were created so far. */
  readonly created: number;
  /** All creations that failed so far. */
  readonly createFailures: number;
  /** How many creations have failed since the last one that succeeded. */
  readonly consecutiveFailures: number;
  /** What the latest creation failed with; `undefined` after one that succeeded. */
  readonly lastError: unknown;
  /** All sandboxes that were discarded so far, except those that `use` had finished with. */
  readonly discarded: number;
}
