import { existsSync } from "node:fs";
import type { KernelStarter } from "../../supervisor/code/kernel.js";
import { WorkerKernel } from "../../supervisor/code/worker.js";

/** Starts a Java process that runs kernels/JavaKernel.java, or its classes if they are compiled already. */
export const startJava: KernelStarter = ({ settings = {}, ...launch }, host) => {
  const [executable, ...options] = launch.command;
  const { classes } = settings;
  // Java separates the parts of a class path by colons.
  if (typeof classes !== "string" || classes.includes(":") || !existsSync(classes))
    return WorkerKernel.start({ name: "Java", launch, interruptBy: "message" }, host);
  // The program behind them is the source file.
  options.pop();
  // What Java uses without `-cp` stays available to the user's code.
  const users = host.env["CLASSPATH"] ?? "";
  const compiled = ["-cp", `${classes}:${users === "" ? "." : users}`, "JavaKernel"];
  const command = [executable, ...options, `-Dkernel.classes=${classes}`, ...compiled] as const;
  return WorkerKernel.start({ name: "Java", launch: { ...launch, command }, interruptBy: "message" }, host);
};
