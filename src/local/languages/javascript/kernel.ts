import type { KernelStarter } from "../../supervisor/code/kernel.js";
import { WorkerKernel, type WorkerSpec } from "../../supervisor/code/worker.js";

const COMMON = {
  interruptBy: "message",
  // Whatever fails then, fails of the interrupt: `execSync`, for one, of the death of its child.
  interrupted: {
    type: "error",
    ename: "KeyboardInterrupt",
    evalue: "",
    traceback: ["KeyboardInterrupt: the run was interrupted"],
  },
} as const satisfies Partial<WorkerSpec>;

/** A Node process that runs kernels/javascript.mjs. */
export const startJavaScript: KernelStarter = (launch, host) =>
  WorkerKernel.start({ ...COMMON, name: "JavaScript", launch }, host);

/** The same with the setting `typescript`: types are removed, and not checked. */
export const startTypeScript: KernelStarter = (launch, host) =>
  WorkerKernel.start({ ...COMMON, name: "TypeScript", launch }, host);
