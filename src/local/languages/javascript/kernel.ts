import type { KernelStarter } from "../../supervisor/code/kernel.js";
import { WorkerKernel, type WorkerSpec } from "../../supervisor/code/worker.js";

const COMMON = {
  interruptBy: "message",
  // After an interrupt, any error is a consequence of it: `execSync` fails because its child was killed.
  interrupted: {
    type: "error",
    ename: "KeyboardInterrupt",
    evalue: "",
    traceback: ["KeyboardInterrupt: the run was interrupted"],
  },
} as const satisfies Partial<WorkerSpec>;

/** Starts a Node process that runs kernels/javascript.mjs. */
export const startJavaScript: KernelStarter = (launch, host) =>
  WorkerKernel.start({ ...COMMON, name: "JavaScript", launch }, host);

/** Starts the same program with the setting `typescript`: types are removed, not checked. */
export const startTypeScript: KernelStarter = (launch, host) =>
  WorkerKernel.start({ ...COMMON, name: "TypeScript", launch }, host);
