/**
 * Keeps sandboxes ready, so that your program does not wait until one has started.
 *
 * @module
 */
export { SandboxPool } from "./sandbox-pool.js";
export type { AcquireOptions, AcquirePolicy, PoolSandboxFactory, SandboxPoolOptions } from "./options.js";
export type { DiscardReason, PoolEvent, PoolStats } from "./events.js";
export { PoolClosedException, PoolEmptyException } from "./errors.js";
