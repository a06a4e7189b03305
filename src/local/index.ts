/**
 * A local OpenSandbox server for development and tests: no Docker, no account, the code runs on this machine.
 *
 * @module
 */
export {
  startLocalServer,
  type LocalConnectionOptions,
  type LocalServer,
  type LocalServerOptions,
} from "./server.js";
export type { IsolationMode } from "./isolation/resolve.js";
export type { Faults } from "./faults/faults.js";
export type { IsolationName } from "./isolation/isolation.js";
