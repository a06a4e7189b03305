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
