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
export { pythonChartsSetup } from "./languages/python/charts.js";
export type { LocalNetworkPolicy, LocalNetworkRule } from "./egress/rules.js";
export type { IsolationMode } from "./box/isolation/resolve.js";
export type { Faults } from "./sandboxes/faults/faults.js";
export type { IsolationName } from "./box/isolation/isolation.js";
/** @internal */
export { examineMachine, type ExaminedLanguage, type Examination } from "./examination.js";
