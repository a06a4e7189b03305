import path from "node:path";
import type { Language } from "../language.js";
import { warmJavaClasses } from "./cache.js";
import { javaFinder } from "./runtime.js";

export const java: Language = {
  ...javaFinder,
  label: "Java",
  program: "JDK",
  version: { variable: "JAVA_VERSION", of: "Java" },
  requirement: {
    what: "JDK of version 11 or newer, with JShell",
    debian: "default-jdk-headless",
    fedora: "java-latest-openjdk-devel",
    macos: "openjdk",
  },
  kernels: {
    java: ({ executable, settings }, { kernels, memoryBytes }) => ({
      command: [
        executable,
        ...virtualMachineOptions(memoryBytes),
        path.posix.join(kernels, "JavaKernel.java"),
      ],
      ...(settings && { settings }),
    }),
  },
  warm: warmJavaClasses,
};

function virtualMachineOptions(memoryBytes: number): string[] {
  return [
    // With a larger heap the process would hit the memory limit and die, instead of throwing OutOfMemoryError.
    ...[`-XX:MaxRAM=${memoryBytes}`, "-XX:MaxRAMPercentage=50"],
    // The channel is an inherited descriptor, which Java opens only through this package's internals.
    ...["--add-opens", "java.base/java.io=ALL-UNNAMED"],
    // A context is small: the threads and memory of the larger collectors do not pay off.
    ...[
      "-XX:+UseSerialGC",
      "-XX:-UsePerfData",
      "-Xshare:auto",
      "-Dfile.encoding=UTF-8",
      "-Djava.awt.headless=true",
    ],
  ];
}
