import type { KernelStarter } from "../../supervisor/code/kernel.js";
import { WorkerKernel } from "../../supervisor/code/worker.js";

/** Starts a Java process that runs kernels/JavaKernel.java. */
export const startJava: KernelStarter = (launch, host) =>
  WorkerKernel.start({ name: "Java", launch, interruptBy: "message" }, host);
