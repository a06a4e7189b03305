import type { KernelStarter } from "../../supervisor/code/kernel.js";
import { WorkerKernel } from "../../supervisor/code/worker.js";
import { makeEnvironment, type PythonBase } from "./packages.js";

/**
 * Starts a Python process that runs `python.py`, in a writable environment over the machine's Python.
 *
 * Settings: `ipython`, whether to use IPython if it can be imported; `environment`, the directory of the environment;
 * `base`, the {@link PythonBase} of the environment as JSON.
 */
export const startPython: KernelStarter = (launch, host) => {
  const { environment, base } = launch.settings ?? {};
  // Unchecked, since the host wrote it.
  makeEnvironment(String(environment), JSON.parse(String(base)) as PythonBase);
  return WorkerKernel.start({ name: "Python", launch, interruptBy: "signal", hasPipesPerRun: true }, host);
};
