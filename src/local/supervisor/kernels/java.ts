import type { KernelStarter } from "./kernel.js";
import { WorkerKernel } from "./worker.js";

/** A Java process that runs kernels/JavaKernel.java. */
export const startJava: KernelStarter = (launch, host) =>
  WorkerKernel.start({ name: "Java", launch, interruptBy: "message" }, host);
