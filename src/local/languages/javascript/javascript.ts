import path from "node:path";
import type { KernelLaunch } from "../../supervisor/configuration.js";
import type { KernelPlace, Language } from "../language.js";
import type { Runtime } from "../runtime.js";
import { nodeFinder } from "./runtime.js";

const launch =
  (typescript: boolean) =>
  ({ executable }: Runtime, { kernels }: KernelPlace): KernelLaunch => ({
    command: [executable, path.posix.join(kernels, "javascript.mjs")],
    settings: { typescript },
  });

/** JavaScript and TypeScript, which the same program runs. */
export const javascript: Language = {
  ...nodeFinder,
  label: "JavaScript, TypeScript",
  program: "Node",
  version: { variable: "NODE_VERSION", of: "Node" },
  requirement: { what: "Node 20 or newer", debian: "nodejs", fedora: "nodejs", macos: "node" },
  kernels: { javascript: launch(false), typescript: launch(true) },
};
