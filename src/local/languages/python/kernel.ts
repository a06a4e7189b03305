import type { KernelStarter } from "../../supervisor/code/kernel.js";
import { WorkerKernel } from "../../supervisor/code/worker.js";

/** A Python process that runs kernels/python.py. Settings: `ipython`, whether to use it where it can be imported. */
export const startPython: KernelStarter = (launch, host) =>
  WorkerKernel.start({ name: "Python", launch, interruptBy: "signal", hasPipesPerRun: true }, host);
